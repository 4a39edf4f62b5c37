"""Frozen settings, read once from the environment.

Reading never fails halfway: every problem is collected, and each names its variable and what to
do. No value that may be a secret is ever part of a problem, a warning or a ``repr``.

Who calls (``credentials``) is decided in this order, the more particular first:

1. ``SMS_TOOLS_AUTH_TOKEN``, a ready token;
2. ``SMS_TOOLS_IAM_USER``, ``_PASSWORD`` and ``_DOMAIN``, for which IAM gives a token;
3. ``HUAWEICLOUD_SDK_AK`` and ``_SK``, a key pair, with ``_SECURITY_TOKEN`` where it is temporary;
4. ``CLOUD_SDK_AK`` and ``_SK``, the same under the reference's names;
5. ``HUAWEICLOUD_SDK_CREDENTIALS_FILE``, the official SDK's file with such a pair.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from platformdirs import user_state_path

from sms_tools.account import Account, fingerprint_of
from sms_tools.errors import SettingsError
from sms_tools.loopback import is_loopback
from sms_tools.profile import Profile, read_profile
from sms_tools.regions import DEFAULT_REGION, default_endpoint, is_region_name, region_warning
from sms_tools.signing import KeyPair

_APP_NAME: Final = "sms-tools"
_VISIBLE_ASCII: Final = re.compile(r"[\x21-\x7e]+")
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_KEY_PAIRS: Final = ("HUAWEICLOUD_SDK", "CLOUD_SDK")
_STATE_DIR: Final = "SMS_TOOLS_STATE_DIR"
STATE_URL: Final = "SMS_TOOLS_STATE_URL"
_STATE_URL_SHAPE: Final = "Its shape: postgresql://USER@HOST/DATABASE; or leave it out."
_FILE: Final = "HUAWEICLOUD_SDK_CREDENTIALS_FILE"
_PLACEHOLDER: Final = re.compile(r"\$\{[^{}]*\}|\$[A-Za-z_]\w*|%[A-Za-z_]\w*%|\{\{[^{}]*\}\}")
_MARKS: Final = "\"'`\u201c\u201d\u2018\u2019"
_QUOTED: Final = re.compile(rf"[{_MARKS}].*[{_MARKS}]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class AuthToken:
    """A ready ``X-Auth-Token``."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class IamUser:
    """Who asks IAM for a token."""

    name: str
    password: str = field(repr=False)
    domain: str


@dataclass(frozen=True, slots=True)
class CommandKeys:
    """A command that prints a key pair whenever one is needed."""

    command: tuple[str, ...] = field(repr=False)


