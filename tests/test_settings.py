"""Settings from the environment: what is accepted, what is refused, and what is never shown."""

import os
import sys
from pathlib import Path

import pytest
from huaweicloudsdkcore.auth.provider import ProfileCredentialProvider

from sms_tools.errors import SettingsError
from sms_tools.settings import (
    AuthToken,
    IamUser,
    Settings,
    endpoint_fault,
    read_settings,
    state_dir_of,
)
from sms_tools.signing import KeyPair
from sms_tools.state import StateError, private_folder

SECRET = "example-secret-key"
PAIR = {"HUAWEICLOUD_SDK_AK": "EXAMPLE-ACCESS-KEY", "HUAWEICLOUD_SDK_SK": SECRET}
USER = {
    "SMS_TOOLS_IAM_USER": "anna",
    "SMS_TOOLS_IAM_PASSWORD": "example-password",
    "SMS_TOOLS_IAM_DOMAIN": "acme",
}
TOKEN = {"SMS_TOOLS_AUTH_TOKEN": "example-token"}


def test_nothing_set_gives_the_documented_defaults() -> None:
    settings = Settings.from_env({})
    assert settings.region == "ap-southeast-3"
    assert settings.endpoint == "https://sms.ap-southeast-3.myhuaweicloud.com"
    assert settings.iam_endpoint == "https://iam.ap-southeast-3.myhuaweicloud.com"
    assert settings.credentials is None
    assert settings.state_dir.is_absolute()
    assert settings.state_dir.name == "sms-tools"
    assert not settings.warnings


def test_the_region_decides_both_addresses() -> None:
    settings = Settings.from_env({"SMS_TOOLS_REGION": "cn-north-4"})
    assert settings.endpoint == "https://sms.cn-north-4.myhuaweicloud.com"
    assert settings.iam_endpoint == "https://iam.cn-north-4.myhuaweicloud.com"


def test_a_region_nobody_knows_is_allowed_with_a_warning() -> None:
    settings = Settings.from_env({"SMS_TOOLS_REGION": "xx-nowhere-9"})
    assert settings.endpoint == "https://sms.xx-nowhere-9.myhuaweicloud.com"
    assert "table of regions" in settings.warnings[0]


def test_a_region_with_an_unusual_address_is_pointed_out() -> None:
    (warning,) = Settings.from_env({"SMS_TOOLS_REGION": "ru-moscow-1"}).warnings
    assert "https://sms-api.ru-moscow-1.myhuaweicloud.com" in warning
    endpoint = "https://sms-api.ru-moscow-1.myhuaweicloud.com"
    settings = Settings.from_env(
        {"SMS_TOOLS_REGION": "ru-moscow-1", "SMS_TOOLS_ENDPOINT": endpoint}
    )
    assert not settings.warnings


@pytest.mark.parametrize(
    "region", ["a", "x.evil.example/", "ap southeast", "../..", "-a-1", "AP-1"]
)
def test_a_malformed_region_is_refused(region: str) -> None:
    with pytest.raises(SettingsError, match="SMS_TOOLS_REGION is not the name of a region"):
        Settings.from_env({"SMS_TOOLS_REGION": region})


