"""The file of accounts: several accounts and regions that one server reaches.

Each has a name, which every result, preview, approval, plan and audit line carries. Keys stand
elsewhere: the file says where (an environment's prefix, the official SDK's ini file, or a command
that prints them).
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, model_validator

from sms_tools.errors import SettingsError
from sms_tools.settings import CommandKeys, Credentials, Settings, endpoint_fault, read_settings
from sms_tools.tomlfile import Part, parse, text_of

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_PREFIX: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEYS: Final = {"AK": "HUAWEICLOUD_SDK_AK", "SK": "HUAWEICLOUD_SDK_SK"}
_MORE: Final = {
    "SECURITY_TOKEN": "HUAWEICLOUD_SDK_SECURITY_TOKEN",
    "AUTH_TOKEN": "SMS_TOOLS_AUTH_TOKEN",
    "IAM_USER": "SMS_TOOLS_IAM_USER",
    "IAM_PASSWORD": "SMS_TOOLS_IAM_PASSWORD",
    "IAM_DOMAIN": "SMS_TOOLS_IAM_DOMAIN",
}
_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One account of the file."""

    name: str
    settings: Settings
    policy: Path | None = None
    """The file of its own policy, which holds beside the server's."""
    users: frozenset[str] | None = None
    """The names or subjects who may use it; None for everybody who may call the server."""

    def admits(self, *who: str | None) -> bool:
        """Whether somebody who goes by one of these names may use it."""
        return self.users is None or bool(self.users.intersection(filter(None, who)))


def read_accounts(path: Path, environ: Mapping[str, str]) -> Mapping[str, Entry]:
    """The accounts in the file at *path*, by name, in its order.

    Relative paths in it are meant from the file's folder.

    Raises:
        SettingsError: it cannot be read, says something that means nothing here, or an account's
            keys are not where it says; all accounts' faults at once, no key repeated.
    """
    try:
        said = parse(text_of(path), _File)
    except SettingsError as error:
        raise SettingsError(f"The file of accounts {path}: {error}") from error.__cause__
    found: dict[str, Entry] = {}
    faults: list[str] = []
    for name, account in said.accounts.items():
        try:
            found[name] = _entry(name, account, path.parent, environ)
        except SettingsError as error:
            faults += [f"[accounts.{name}] {line}" for line in str(error).splitlines()]
    if faults:
        raise SettingsError(f"The file of accounts {path}: " + "\n".join(faults))
    return found


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} is not a name: 1 to 32 letters, digits, `-` and `_`")
    return text


def _prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise ValueError("it is not a prefix of environment variables, such as PROD")
    return text


def _endpoint(text: str) -> str:
    if fault := endpoint_fault(text):
        raise ValueError(f"it {fault}")
    return text.rstrip("/")


class _Credentials(Part):
    env: Annotated[str, AfterValidator(_prefix)] | None = None
    file: str | None = None
    command: list[str] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one(self) -> "_Credentials":
        if sum(way is not None for way in (self.env, self.file, self.command)) != 1:
            raise ValueError("give one of `env`, `file` and `command`")
        return self


class _Account(Part):
    region: str | None = None
    endpoint: Annotated[str, AfterValidator(_endpoint)] | None = None
    iam_endpoint: Annotated[str, AfterValidator(_endpoint)] | None = None
    project_id: str | None = None
    domain_id: str | None = None
    credentials: _Credentials
    policy: str | None = None
    users: list[str] | None = None


class _File(Part):
    accounts: dict[Annotated[str, AfterValidator(_name)], _Account] = Field(
        min_length=1, max_length=_MOST
    )


def _entry(name: str, said: _Account, folder: Path, environ: Mapping[str, str]) -> Entry:
    plain = {
        "SMS_TOOLS_REGION": said.region,
        "SMS_TOOLS_ENDPOINT": said.endpoint,
        "SMS_TOOLS_IAM_ENDPOINT": said.iam_endpoint,
        "HUAWEICLOUD_SDK_PROJECT_ID": said.project_id,
        "HUAWEICLOUD_SDK_DOMAIN_ID": said.domain_id,
        "SMS_TOOLS_STATE_DIR": environ.get("SMS_TOOLS_STATE_DIR"),
        "SMS_TOOLS_STATE_URL": environ.get("SMS_TOOLS_STATE_URL"),
    }
    given, command = _keys(said.credentials, folder, environ)
    settings, problems = read_settings(
        {variable: value for variable, value in {**plain, **given}.items() if value}
    )
    if problems:
        called = _called(said.credentials)
        raise SettingsError(
            "\n".join(
                f"{called.get(problem.variable, problem.variable)} {problem.what}. {problem.remedy}"
                for problem in problems
            )
        )
    credentials: Credentials | None = command or settings.credentials
    if credentials is None:
        raise SettingsError(f"has no keys: {said.credentials.env}_AK and _SK are not set.")
    return Entry(
        name,
        replace(settings, credentials=credentials, name=name),
        _path(said.policy, folder) if said.policy else None,
        frozenset(said.users) if said.users is not None else None,
    )


def _keys(
    said: _Credentials, folder: Path, environ: Mapping[str, str]
) -> tuple[Mapping[str, Any], CommandKeys | None]:
    """The keys as settings name them, or the command that prints them."""
    if said.command is not None:
        return {}, CommandKeys(tuple(said.command))
    if said.file is not None:
        return {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(_path(said.file, folder))}, None
    names = {**_KEYS, **_MORE}
    return {ours: environ.get(f"{said.env}_{theirs}") for theirs, ours in names.items()}, None


def _called(said: _Credentials) -> Mapping[str, str]:
    """What the file's writer calls the variables that settings name."""
    fields = {
        "SMS_TOOLS_REGION": "region",
        "SMS_TOOLS_ENDPOINT": "endpoint",
        "SMS_TOOLS_IAM_ENDPOINT": "iam_endpoint",
        "HUAWEICLOUD_SDK_PROJECT_ID": "project_id",
        "HUAWEICLOUD_SDK_DOMAIN_ID": "domain_id",
        "HUAWEICLOUD_SDK_CREDENTIALS_FILE": "credentials",
    }
    if said.env is None:
        return fields
    return {**fields, **{ours: f"{said.env}_{end}" for end, ours in {**_KEYS, **_MORE}.items()}}


def _path(text: str, folder: Path) -> Path:
    return Path(os.path.normpath(folder.absolute() / Path(text).expanduser()))
