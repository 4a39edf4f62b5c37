"""The file of accounts: what it says, what is wrong with it, and keys that a command prints."""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sms_tools.account_file import Entry, read_accounts
from sms_tools.errors import RequestRefused, SettingsError
from sms_tools.printed import PrintedKeys, parsed
from sms_tools.settings import CommandKeys
from sms_tools.signing import KeyPair

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = {"PROD_AK": "example-id", "PROD_SK": "example-key"}


def read(folder: Path, text: str, environ: Mapping[str, str] = KEYS) -> Mapping[str, Entry]:
    path = folder / "accounts.toml"
    path.write_text(text, encoding="utf-8")
    return read_accounts(path, environ)


def test_an_account_has_its_region_keys_policy_and_users(tmp_path: Path) -> None:
    (tmp_path / "keys.ini").write_text("[global]\nak = file-id\nsk = file-key\n")
    found = read(
        tmp_path,
        """
        [accounts.prod]
        region = "ap-southeast-3"
        project_id = "0123"
        credentials = {env = "PROD"}
        policy = "prod-policy.toml"
        users = ["ann", "bob"]
        [accounts.test]
        region = "eu-west-101"
        credentials = {file = "keys.ini"}
        [accounts.lab]
        endpoint = "http://127.0.0.1:9000"
        credentials = {command = ["print-keys", "lab"]}
        """,
    )
    assert list(found) == ["prod", "test", "lab"]
    prod = found["prod"]
    assert prod.settings.credentials == KeyPair("example-id", "example-key", None)
    assert prod.settings.project_id == "0123"
    assert prod.policy == tmp_path / "prod-policy.toml"
    assert prod.admits("ann")
    assert not prod.admits("eve", None)
    assert not prod.admits()
    assert found["test"].settings.endpoint == "https://sms.eu-west-101.myhuaweicloud.com"
    assert found["test"].settings.credentials == KeyPair("file-id", "file-key", None)
    assert found["test"].admits()
    assert found["lab"].settings.credentials == CommandKeys(("print-keys", "lab"))
    assert "lab" in str(found["lab"].settings.account)


def test_two_names_for_one_account_are_two_accounts(tmp_path: Path) -> None:
    text = (
        '[accounts.a]\ncredentials = {env = "PROD"}\n[accounts.b]\ncredentials = {env = "PROD"}\n'
    )
    found = read(tmp_path, text)
    assert found["a"].settings.account.key != found["b"].settings.account.key


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[accounts]\n", "accounts"),
        ("[accounts.'a b']\ncredentials = {env = 'PROD'}\n", "'a b' is not a name"),
        ("[accounts.a]\ncredentials = {}\n", "line 2, accounts.a.credentials: give one of"),
        ("[accounts.a]\ncredentials = {env = 'PROD', file = 'x'}\n", "give one of"),
        ("[accounts.a]\ncredentials = {env = 'P-D'}\n", "not a prefix"),
        ("[accounts.a]\ncredentials = {env = 'NONE'}\n", "NONE_AK and _SK are not set"),
        ("[accounts.a]\ncredentials = {file = 'none.ini'}\n", "does not exist"),
        ("[accounts.a]\ncredentials = {command = []}\n", "command"),
        ("[accounts.a]\nregion = 'A B'\ncredentials = {env = 'PROD'}\n", "region is not the name"),
        (
            "[accounts.a]\nendpoint = 'http://sms.example.com'\ncredentials = {env = 'PROD'}\n",
            "uses http://",
        ),
        ("[accounts.a]\ncolour = 1\ncredentials = {env = 'PROD'}\n", "line 2, accounts.a.colour"),
        ("[accounts.a\n", "it is not TOML"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)
    assert "accounts.toml" in str(caught.value)
    assert "example-key" not in str(caught.value)


def test_the_faults_of_all_accounts_are_said_at_once(tmp_path: Path) -> None:
    text = "[accounts.a]\ncredentials = {env = 'X'}\n[accounts.b]\ncredentials = {env = 'Y'}\n"
    with pytest.raises(SettingsError, match=r"(?s)accounts\.a.*X_AK.*accounts\.b.*Y_AK"):
        read(tmp_path, text)


def test_half_a_pair_of_keys_is_named_as_the_file_s_writer_knows_it(tmp_path: Path) -> None:
    text = "[accounts.a]\ncredentials = {env = 'PROD'}\n"
    with pytest.raises(SettingsError, match="PROD_SK is not set"):
        read(tmp_path, text, {"PROD_AK": "example-id"})


@pytest.mark.parametrize(
    "text",
    [
        '{"ak": "id", "sk": "key", "security_token": "token"}',
        '{"credential": {"access": "id", "secret": "key", "securitytoken": "token"}}',
        "[basic]\nak = id\nsk = key\nsecurity_token = token\n",
    ],
    ids=["json", "IAM's shape", "ini"],
)
def test_a_command_s_keys_are_read_in_every_shape(text: str) -> None:
    assert parsed(text, NOW).key == KeyPair("id", "key", "token")


def test_keys_are_asked_for_again_before_they_end() -> None:
    end = (NOW + timedelta(hours=1)).isoformat()
    printed = parsed(json.dumps({"ak": "id", "sk": "key", "expires_at": end}), NOW)
    assert printed.until == NOW + timedelta(minutes=55)
    assert parsed('{"ak": "id", "sk": "key", "expires_at": "soon"}', NOW).until > NOW


@pytest.mark.parametrize(
    "text", ["", "{", '{"ak": "id"}', "{}", "secret-thing", '{"ak": 1, "sk": 2}']
)
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(RequestRefused) as caught:
        parsed(text, NOW)
    assert "secret-thing" not in str(caught.value)
    assert caught.value.advice


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def counting(folder: Path) -> tuple[CommandKeys, Path]:
    """A command that prints another key each time, and the file of its count."""
    count = folder / "count"
    count.write_text("0")
    code = (
        "import json, pathlib, sys; p = pathlib.Path(sys.argv[1]); n = int(p.read_text()) + 1;"
        " p.write_text(str(n)); print(json.dumps({'ak': f'id-{n}', 'sk': f'key-{n}'}))"
    )
    return CommandKeys((sys.executable, "-c", code, str(count))), count


@pytest.mark.anyio
async def test_a_command_is_run_once_for_all_until_its_keys_end_or_are_refused(
    tmp_path: Path,
) -> None:
    command, count = counting(tmp_path)
    clock = Clock()
    keys = PrintedKeys(command, clock)
    assert not keys.values
    first = await keys.current()
    assert await keys.current() == first
    assert count.read_text() == "1"
    assert keys.values == ("id-1", "key-1")
    clock.now += timedelta(minutes=16)
    second = await keys.current()
    assert second != first
    assert (await keys.instead_of(second)) == KeyPair("id-3", "key-3", None)
    assert (await keys.instead_of(first)) == KeyPair("id-3", "key-3", None), "somebody was first"
    assert count.read_text() == "3"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("command", "said"),
    [
        ((sys.executable, "-c", "import sys; sys.exit('secret-thing')"), "ended with status 1"),
        (("/nowhere/print-keys",), "cannot be run"),
        ((sys.executable, "-c", "print('x' * 70000)"), "far more"),
    ],
)
async def test_a_command_that_fails_says_how_and_repeats_nothing(
    command: tuple[str, ...], said: str
) -> None:
    with pytest.raises(RequestRefused, match=said) as caught:
        await PrintedKeys(CommandKeys(command), Clock()).current()
    assert "secret-thing" not in str(caught.value)