@pytest.mark.parametrize(
    "address",
    [
        "https://sms.example.com",
        "https://sms.example.com/",
        "https://sms.example.com:8443",
        "http://127.0.0.1:8000",
        "http://127.8.8.8",
        "http://localhost:9000/",
        "http://[::1]:8000",
        "HTTPS://sms.example.com",
    ],
)
def test_a_bare_address_is_accepted(address: str) -> None:
    settings = Settings.from_env({"SMS_TOOLS_ENDPOINT": address})
    assert settings.endpoint == address.rstrip("/")


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("http://sms.example.com", "host other than this machine"),
        ("http://localhost.example.com", "host other than this machine"),
        ("http://0.0.0.0", "host other than this machine"),
        ("https://sms.example.com/v3", "path"),
        ("https://sms.example.com//", "path"),
        ("https://anna:hunter22@sms.example.com", "user information"),
        ("http://127.0.0.1@sms.example.com", "user information"),
        ("https://sms.example.com?a=b", "query"),
        ("https://sms.example.com?", "query"),
        ("https://sms.example.com#x", "fragment"),
        ("ftp://sms.example.com", "https://"),
        ("sms.example.com", "https://"),
        ("https://", "https://"),
        ("https://sms.example.com:port", "not an address"),
        ("https://sms.example.com:99999", "not an address"),
        ("https://sms.exa mple.com", "characters"),
        ("https://sms.example.com\\@other", "characters"),
        ("https://sms\N{FULLWIDTH FULL STOP}example.com", "characters"),
        ("https://-sms.example.com", "host name"),
        ("https://a_b%2f.example.com", "host name"),
    ],
)
def test_an_unclear_address_is_refused_without_repeating_it(address: str, fault: str) -> None:
    assert fault in str(endpoint_fault(address))
    for variable in ("SMS_TOOLS_ENDPOINT", "SMS_TOOLS_IAM_ENDPOINT"):
        with pytest.raises(SettingsError, match=variable) as caught:
            Settings.from_env({variable: address})
        assert "hunter22" not in str(caught.value)


def test_a_key_pair_is_read_under_the_names_of_the_official_sdk() -> None:
    settings = Settings.from_env({**PAIR, "HUAWEICLOUD_SDK_SECURITY_TOKEN": "example-token"})
    assert settings.credentials == KeyPair("EXAMPLE-ACCESS-KEY", SECRET, "example-token")
    assert settings.secret_values() == ("EXAMPLE-ACCESS-KEY", SECRET, "example-token")


def test_a_key_pair_is_read_under_the_names_of_the_reference() -> None:
    environ = {"CLOUD_SDK_AK": "EXAMPLE-ACCESS-KEY", "CLOUD_SDK_SK": SECRET}
    assert Settings.from_env(environ).credentials == KeyPair("EXAMPLE-ACCESS-KEY", SECRET)


def test_an_iam_user_is_read() -> None:
    settings = Settings.from_env(USER)
    assert settings.credentials == IamUser("anna", "example-password", "acme")
    assert settings.secret_values() == ("example-password",)


def test_the_more_particular_credentials_win_and_the_others_are_named() -> None:
    other_pair = {"CLOUD_SDK_AK": "OTHER", "CLOUD_SDK_SK": "other"}
    everything = {**PAIR, **USER, **TOKEN, **other_pair}
    settings = Settings.from_env(everything)
    assert settings.credentials == AuthToken("example-token")
    assert "SMS_TOOLS_IAM_USER, HUAWEICLOUD_SDK_AK, CLOUD_SDK_AK" in settings.warnings[0]
    assert isinstance(Settings.from_env({**PAIR, **USER}).credentials, IamUser)
    pair = Settings.from_env({**PAIR, **other_pair}).credentials
    assert pair == KeyPair("EXAMPLE-ACCESS-KEY", SECRET)


@pytest.mark.parametrize(
    ("missing", "environ"),
    [
        ("HUAWEICLOUD_SDK_SK", {"HUAWEICLOUD_SDK_AK": "EXAMPLE-ACCESS-KEY"}),
        ("HUAWEICLOUD_SDK_AK", {"HUAWEICLOUD_SDK_SK": SECRET}),
        ("CLOUD_SDK_SK", {"CLOUD_SDK_AK": "EXAMPLE-ACCESS-KEY", **PAIR}),
        ("SMS_TOOLS_IAM_PASSWORD", {**USER, "SMS_TOOLS_IAM_PASSWORD": " "}),
    ],
)
def test_half_a_set_of_credentials_is_refused(missing: str, environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=f"{missing} is not set") as caught:
        Settings.from_env(environ)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "environ",
    [
        {**PAIR, "HUAWEICLOUD_SDK_SK": "example-secret\nkey"},
        {**PAIR, "HUAWEICLOUD_SDK_SECURITY_TOKEN": "ex ample"},
        {"SMS_TOOLS_AUTH_TOKEN": "tok\r\nX-Other: 1"},
        {**PAIR, "HUAWEICLOUD_SDK_PROJECT_ID": "project one"},
        {**PAIR, "HUAWEICLOUD_SDK_DOMAIN_ID": "a\nb"},
    ],
)
def test_what_could_break_out_of_a_header_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(environ)
    assert not any(value in str(caught.value) for value in environ.values())