Credentials = KeyPair | AuthToken | IamUser | CommandKeys


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the settings: the variable, what is wrong, what to do."""

    variable: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.variable} {self.what}. {self.remedy}"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How this installation reaches the service. Addresses have no slash at their end.

    ``credentials`` is None where none are configured: such settings serve the sandbox and the
    lists of tools, and a call to the real service says what is missing.
    """

    region: str = DEFAULT_REGION
    endpoint: str = default_endpoint("sms", DEFAULT_REGION)
    iam_endpoint: str = default_endpoint("iam", DEFAULT_REGION)
    credentials: Credentials | None = None
    project_id: str | None = None
    domain_id: str | None = None
    name: str | None = None
    """What the file of accounts calls this one, where there are several."""
    state_dir: Path = field(default_factory=lambda: _usual_state_dir())
    state_url: str | None = field(default=None, repr=False)
    """The PostgreSQL database of a state that several servers share; None for the folder's own."""
    sandbox: str | None = None
    """What tells one embedded service from another; None for a real one."""
    own_secrets: Sequence[str] = field(default=(), repr=False)
    """Secrets of this server itself, such as its HTTP token: they leave in no text either."""
    warnings: Sequence[str] = ()
    """What is allowed but worth a look, for ``sms-tools check``."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """The settings of *environ*; an empty variable counts as not set.

        Raises:
            SettingsError: something is malformed or half configured; the message lists all of it.
        """
        settings, problems = read_settings(environ)
        if problems:
            raise SettingsError("\n".join(str(problem) for problem in problems))
        return settings

    @classmethod
    def for_sandbox(
        cls,
        endpoint: str = "http://127.0.0.1",
        state_dir: Path | None = None,
        identity: str = "mixed, seed 1",
    ) -> "Settings":
        """Settings for the embedded service: example credentials that no real service accepts.

        *identity* is its scenario, servers and seed: an approval serves the same sandbox only.
        """
        return cls(
            endpoint=endpoint,
            iam_endpoint=endpoint,
            credentials=KeyPair("EXAMPLE-ACCESS-KEY", "example-secret-key"),
            state_dir=state_dir or _usual_state_dir(sandbox=True),
            sandbox=identity,
        )

    @cached_property
    def account(self) -> Account:
        """Which account this is, for whatever a person agrees to and whatever is written down."""
        user: str | None = None
        match self.credentials:
            case KeyPair(access_key, _, _):
                user = fingerprint_of(access_key)
            case IamUser(name, _, domain):
                user = fingerprint_of(f"{domain}/{name}")
            case AuthToken(token):
                user = fingerprint_of(token)
        return Account(
            region=self.region,
            endpoint=self.endpoint,
            project=self.project_id,
            domain=self.domain_id,
            user=user,
            name=self.name,
            sandbox=self.sandbox,
        )

    def secret_values(self) -> tuple[str, ...]:
        """Every configured secret, for whoever takes secrets out of what leaves."""
        found: tuple[str, ...] = ()
        match self.credentials:
            case KeyPair(access_key, secret, token):
                found = (access_key, secret, token or "")
            case AuthToken(token):
                found = (token,)
            case IamUser(_, password, _):
                found = (password,)
        return tuple(each for each in (*found, *self.own_secrets) if each)


TOKEN_FILE: Final = "http-token"  # noqa: S105 (a name of a file)
"""Where, in the state folder, the bearer token of ``serve --http`` is kept."""
OWN_SECRETS: Final = ("SMS_TOOLS_HTTP_TOKEN", "SMS_TOOLS_WEBHOOK", "SMS_TOOLS_WEBHOOK_SECRET")
"""Variables with secrets of this server itself; who has a webhook's address can post there."""


def own_secrets_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The server's own secrets in *environ*."""
    password = urlsplit(environ.get(STATE_URL, "")).password
    given = [environ[each] for each in OWN_SECRETS if environ.get(each)]
    return (*given, *((password, unquote(password)) if password else ()))


def state_url_of(environ: Mapping[str, str], *, sandbox: bool = False) -> str | None:
    """The database of a state that several servers share; the sandbox has a folder of its own.

    Raises:
        SettingsError: ``SMS_TOOLS_STATE_URL`` is no such address.
    """
    if sandbox:
        return None
    reader = _Reader(environ)
    url = reader.state_url()
    if reader.problems:
        raise SettingsError("\n".join(str(problem) for problem in reader.problems))
    return url


def read_settings(environ: Mapping[str, str]) -> tuple[Settings, Sequence[Problem]]:
    """The settings of *environ* with all that is wrong; a wrong value leaves the default."""
    reader = _Reader(environ)
    region = reader.region()
    settings = Settings(
        region=region,
        endpoint=reader.endpoint("SMS_TOOLS_ENDPOINT", default_endpoint("sms", region)),
        iam_endpoint=reader.endpoint("SMS_TOOLS_IAM_ENDPOINT", default_endpoint("iam", region)),
        credentials=reader.credentials(),
        project_id=reader.identifier("HUAWEICLOUD_SDK_PROJECT_ID", reader.file_says("project_id")),
        domain_id=reader.identifier("HUAWEICLOUD_SDK_DOMAIN_ID", reader.file_says("domain_id")),
        state_dir=reader.state_dir(),
        state_url=reader.state_url(),
        warnings=tuple(reader.warnings),
    )
    return settings, tuple(reader.problems)


