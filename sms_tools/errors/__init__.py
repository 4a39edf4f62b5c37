"""Everything that can go wrong, as one tree, and the one mapping from a reply to an error.

::

    SmsToolsError
    ├── SettingsError           the installation is not set up for this
    │   └── PolicyError             the policy file says what means nothing (guard.policy)
    ├── StateError              the state cannot be used (state); AuditError: nor the audit (guard)
    ├── RequestRefused          refused here, before anything was sent
    │   └── PromptError             a prompt that cannot be rendered as asked (prompting)
    ├── ServiceUnreachable      no whole answer; `outcome_unknown` says whether it may have acted
    │   ├── CircuitOpen         nothing was sent: it failed again and again a moment ago
    │   └── UnreadableReply         an answer that is none to what was asked: not read, never zero
    └── ServiceError            the service answered, with a refusal
        ├── AuthenticationFailed    who is calling is not accepted
        ├── PermissionDenied        the caller is known, and may not do this
        ├── AccountRestricted       frozen, unpaid or unverified account
        ├── NotFound                the thing named does not exist (HTTP 400 or 404)
        ├── NotOffered              the address answers, but does not know this call
        ├── InvalidState            not now: the thing is in another state, or still in use
        ├── InvalidRequest          the request itself is wrong
        ├── QuotaExceeded           the account holds no more of these
        ├── Throttled               too many calls; `retry_after` seconds where the service says
        └── ServerFault             the service failed

What the service writes (``message``, ``params``, ``details``) is a stranger's text: it is kept as
it came, to be cleaned where it leaves. ``advice`` is ours and names the tool that helps next.
"""

# ruff: noqa: N818  (the names say what happened; "Error" at the end of each would say nothing)

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sms_tools.errors.reply import ErrorReply, read_error_reply

_CLOCK_TOLERANCE_MINUTES: Final = 15

IAM_TOKEN: Final = "get an IAM token"  # noqa: S105 (what was attempted, not a password)
"""The operation named by errors of the call that turns a password into a token."""


class SmsToolsError(Exception):
    """The root of the tree: whatever this package raises on purpose."""

    advice: str = ""
    """What to do next, in our words; empty where there is nothing to add."""

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        if advice:
            self.advice = advice

    def tried(self, times: int) -> None:
        """Say in the message how often the call was tried, where that was more than once."""
        if times > 1:
            self.args = (f"{str(self).rstrip('.')}. It was tried {times} times.",)


class SettingsError(SmsToolsError):
    """The settings do not allow this; the message names the variables."""

    advice = "Correct the settings and run `sms-tools check`."


class RequestRefused(SmsToolsError):
    """Refused on this side: nothing was sent, nothing changed."""