def test_every_problem_is_told_at_once() -> None:
    environ = {"SMS_TOOLS_REGION": "?", "SMS_TOOLS_ENDPOINT": "x", "CLOUD_SDK_AK": "AK"}
    settings, problems = read_settings(environ)
    assert {problem.variable for problem in problems} == {
        "SMS_TOOLS_REGION",
        "SMS_TOOLS_ENDPOINT",
        "CLOUD_SDK_SK",
    }
    assert settings.region == "ap-southeast-3"


def test_ids_and_folder_are_read(tmp_path: Path) -> None:
    settings = Settings.from_env(
        {
            **PAIR,
            "HUAWEICLOUD_SDK_PROJECT_ID": "project-1",
            "HUAWEICLOUD_SDK_DOMAIN_ID": "domain-1",
            "SMS_TOOLS_STATE_DIR": str(tmp_path),
        }
    )
    assert (settings.project_id, settings.domain_id) == ("project-1", "domain-1")
    assert settings.state_dir == tmp_path


def test_a_relative_folder_is_refused() -> None:
    with pytest.raises(SettingsError, match="SMS_TOOLS_STATE_DIR is a relative path"):
        Settings.from_env({"SMS_TOOLS_STATE_DIR": "state"})


@pytest.mark.parametrize("environ", [PAIR, USER, TOKEN])
def test_settings_never_show_a_secret(environ: dict[str, str]) -> None:
    settings = Settings.from_env(environ)
    assert settings.secret_values()
    for secret in settings.secret_values():
        assert secret not in repr(settings)
        assert secret not in str(settings)


def test_the_sandbox_needs_no_settings(tmp_path: Path) -> None:
    settings = Settings.for_sandbox(state_dir=tmp_path)
    assert settings.endpoint == settings.iam_endpoint == "http://127.0.0.1"
    assert isinstance(settings.credentials, KeyPair)
    assert settings.state_dir == tmp_path


FILE = "HUAWEICLOUD_SDK_CREDENTIALS_FILE"
GLOBAL = f"[global]\nak = EXAMPLE-ACCESS-KEY\nsk = {SECRET}\n"


def written(tmp_path: Path, text: str, mode: int = 0o600) -> dict[str, str]:
    """The environment that names a credentials file with *text*."""
    path = tmp_path / "credentials"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return {FILE: str(path)}


@pytest.mark.parametrize("section", ["global", "basic"])
def test_the_sdks_file_gives_the_keys(tmp_path: Path, section: str) -> None:
    text = f"[{section}]\nak = EXAMPLE-ACCESS-KEY\nsk = {SECRET}\nsecurity_token = example-t\n"
    settings = Settings.from_env(written(tmp_path, f"{text}project_id = p-1\ndomain_id = d-1\n"))
    assert settings.credentials == KeyPair("EXAMPLE-ACCESS-KEY", SECRET, "example-t")
    assert (settings.project_id, settings.domain_id) == ("p-1", "d-1")
    assert settings.secret_values()[1:] == (SECRET, "example-t")
    assert not settings.warnings
    assert SECRET not in repr(settings)


def test_the_sdk_reads_the_same_file_the_same_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = written(tmp_path, f"{GLOBAL}domain_id = d-1\n[basic]\nak = other\nsk = other\n")
    monkeypatch.setenv(FILE, environ[FILE])
    theirs = ProfileCredentialProvider.get_global().get_credentials()
    settings = Settings.from_env(environ)
    assert settings.credentials == KeyPair(theirs.ak, theirs.sk)
    assert settings.domain_id == theirs.domain_id


