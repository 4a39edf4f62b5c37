"""Settings from the environment: what is accepted, what is refused, and what is never shown."""

from pathlib import Path

import pytest

from sms_tools.errors import SettingsError
from sms_tools.settings import AuthToken, IamUser, Settings, endpoint_fault, read_settings
from sms_tools.signing import KeyPair

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
    assert settings.secret_values() == (SECRET, "example-token")


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