def state_dir_of(environ: Mapping[str, str], *, sandbox: bool = False) -> Path:
    """Where the state is kept: the account's, or the embedded service's, which has its own.

    The sandbox's is beside the account's, or inside the folder that ``SMS_TOOLS_STATE_DIR``
    names, as nothing beside that one need be writable.

    Raises:
        SettingsError: ``SMS_TOOLS_STATE_DIR`` names no folder.
    """
    reader = _Reader(environ)
    folder = reader.state_dir()
    if reader.problems:
        raise SettingsError("\n".join(str(problem) for problem in reader.problems))
    if not sandbox:
        return folder
    return folder / "sandbox" if environ.get(_STATE_DIR) else _usual_state_dir(sandbox=True)


def _usual_state_dir(*, sandbox: bool = False) -> Path:
    """The platform's folder for it. Without a home folder it is a relative path, which is none."""
    name = f"{_APP_NAME}-sandbox" if sandbox else _APP_NAME
    try:
        return user_state_path(name)
    except RuntimeError:
        return Path(name)  # the state refuses it and says what to set; what only reads goes on


class _Reader:
    """Reads one environment and remembers what is wrong with it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self._profile: Profile | None = None
        """The credentials file, where its keys are the ones that are used."""

    def _get(self, variable: str) -> str | None:
        text = self._environ.get(variable, "").strip()
        if _PLACEHOLDER.fullmatch(text):
            self._wrong(
                variable,
                "holds a placeholder such as ${NAME} that was never replaced",
                "Write the value itself where the variable is set, or leave the variable out.",
            )
            return None
        if _QUOTED.fullmatch(text) and not variable.endswith("_PASSWORD"):
            self._wrong(
                variable, "stands in quotation marks, which are part of it", "Remove the marks."
            )
            return None
        return text or None

    def _wrong(self, variable: str, what: str, remedy: str) -> None:
        problem = Problem(variable, what, remedy)
        if problem not in self.problems:
            self.problems.append(problem)

    def _is_set(self, variable: str) -> bool:
        return bool(self._environ.get(variable, "").strip())

    def region(self) -> str:
        region = self._get("SMS_TOOLS_REGION") or DEFAULT_REGION
        if not is_region_name(region):
            self._wrong(
                "SMS_TOOLS_REGION",
                "is not the name of a region",
                f"Set a name such as {DEFAULT_REGION}.",
            )
            return DEFAULT_REGION
        warning = region_warning(region)
        if warning and not self._get("SMS_TOOLS_ENDPOINT"):
            self.warnings.append(warning)
        return region

    def endpoint(self, variable: str, default: str) -> str:
        text = self._get(variable)
        if text is None:
            return default
        fault = endpoint_fault(text)
        if fault:
            # The address itself is not repeated: it may hold a password.
            self._wrong(variable, fault, f"Set a bare address such as {default}.")
            return default
        return text.rstrip("/")

    def identifier(self, variable: str, otherwise: str | None = None) -> str | None:
        text = self._get(variable) or otherwise
        if text is not None and not _IDENTIFIER.fullmatch(text):
            self._wrong(variable, "is not an id", "Copy the id from My Credentials.")
            return None
        return text

    def state_dir(self) -> Path:
        text = self._get(_STATE_DIR)
        if text is None:
            return _usual_state_dir()
        path = Path(text)
        if text.startswith("~"):
            try:
                path = path.expanduser()
            except RuntimeError:
                self._wrong(
                    _STATE_DIR,
                    "names a home folder that is not known",
                    "Set an absolute path.",
                )
                return _usual_state_dir()
        if not path.is_absolute():
            # A client starts the server in any folder, so a relative one would move about.
            self._wrong(_STATE_DIR, "is a relative path", "Set an absolute one.")
            return _usual_state_dir()
        return path

    def state_url(self) -> str | None:
        text = self._get(STATE_URL)
        if text is not None and urlsplit(text).scheme not in ("postgresql", "postgres"):
            # The address is not repeated: it may hold a password.
            self._wrong(STATE_URL, "is no address of a PostgreSQL database", _STATE_URL_SHAPE)
            return None
        return text

    def credentials(self) -> Credentials | None:
        """The most particular complete set; a half set is a problem wherever it stands."""
        found: list[tuple[str, Credentials]] = []
        token = self._secret("SMS_TOOLS_AUTH_TOKEN")
        if token:
            found.append(("SMS_TOOLS_AUTH_TOKEN", AuthToken(token)))
        user = self._iam_user()
        if user:
            found.append(("SMS_TOOLS_IAM_USER", user))
        pairs = ((f"{prefix}_AK", self._key_pair(prefix)) for prefix in _KEY_PAIRS)
        found.extend((name, pair) for name, pair in pairs if pair)
        if profile := self._file():
            if not found:
                self._profile = profile
            found.append((_FILE, profile.key))
        if len(found) > 1:
            ignored = ", ".join(name for name, _ in found[1:])
            self.warnings.append(f"{found[0][0]} is used; {ignored} is set as well and ignored.")
        return found[0][1] if found else None

    def file_says(self, name: str) -> str | None:
        """A field of the credentials file, where its keys are used."""
        value = getattr(self._profile, name) if self._profile else None
        if value is not None and not _IDENTIFIER.fullmatch(value):
            self._wrong(_FILE, f"has a {name} that is not an id", "Copy it from My Credentials.")
            return None
        return value

    def _file(self) -> Profile | None:
        text = self._get(_FILE)
        if text is None:
            return None
        try:
            path = Path(text).expanduser()
            if not path.is_absolute():
                self._wrong(_FILE, "is a relative path", "Set an absolute one.")
                return None
            profile = read_profile(path)
        except RuntimeError:
            self._wrong(_FILE, "names a home folder that is not known", "Set an absolute path.")
            return None
        except SettingsError as error:
            self._wrong(_FILE, f"names a file that {error}", error.advice)
            return None
        if profile.open_to_others:
            self.warnings.append(
                f"The file that {_FILE} names can be read by other users of this machine; "
                "`chmod 600` keeps it to you."
            )
        return profile

    def _iam_user(self) -> IamUser | None:
        values = self._together(
            "SMS_TOOLS_IAM_USER", "SMS_TOOLS_IAM_PASSWORD", "SMS_TOOLS_IAM_DOMAIN"
        )
        return IamUser(values[0], values[1], values[2]) if values else None

    def _key_pair(self, prefix: str) -> KeyPair | None:
        names = (f"{prefix}_AK", f"{prefix}_SK")
        values = self._together(*names)
        token = self._secret("HUAWEICLOUD_SDK_SECURITY_TOKEN")
        if not values or not all(self._secret(name) for name in names):
            return None
        return KeyPair(values[0], values[1], token)

    def _together(self, *names: str) -> Sequence[str] | None:
        """The values of variables that mean something only together."""
        values = [self._get(name) for name in names]
        if not any(values):
            return None
        for name, value in zip(names, values, strict=True):
            if value is None and not self._is_set(name):
                others = ", ".join(other for other in names if other != name)
                self._wrong(name, "is not set", f"It goes with {others}: set all or none.")
        return [value for value in values if value] if all(values) else None

    def _secret(self, variable: str) -> str | None:
        """A value that travels in a header, so it holds visible ASCII and nothing else."""
        text = self._get(variable)
        if text is None or _VISIBLE_ASCII.fullmatch(text):
            return text
        problem = Problem(
            variable,
            "holds spaces, line breaks or other characters",
            "Copy the complete value again.",
        )
        if problem not in self.problems:
            self.problems.append(problem)
        return None


def endpoint_fault(text: str) -> str | None:
    """What is wrong with a base address, or None; the words never repeat the address.

    Credentials travel to this address, so it is taken only where nothing about it is unclear.
    """
    if not _VISIBLE_ASCII.fullmatch(text) or "\\" in text:
        return "holds characters that an address does not have"
    if "@" in text:
        return "holds user information"
    if "?" in text or "#" in text:
        return "holds a query or a fragment"
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not an address"
    if parts.scheme not in ("https", "http") or not host:
        return "does not begin with https://"
    if parts.path not in ("", "/"):
        return "holds a path"
    if parts.scheme == "http" and not is_loopback(host):
        return "uses http:// for a host other than this machine"
    if not _HOST.fullmatch(host) and not _is_ip_address(host):
        return "holds no proper host name"
    return None


def _is_ip_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