def test_keys_in_the_environment_come_before_the_file(tmp_path: Path) -> None:
    environ = written(tmp_path, "[global]\nak = OTHER\nsk = other\nproject_id = other\n")
    settings = Settings.from_env({**PAIR, **environ})
    assert settings.credentials == KeyPair("EXAMPLE-ACCESS-KEY", SECRET)
    assert settings.project_id is None
    assert FILE in settings.warnings[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "neither"),
        ("[other]\nak = a\n", "neither"),
        (f"[global]\nsk = {SECRET}\n", "has no ak in"),
        ("[global]\nak = a\nsk =\n", "has no sk in"),
        (f"ak = a\nsk = {SECRET}\n", "is not an ini file"),
        (f"{GLOBAL}sk = {SECRET}\n", "is not an ini file"),
        (f"[global]\nak = a\nsk = %({SECRET}\n", "is not an ini file"),
        (f'[global]\nak = a\nsk = "{SECRET}"\n', "in quotation marks"),
        (f"[global]\nak = a\nsk = {SECRET} x\n", "holds spaces"),
        ("[global]\nidp_id = a\nid_token_file = b\n", "identity provider"),
        (f"{GLOBAL}project_id = ../x\n", "project_id that is not an id"),
        ("x" * 70_000, "too large"),
    ],
)
def test_a_file_that_is_wrong_is_said_without_a_line_of_it(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        Settings.from_env(written(tmp_path, text))
    assert FILE in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/nonexistent/credentials", "does not exist"),
        ("/", "is no file"),
        ("/dev/zero", "is no file"),
        ("credentials", "relative path"),
        ("~nobody-of-that-name/x", "home folder that is not known"),
        ("${HOME}", "placeholder"),
    ],
)
def test_a_path_that_leads_nowhere_is_said(path: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Settings.from_env({FILE: path})


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_file_that_others_can_read_is_pointed_out(tmp_path: Path) -> None:
    (warning,) = Settings.from_env(written(tmp_path, GLOBAL, 0o644)).warnings
    assert "chmod 600" in warning


@pytest.mark.parametrize(
    "value", ["${HUAWEICLOUD_SDK_AK}", "$AK", "%AK%", "${env:AK}", "{{ak}}", "${input:ak}"]
)
def test_a_placeholder_that_nobody_replaced_is_said(value: str) -> None:
    _, problems = read_settings({**PAIR, "HUAWEICLOUD_SDK_AK": value})
    (problem,) = problems
    assert problem.variable == "HUAWEICLOUD_SDK_AK"
    assert "placeholder" in problem.what


@pytest.mark.parametrize("marks", ['""', "''", "“”"])
@pytest.mark.parametrize("variable", ["HUAWEICLOUD_SDK_SK", "SMS_TOOLS_REGION", FILE])
def test_a_value_in_quotation_marks_is_said(variable: str, marks: str) -> None:
    quoted = f"{marks[0]}{SECRET}{marks[1]}"
    _, problems = read_settings({**PAIR, variable: quoted})
    (problem,) = problems
    assert problem.variable == variable
    assert "quotation marks" in problem.what
    assert SECRET not in str(problem)


def test_a_password_may_look_quoted() -> None:
    user = Settings.from_env({**USER, "SMS_TOOLS_IAM_PASSWORD": '"example"'}).credentials
    assert isinstance(user, IamUser)
    assert user.password == '"example"'


def test_a_home_folder_that_is_not_known_is_said() -> None:
    with pytest.raises(SettingsError, match="SMS_TOOLS_STATE_DIR names a home folder"):
        Settings.from_env({"SMS_TOOLS_STATE_DIR": "~nobody-of-that-name/state"})


@pytest.mark.skipif(sys.platform == "win32", reason="a home folder is found in another way there")
def test_without_a_home_folder_the_settings_are_read_and_the_state_has_no_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import pwd

    def nobody(_: int) -> None:
        raise KeyError

    for variable in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)  # a container's user that no file knows
    settings, problems = read_settings({})
    assert not settings.state_dir.is_absolute()
    assert problems == ()
    for sandbox in (False, True):
        folder = state_dir_of({}, sandbox=sandbox)
        with pytest.raises(StateError, match="no home folder is known") as refused:
            private_folder(folder)
        assert "SMS_TOOLS_STATE_DIR" in refused.value.advice
