"""The way to an identity provider, and answers of one that cannot be used."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import anyio
import httpx
import pytest
from anyio.abc import SocketAttribute, SocketStream

from sms_tools.login import oidc
from sms_tools.login.oidc import Keys, OidcVerifier, Provider, ProviderFailed
from tests.company import Network, network

from .issuing import AUDIENCE, ISSUER, Issuer

pytestmark = pytest.mark.anyio
KEYS = "/keys"
DESCRIPTION = "/.well-known/openid-configuration"


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def verifier_of(issuer: Issuer, **more: Any) -> OidcVerifier:
    keys = Keys(issuer.address, **{"transport": issuer.transport(), **more})
    return OidcVerifier(Provider(issuer.address, AUDIENCE), keys)


async def refusal(issuer: Issuer) -> str:
    """Why a good token does not count; what a caller meets is a refusal and no fault of ours."""
    verifier = verifier_of(issuer)
    with pytest.raises(ProviderFailed) as caught:
        await verifier.claims(issuer.token(), AUDIENCE)
    assert await verifier_of(issuer).verify_token(issuer.token()) is None
    return f"{caught.value} {caught.value.advice}"


async def test_keys_over_plain_http_let_nobody_in_and_the_log_says_why(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.says["jwks_uri"] = "http://id.example.com/keys"
    said = await refusal(issuer)
    assert "jwks_uri" in said
    assert "http://" in said
    warned = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert any("jwks_uri" in each.getMessage() for each in warned)
    assert issuer.reads == 0, "nothing is asked over plain HTTP"


@pytest.mark.parametrize("address", [None, "", 7, "keys", "file:///etc/passwd", "https://[", "//x"])
async def test_keys_at_no_address_let_nobody_in(issuer: Issuer, address: Any) -> None:
    issuer.says["jwks_uri"] = address
    assert "jwks_uri" in await refusal(issuer)


async def test_keys_at_an_address_with_a_query_are_read(issuer: Issuer) -> None:
    issuer.says["jwks_uri"] = f"{ISSUER}/keys?policy=sign-in"
    assert await verifier_of(issuer).verify_token(issuer.token()) is not None


@pytest.mark.parametrize("path", [DESCRIPTION, KEYS])
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(200, text="<html>"), "no JSON object"),
        (httpx.Response(200, text="[" * 20_000), "no JSON object"),
        (httpx.Response(200, json=[1]), "no JSON object"),
        (httpx.Response(200, content=b"\xff\xfe"), "no JSON object"),
        (httpx.Response(503, json={"error": "busy"}), "HTTP 503 (busy)"),
        (httpx.Response(302, headers={"Location": "https://evil.example"}), "HTTP 302"),
        (httpx.Response(200, content=b'{"a": "' + b"x" * 600_000 + b'"}'), "larger than"),
    ],
    ids=["page", "deep", "list", "bytes", "refusal", "elsewhere", "long"],
)
async def test_an_answer_that_is_none_is_said(
    issuer: Issuer, path: str, answer: httpx.Response, words: str
) -> None:
    issuer.answers[path] = answer
    said = await refusal(issuer)
    assert words in said
    assert path in said
    assert len(said) < 500


async def test_a_reply_without_an_end_is_not_waited_for(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "_LONGEST", 0.2)
    enough = anyio.Event()

    async def trickle(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            with anyio.move_on_after(30):
                while not enough.is_set():
                    await stream.send(b" ")
                    await anyio.sleep(0.01)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    issuer.address = f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"  # noqa: S610
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, trickle)
        with pytest.raises(ProviderFailed, match="within"), anyio.fail_after(20):
            await verifier_of(issuer, transport=None).keys.document()
        enough.set()
        group.cancel_scope.cancel()


@pytest.mark.parametrize(
    "keys",
    [
        [],
        {"kid": "first"},
        None,
        [1, None, "x", []],
        [{}],
        [{"kty": "RSA", "kid": "first", "n": 5, "e": None}],
        [{"kty": [], "kid": "first", "alg": []}],
        [{"kty": "oct", "kid": "first", "k": "c2VjcmV0"}],
    ],
    ids=str,
)
async def test_what_is_no_key_is_none(issuer: Issuer, keys: Any) -> None:
    issuer.answers[KEYS] = httpx.Response(200, json={"keys": keys})
    assert await verifier_of(issuer).verify_token(issuer.token()) is None


async def test_a_key_that_cannot_be_used_keeps_no_other_out(issuer: Issuer) -> None:
    odd = [{"kty": "RSA", "kid": "odd", "n": 5}, 7, {"kty": "unheard-of", "kid": "third"}]
    issuer.answers[KEYS] = httpx.Response(200, json={"keys": [*odd, issuer.jwk("first")]})
    assert await verifier_of(issuer).verify_token(issuer.token()) is not None


async def test_a_key_for_encryption_signs_nothing(issuer: Issuer) -> None:
    key = {**issuer.jwk("first"), "use": "enc"}
    issuer.answers[KEYS] = httpx.Response(200, json={"keys": [key]})
    assert await verifier_of(issuer).verify_token(issuer.token()) is None


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS256"])
async def test_a_key_that_names_no_algorithm_counts_for_all_of_its_kind(
    issuer: Issuer, algorithm: str
) -> None:
    issuer.answers[KEYS] = httpx.Response(
        200, json={"keys": [{k: v for k, v in issuer.jwk("first").items() if k != "alg"}]}
    )
    verifier = verifier_of(issuer)
    assert await verifier.verify_token(issuer.token(algorithm=algorithm)) is not None


async def test_a_key_that_names_its_algorithm_counts_for_that_alone(issuer: Issuer) -> None:
    verifier = verifier_of(issuer)
    assert await verifier.verify_token(issuer.token(algorithm="RS512")) is None
    assert await verifier.verify_token(issuer.token(algorithm="RS256")) is not None


async def test_keys_that_moved_are_found_where_the_provider_says_now(issuer: Issuer) -> None:
    now = 0.0
    verifier = verifier_of(issuer, elapsed=lambda: now)
    assert await verifier.verify_token(issuer.token()) is not None
    issuer.rotate("second")
    issuer.answers[KEYS] = httpx.Response(404)
    issuer.says["jwks_uri"] = f"{ISSUER}/newer"
    issuer.answers["/newer"] = httpx.Response(200, json={"keys": [issuer.jwk("second")]})
    now += 31
    assert await verifier.verify_token(issuer.token()) is None
    now += 31
    assert await verifier.verify_token(issuer.token()) is not None


async def test_nobody_who_is_known_waits_while_a_stranger_s_key_is_looked_for(
    issuer: Issuer,
) -> None:
    now = 0.0
    asked, go_on = anyio.Event(), anyio.Event()

    async def held(request: httpx.Request) -> httpx.Response:
        if issuer.reads:
            asked.set()
            await go_on.wait()
        return issuer.answer(request)

    verifier = verifier_of(issuer, transport=httpx.MockTransport(held), elapsed=lambda: now)
    assert await verifier.verify_token(issuer.token()) is not None
    now += 31
    async with anyio.create_task_group() as group:
        group.start_soon(verifier.verify_token, issuer.token(kid="nobody's"))
        with anyio.fail_after(30):
            await asked.wait()
            assert await verifier.verify_token(issuer.token()) is not None
        go_on.set()


async def test_a_caller_who_goes_away_while_keys_are_read_leaves_the_next_one_to_read_them(
    issuer: Issuer,
) -> None:
    asked = anyio.Event()
    patient = False

    async def slow(request: httpx.Request) -> httpx.Response:
        if not patient:
            asked.set()
            await anyio.sleep_forever()
        return issuer.answer(request)

    verifier = verifier_of(issuer, transport=httpx.MockTransport(slow))
    async with anyio.create_task_group() as group:
        group.start_soon(verifier.verify_token, issuer.token())
        with anyio.fail_after(30):
            await asked.wait()
        group.cancel_scope.cancel()
    patient = True
    assert await verifier.verify_token(issuer.token()) is not None


@asynccontextmanager
async def in_a_company(issuer: Issuer) -> AsyncIterator[Network]:
    """*issuer* as a server, in a company's network."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = issuer.answer(httpx.Request("GET", f"https://x{self.path}"))
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            async with network("id.company.example", server.server_port) as inside:
                issuer.address = inside.address
                yield inside
        finally:
            server.shutdown()
            thread.join(timeout=30)