class ServiceUnreachable(SmsToolsError):
    """No whole answer arrived: no connection, a time limit, a cut or unreadable reply.

    ``outcome_unknown`` is true where the request may have been carried out: look before
    repeating it. It is false for reads and for requests that never left.
    """

    advice = "Try again in a moment; `sms-tools check` tests the connection."

    def __init__(self, message: str, *, outcome_unknown: bool = False, advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.outcome_unknown = outcome_unknown
        if outcome_unknown:
            self.advice = (
                "The call may have been carried out all the same. Read the current state "
                "(get_migration_task, get_source_server or the matching list tool) before "
                "repeating it."
            )


class CircuitOpen(ServiceUnreachable):
    """Nothing was sent: the service failed several times in a row, and is left alone for a bit."""


class UnreadableReply(ServiceUnreachable):
    """A success by its status that does not have the shape of the operation's reply."""

    advice = (
        "Nothing was read, so nothing is known from it. Call again in a moment; if it stays, check "
        "SMS_TOOLS_ENDPOINT and what stands between here and the service (proxy, login page) with "
        "`sms-tools check`."
    )


class ServiceError(SmsToolsError):
    """The service answered with a refusal.

    ``status`` is the HTTP status (business errors are all 400, so ``code`` says more),
    ``operation`` the name of the operation that was refused.
    """

    advice = "explain_error_code says what the code means and what to do first."

    def __init__(self, reply: ErrorReply, operation: str, *, advice: str = "") -> None:
        super().__init__(_sentence(reply, operation), advice=advice)
        self.reply = reply
        self.operation = operation

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.reply.status

    @property
    def code(self) -> str | None:
        """The service's error code, such as ``SMS.7703``."""
        return self.reply.code

    @property
    def message(self) -> str:
        """The service's own sentence."""
        return self.reply.message

    @property
    def params(self) -> Sequence[str]:
        """What the code's message has blanks for."""
        return self.reply.params

    @property
    def details(self) -> Sequence[tuple[str, str]]:
        """Nested errors: code and message of each."""
        return self.reply.details

    @property
    def request_id(self) -> str | None:
        """What the vendor's support asks for."""
        return self.reply.request_id

    @property
    def retry_after(self) -> float | None:
        """Seconds that the service asks to wait, where it says so."""
        return self.reply.retry_after


class AuthenticationFailed(ServiceError):
    """The credentials were not accepted: wrong, expired, or signed with a wrong clock."""

    advice = "Run `sms-tools check`: it tests the credentials and this machine's clock."


class PermissionDenied(ServiceError):
    """The caller is known and may not do this."""

    advice = (
        "Have an IAM administrator grant this user what the message names: the system policy "
        "`SMS FullAccess` covers all of server migration, `SMS ReadOnlyAccess` the reading calls. "
        "`sms-tools check` tests it."
    )


class AccountRestricted(ServiceError):
    """The account is frozen, short of balance or not verified; no call changes that."""

    advice = (
        "The account's owner has to settle this on the console (billing, real-name "
        "authentication); until then this and other calls keep failing."
    )


class NotFound(ServiceError):
    """What the request names does not exist, or no longer."""


class NotOffered(ServiceError):
    """The address answers but does not know the call: usually a wrong region or endpoint."""

    advice = (
        "Check SMS_TOOLS_REGION and SMS_TOOLS_ENDPOINT: the service is not offered in every "
        "region. `sms-tools check` tests the address."
    )


class InvalidState(ServiceError):
    """Not now: the thing is in another state, or something still depends on it."""

    advice = (
        "Read the current state (get_migration_task or diagnose_server) and choose an action "
        "that it allows."
    )


class InvalidRequest(ServiceError):
    """The request itself was found wrong; repeating it unchanged is useless."""

    advice = "Correct the arguments the message names; the same call again fails the same way."


class QuotaExceeded(ServiceError):
    """The account holds no more of these."""

    advice = (
        "find_cleanup_candidates lists what is no longer needed; a higher quota is asked for on "
        "the console."
    )


class Throttled(ServiceError):
    """Too many calls in too short a time. The call was not carried out."""

    advice = "Wait before the next call, and ask for fewer things at a time."


class ServerFault(ServiceError):
    """The service failed; a call that changes something may have been carried out in part."""

    advice = (
        "Try again later. If the call changes something, read the current state first: it may "
        "have been carried out. With the request id, support can find it."
    )


def error_from_response(
    status: int, headers: Mapping[str, str], body: bytes, operation: str, now: datetime
) -> ServiceError:
    """The error that a reply means; *headers* may be in any case, *now* dates a Retry-After."""
    reply = read_error_reply(status, headers, body, now)
    kind = _kind(reply)
    return kind(reply, operation, advice=_advice(kind, reply, operation, now))


def _codes(numbers: str) -> frozenset[str]:
    return frozenset(f"SMS.{number}" for number in numbers.split())


_KIND_BY_CODE: Final[Mapping[str, type[ServiceError]]] = MappingProxyType(
    {
        code: kind
        for kind, codes in (
            (NotFound, _codes("6302 7101 7301 7304 7602 7606 7703 8103 8109 8112 8113")),
            (AuthenticationFailed, _codes("0202 0205 6521 6522 6560")),
            (PermissionDenied, _codes("0204 6523 6524 6527 8114 9003 9004")),
            (AccountRestricted, _codes("6525 6528 6529 6542")),
            (
                InvalidState,
                _codes(
                    "6005 6502 6520 7111 7303 7311 7313 7601 7605 7707 7713 7714 7715 7716 7717 "
                    "7718 7719 7721 7722 7723 9905"
                ),
            ),
            (QuotaExceeded, _codes("6407 6501 6526 7113 8115")),
            (
                InvalidRequest,
                _codes(
                    "6001 6002 6003 6004 6006 6010 6011 6012 6013 6014 6015 6016 6020 6022 6023 "
                    "6030 6031 6032 6033 6034 6035 6101 6102 6103 6104 6105 6401 6402 6405 6530 "
                    "7112 7312 7321 7711 7712 7726 7727 7728 8102 8106 9001 9002"
                ),
            ),
            (ServiceError, _codes("6605")),  # with a 403, but no right is missing
            (ServerFault, _codes("6000 6301")),
            (NotOffered, frozenset({"APIGW.0101", "APIGW.0103"})),
            (Throttled, frozenset({"APIGW.0308"})),
        )
        for code in codes
    }
)

_KIND_BY_STATUS: Final[Mapping[int, type[ServiceError]]] = MappingProxyType(
    {
        400: InvalidRequest,
        401: AuthenticationFailed,
        402: AccountRestricted,
        403: PermissionDenied,
        404: NotFound,
        405: NotOffered,
        408: ServerFault,
        409: InvalidState,
        410: NotFound,
        413: InvalidRequest,
        414: InvalidRequest,
        415: InvalidRequest,
        422: InvalidRequest,
        429: Throttled,
    }
)

# What lists the things that a code says are missing; the operation's name decides where no code
# does. A task's parts come with the task.
_FINDER_BY_CODE: Final = {
    "SMS.7101": "list_templates",
    "SMS.7301": "list_migration_projects",
    "SMS.7304": "list_migration_projects",
    "SMS.7602": "list_source_servers",
    "SMS.7703": "list_migration_tasks",
    "SMS.8109": "list_source_servers",
}
_FINDER_BY_WORD: Final = (
    ("template", "list_templates"),
    ("migration_project", "list_migration_projects"),
    ("source_server", "list_source_servers"),
    ("agent_command", "list_source_servers"),
)


def kind_of_code(code: str) -> type[ServiceError] | None:
    """The kind of error that *code* alone tells; None where it tells none."""
    return _KIND_BY_CODE.get(code)


def _kind(reply: ErrorReply) -> type[ServiceError]:
    by_code = _KIND_BY_CODE.get(reply.code or "")
    if by_code:
        return by_code
    if reply.status >= 500:
        return ServerFault
    if 200 <= reply.status < 300:
        return ServiceError  # an error in a body that calls itself a success
    if reply.status < 400 or (reply.status == 404 and not reply.structured):
        return NotOffered  # a redirection, or a page of somebody who is not the service
    if reply.status == 400 and (reply.code or "").startswith("SMS."):
        return ServiceError  # one of the codes about a migration, not about this request
    return _KIND_BY_STATUS.get(reply.status, ServiceError)


def _advice(kind: type[ServiceError], reply: ErrorReply, operation: str, now: datetime) -> str:
    """What the class's own advice leaves open; empty where that says it all."""
    if kind is NotFound:
        return _advice_when_missing(reply, operation)
    if kind is Throttled and reply.retry_after is not None:
        return f"Wait {reply.retry_after:.0f} seconds before the next call."
    if kind is AuthenticationFailed and (skew := _skew(reply, now)):
        return (
            f"This machine's clock is {skew} minutes off the service's, which makes signatures "
            "invalid: set it (NTP)."
        )
    if kind is AuthenticationFailed and operation == IAM_TOKEN:
        return (
            "Check SMS_TOOLS_IAM_USER, SMS_TOOLS_IAM_PASSWORD and SMS_TOOLS_IAM_DOMAIN: IAM does "
            "not accept them. Several failures in a row lock the user."
        )
    if reply.status == 407:
        return (
            "A proxy on the way wants a login: write it into HTTPS_PROXY "
            "(http://user:password@host:port), or name the service's host in NO_PROXY."
        )
    if kind is ServiceError and reply.code is None and reply.status >= 300:
        return (
            "No error code came with it, so something between here and the service may have "
            "answered: `sms-tools check` tests the connection and the address."
        )
    if 200 <= reply.status < 300:
        return (
            "The service answered with a success whose body is this error: take it as failed. "
            "After a call that changes something, read the current state first; "
            "explain_error_code says what a code means."
        )
    if kind is InvalidState and reply.code in ("SMS.7111", "SMS.7311", "SMS.7601"):
        return (
            "Delete what depends on it first; list_migration_tasks or list_source_servers shows it."
        )
    return ""


def _skew(reply: ErrorReply, now: datetime) -> int:
    """Whole minutes between the clocks where that is more than the gateway bears, else 0."""
    minutes = abs((now - reply.server_time).total_seconds()) / 60 if reply.server_time else 0
    return round(minutes) if minutes > _CLOCK_TOLERANCE_MINUTES else 0


def _advice_when_missing(reply: ErrorReply, operation: str) -> str:
    if reply.code == "SMS.6302":
        return "The task has no rate limit of its own; set_migration_rate_limits sets one."
    by_word = (finder for word, finder in _FINDER_BY_WORD if word in operation)
    finder = _FINDER_BY_CODE.get(reply.code or "") or next(by_word, "list_migration_tasks")
    return f"It may have been deleted; {finder} shows what there is, with ids."


def _sentence(reply: ErrorReply, operation: str) -> str:
    marks = [reply.code] if reply.code else []
    marks.append(f"HTTP {reply.status}")
    if reply.request_id:
        marks.append(f"request id {reply.request_id[:128]}")
    said = reply.message or "the service gave no reason"
    return f"{operation}: {said.rstrip('.')} ({', '.join(marks)})"
