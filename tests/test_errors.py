"""From a reply to an error: the service's dialects, and the tool that helps next."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from sms_tools import errors
from sms_tools.errors import ServiceError, error_from_response
from sms_tools.operations import CATALOGUE

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def error_of(
    status: int, body: Any = None, operation: str = "get_migration_task", **headers: str
) -> ServiceError:
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return error_from_response(status, headers, raw, operation, NOW)


def coded(code: str, message: str = "Refused.", **more: Any) -> dict[str, Any]:
    return {"error_code": code, "error_msg": message, **more}


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "SMS.7703", errors.NotFound),
        (400, "SMS.7101", errors.NotFound),
        (400, "SMS.7602", errors.NotFound),
        (400, "SMS.7713", errors.InvalidState),
        (400, "SMS.7721", errors.InvalidState),
        (400, "SMS.7111", errors.InvalidState),
        (400, "SMS.9905", errors.InvalidState),
        (400, "SMS.6013", errors.InvalidRequest),
        (400, "SMS.9001", errors.InvalidRequest),
        (400, "SMS.7112", errors.InvalidRequest),
        (400, "SMS.6501", errors.QuotaExceeded),
        (400, "SMS.9003", errors.PermissionDenied),
        (403, "SMS.9004", errors.PermissionDenied),
        (403, "SMS.6542", errors.AccountRestricted),
        (400, "SMS.6528", errors.AccountRestricted),
        (400, "SMS.6521", errors.AuthenticationFailed),
        (401, "APIGW.0301", errors.AuthenticationFailed),
        (403, "APIGW.0302", errors.PermissionDenied),
        (404, "APIGW.0101", errors.NotOffered),
        (429, "APIGW.0308", errors.Throttled),
        (500, "APIGW.0601", errors.ServerFault),
        (504, "APIGW.0203", errors.ServerFault),
        (400, "SMS.6000", errors.ServerFault),
        (400, "SMS.8101", errors.ServiceError),
        (400, "SMS.9999", errors.ServiceError),
    ],
)
def test_the_code_decides_and_then_the_status(
    status: int, code: str, kind: type[ServiceError]
) -> None:
    error = error_of(status, coded(code))
    assert type(error) is kind
    assert (error.status, error.code, error.message) == (status, code, "Refused.")
    assert error.advice


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, errors.NotOffered),
        (400, errors.InvalidRequest),
        (401, errors.AuthenticationFailed),
        (403, errors.PermissionDenied),
        (404, errors.NotOffered),
        (405, errors.NotOffered),
        (409, errors.InvalidState),
        (413, errors.InvalidRequest),
        (418, errors.ServiceError),
        (429, errors.Throttled),
        (502, errors.ServerFault),
    ],
)
@pytest.mark.parametrize("body", [None, b"<html>Bad Gateway</html>", b"[1]", b'"x"', b"{", b"\xff"])
def test_a_body_that_says_nothing_leaves_the_status(
    status: int, kind: type[ServiceError], body: bytes | None
) -> None:
    error = error_of(status, body)
    assert type(error) is kind
    assert "the service gave no reason" in str(error)


def test_a_404_of_the_service_is_about_the_thing() -> None:
    assert type(error_of(404, {"error_msg": "The task was not found."})) is errors.NotFound


def test_all_that_the_service_says_is_kept() -> None:
    said = "You do not have permission to perform action sms:server:list on resource X."
    error = error_of(
        403,
        coded(
            "SMS.9004",
            f"The current account does not have the permission to execute policy {said}",
            error_param=[said],
            details=[{"error_code": "SMS.9004", "error_msg": said}],
            encoded_authorization_message="ENCODED-EXAMPLE",
            encoded_authorized_message="ENCODED-EXAMPLE",
        ),
        operation="list_source_servers",
        **{"X-Request-Id": "r-1"},
    )
    assert error.params == (said,)
    assert error.details == (("SMS.9004", said),)
    assert error.request_id == "r-1"
    assert error.operation == "list_source_servers"
    assert str(error).startswith("list_source_servers: The current account")
    assert str(error).endswith("(SMS.9004, HTTP 403, request id r-1)")
    assert "SMS ReadOnlyAccess" in error.advice


def test_the_encoded_authorization_message_never_gets_in() -> None:
    body = coded("SMS.9004", encoded_authorization_message="ENCODED-EXAMPLE")
    error = error_of(403, body)
    assert "ENCODED-EXAMPLE" not in repr(error) + str(error) + repr(error.reply) + error.advice


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"error": {"code": 401, "message": "Wrong.", "title": "Unauthorized"}}, "401", "Wrong."),
        ({"error": {"code": "IAM.0011", "title": "Unauthorized"}}, "IAM.0011", "Unauthorized"),
        ({"error_code": "IAM.0101", "error_msg": "Wrong."}, "IAM.0101", "Wrong."),
        ({"code": "X.1", "message": "Wrong."}, "X.1", "Wrong."),
        ({"message": "Wrong."}, None, "Wrong."),
        ({"details": [{"error_code": "SMS.1", "error_msg": "Wrong."}]}, "SMS.1", "Wrong."),
        ({"error_code": None, "error_msg": ["odd"], "details": "odd"}, None, ""),
    ],
)
def test_other_senders_dialects_are_understood(
    body: dict[str, Any], code: str | None, message: str
) -> None:
    error = error_of(401, body)
    assert (error.code, error.message) == (code, message)


@pytest.mark.parametrize(
    ("given", "params"),
    [
        (["/", "/mnt"], ("/", "/mnt")),
        ('["/", "/mnt"]', ("/", "/mnt")),
        ("plain", ("plain",)),
        ("[broken", ("[broken",)),
        ([None, "", 7], ("7",)),
        (None, ()),
    ],
)
def test_parameters_come_as_a_list_or_as_json_inside_a_text(
    given: Any, params: tuple[str, ...]
) -> None:
    assert error_of(400, coded("SMS.1302", error_param=given)).params == params


def test_the_request_id_of_the_gateway_is_in_its_body() -> None:
    assert error_of(401, coded("APIGW.0301", request_id="gw-1")).request_id == "gw-1"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0), ("soon", None), ("-3", None)],
)
def test_retry_after_is_a_number_or_a_date(text: str, seconds: float | None) -> None:
    assert error_of(429, **{"retry-after": text}).retry_after == seconds


def test_a_date_that_has_passed_means_now() -> None:
    error = error_of(429, **{"Retry-After": "Sun, 01 Mar 2026 11:00:00 GMT"})
    assert error.retry_after == 0.0


def test_the_clock_of_the_service_is_kept() -> None:
    error = error_of(401, Date="Sun, 01 Mar 2026 12:20:00 GMT")
    assert error.reply.server_time == datetime(2026, 3, 1, 12, 20, tzinfo=UTC)


def test_a_clock_that_is_off_is_the_first_thing_to_be_told() -> None:
    error = error_of(401, coded("APIGW.0301"), Date="Sun, 01 Mar 2026 12:20:00 GMT")
    assert "clock is 20 minutes off" in error.advice
    error = error_of(401, coded("APIGW.0301"), Date="Sun, 01 Mar 2026 12:01:00 GMT")
    assert "sms-tools check" in error.advice


def test_a_long_message_is_cut() -> None:
    error = error_of(400, coded("SMS.9001", "x " * 5000))
    assert len(error.message) == 1000
    assert error.message.endswith("…")


@pytest.mark.parametrize(
    ("code", "operation", "tool"),
    [
        ("SMS.7703", "delete_migration_task", "list_migration_tasks"),
        ("SMS.7703", "create_template", "list_migration_tasks"),
        ("SMS.7101", "create_migration_task", "list_templates"),
        ("SMS.7301", "update_source_server", "list_migration_projects"),
        ("SMS.7602", "create_migration_task", "list_source_servers"),
        ("SMS.6302", "get_migration_rate_limits", "set_migration_rate_limits"),
        ("", "get_template", "list_templates"),
        ("", "get_agent_command", "list_source_servers"),
        ("", "get_consistency_results", "list_migration_tasks"),
    ],
)
def test_what_is_missing_is_looked_for_with_the_right_tool(
    code: str, operation: str, tool: str
) -> None:
    assert tool in CATALOGUE
    error = error_of(404, coded(code), operation=operation)
    assert isinstance(error, errors.NotFound)
    assert tool in error.advice


def test_a_refused_password_warns_of_the_lock() -> None:
    error = error_of(401, operation=errors.IAM_TOKEN)
    assert "lock the user" in error.advice


def test_an_unknown_outcome_says_to_look_first() -> None:
    assert "before repeating" in errors.ServiceUnreachable("cut", outcome_unknown=True).advice
    assert "before repeating" not in errors.ServiceUnreachable("cut").advice


def test_there_is_one_tree() -> None:
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, Exception)]
    assert len(kinds) > 10
    for kind in kinds:
        assert issubclass(kind, errors.SmsToolsError)
        assert kind.__name__ in str(errors.__doc__)


@pytest.mark.parametrize(
    ("text", "date", "seconds"),
    [
        ("7", None, 7.0),
        ("7.5", None, 7.5),
        ("Sun, 01 Mar 2026 12:00:30 GMT", None, 30.0),
        ("Sun, 01 Mar 2026 11:00:30 GMT", None, 0.0),
        # By the sender's own clock, whatever ours says.
        ("Sun, 01 Mar 2026 13:00:30 GMT", "Sun, 01 Mar 2026 13:00:00 GMT", 30.0),
        ("9" * 400, None, 86_400.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None, 86_400.0),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None, None),
        ("soon", None, None),
        ("-1", None, None),
    ],
)
def test_how_long_to_wait_is_read_in_both_forms_and_bounded(
    text: str, date: str | None, seconds: float | None
) -> None:
    headers = {"Retry-After": text, **({"Date": date} if date else {})}
    now = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
    error = errors.error_from_response(429, headers, b"", "list_migration_tasks", now)
    assert error.retry_after == seconds


def test_a_proxys_refusal_is_no_matter_of_error_codes() -> None:
    now = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
    wants_login = errors.error_from_response(407, {}, b"", "list_migration_tasks", now)
    assert "HTTPS_PROXY" in wants_login.advice
    odd = errors.error_from_response(418, {}, b"<html>", "list_migration_tasks", now)
    assert "explain_error_code" not in odd.advice
    assert "sms-tools check" in odd.advice