async def test_a_provider_behind_a_proxy_and_an_authority_of_one_s_own_is_reached(
    issuer: Issuer, tmp_path: Path
) -> None:
    async with in_a_company(issuer) as inside:
        certificate = tmp_path / "company.pem"
        inside.authority.cert_pem.write_to_path(certificate)
        way = {"HTTPS_PROXY": inside.proxy, "SSL_CERT_FILE": str(certificate)}
        verifier = verifier_of(issuer, transport=None, environ=way)
        assert await verifier.verify_token(issuer.token()) is not None
        assert set(inside.asked) == {"id.company.example"}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "SSL_CERT_FILE"),
        ({"SSL_CERT_FILE": "/nowhere.pem"}, "SSL_CERT_FILE names /nowhere.pem"),
        ({"HTTPS_PROXY": "${PROXY}"}, "HTTPS_PROXY holds a placeholder"),
        ({"HTTPS_PROXY": "http://127.0.0.1:1"}, "no connection to the proxy of HTTPS_PROXY"),
    ],
    ids=["authority", "certificates", "placeholder", "proxy"],
)
async def test_what_is_wrong_on_the_way_to_the_provider_is_said_by_its_variable(
    issuer: Issuer, more: dict[str, str], words: str
) -> None:
    async with in_a_company(issuer) as inside:
        verifier = verifier_of(
            issuer, transport=None, environ={"HTTPS_PROXY": inside.proxy, **more}
        )
        with pytest.raises(ProviderFailed) as caught:
            await verifier.keys.document()
        assert words in f"{caught.value} {caught.value.advice}"
        assert await verifier.verify_token(issuer.token()) is None
