"""Odd environments are understood or named in one line; nothing ends in a traceback."""

import json
from pathlib import Path

import pytest

from .conftest import Run

ACCOUNT = {
    "HUAWEICLOUD_SDK_AK": "EXAMPLE-ACCESS-KEY",
    "HUAWEICLOUD_SDK_SK": "example-secret-key",
    "SMS_TOOLS_ENDPOINT": "https://sms.ap-southeast-3.invalid",
    **dict.fromkeys(
        ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"), ""
    ),
    **dict.fromkeys(("SSL_CERT_FILE", "SSL_CERT_DIR"), ""),
}
ODD = [
    ({"SSL_CERT_FILE": "/nonexistent/ca.pem"}, "SSL_CERT_FILE names /nonexistent/ca.pem"),
    ({"HTTPS_PROXY": "${HTTPS_PROXY}"}, "HTTPS_PROXY holds a placeholder"),
    ({"ALL_PROXY": "socks5://127.0.0.1:9"}, "ALL_PROXY names a SOCKS proxy"),
    ({"HTTPS_PROXY": "http://[::1"}, "HTTPS_PROXY holds no address"),
]


@pytest.fixture
def without_socksio(tmp_path: Path) -> dict[str, str]:
    """A Python that has no socksio, as where nobody has installed it."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['socksio'] = None\n")
    return {"PYTHONPATH": str(tmp_path)}


@pytest.mark.parametrize(("environ", "said"), ODD)
def test_check_names_what_is_wrong_and_what_to_do(
    run: Run, environ: dict[str, str], said: str, without_socksio: dict[str, str]
) -> None:
    done = run("check", **{**ACCOUNT, **environ, **without_socksio})
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if said in line]
    assert line.startswith("FAIL")
    assert "→" in done.stdout.partition(said)[2].splitlines()[1]
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(("environ", "said"), ODD)
def test_a_call_says_the_same_to_a_model(
    run: Run, environ: dict[str, str], said: str, without_socksio: dict[str, str]
) -> None:
    given = {**ACCOUNT, **environ, **without_socksio}
    done = run("call", "get_source_server_overview", **given)
    assert done.returncode == 1
    assert said in json.dumps(json.loads(done.stdout), ensure_ascii=False)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("entries", ["localhost,127.0.0.1,::1,[::1]", "fd07:b51a:cc66:f0::/64"])
def test_check_lives_with_ipv6_in_no_proxy(run: Run, entries: str) -> None:
    environ = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": entries}
    done = run("check", **{**ACCOUNT, **environ})
    assert done.returncode == 1
    assert "is reached through the proxy of HTTPS_PROXY (127.0.0.1:9)" in done.stdout
    assert "no connection to the proxy of HTTPS_PROXY" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_check_reads_the_sdks_file_and_remarks_on_its_mode(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    path.write_text("[global]\nak = EXAMPLE-KEY\nsk = example-secret\n", encoding="utf-8")
    path.chmod(0o644)
    environ = {
        **ACCOUNT,
        **dict.fromkeys(("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"), ""),
        "HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(path),
        "HTTPS_PROXY": "${PROXY}",  # so that nobody is asked
    }
    done = run("check", **environ)
    assert "credentials: an access key pair" in done.stdout
    assert "chmod 600" in done.stdout
    assert "example-secret" not in done.stdout + done.stderr
