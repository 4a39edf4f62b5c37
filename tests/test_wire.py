"""The way of a request and the bound on its reply: proxies, certificates, packing, silence."""

import asyncio
import base64
import gzip
import json
import ssl
import sys
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from anyio.abc import SocketAttribute, SocketStream
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sms_tools import errors
from sms_tools.api import Api
from sms_tools.operations.projects import DeleteMigrationProject, GetMigrationProject
from sms_tools.settings import IamUser, Settings
from sms_tools.signing import KeyPair
from sms_tools.wire import Bounded, Network, ReplyRefused, proxy_for, trusted

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
READ = GetMigrationProject(mig_project_id="p-1")
DESTROY = DeleteMigrationProject(mig_project_id="p-1")
BODY = json.dumps({"id": "p-1"}).encode()
REMOTE = "https://sms.ap-southeast-3.invalid"


async def no_waiting(seconds: float) -> None:
    return None


class Pieces(httpx.AsyncByteStream):
    """A body in pieces; counts those that were taken."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            self.taken += 1
            yield piece


class Answering(httpx.AsyncBaseTransport):
    """A far end whose reply streams, as the network's do."""

    def __init__(self, body: Pieces, *packed: str) -> None:
        self.body = body
        self.headers = [("Content-Encoding", name) for name in packed]
        self.seen: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        return httpx.Response(200, headers=self.headers, stream=self.body)


def api_over(transport: httpx.AsyncBaseTransport, **options: Any) -> Api:
    return Api(
        Settings.for_sandbox(),
        transport=transport,
        clock=lambda: NOW,
        sleep=no_waiting,
        **options,
    )


@pytest.mark.parametrize(
    ("packed", "body"),
    [
        ("identity", BODY),
        ("gzip", gzip.compress(BODY)),
        ("x-gzip", gzip.compress(BODY[:4]) + gzip.compress(BODY[4:])),
        ("deflate", zlib.compress(BODY)),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_a_reply_in_one_layer_is_unpacked(packed: str, body: bytes, size: int) -> None:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    transport = Answering(Pieces(pieces), packed)
    async with api_over(transport) as api:
        assert (await api(READ)).id == "p-1"
    assert transport.seen[0].headers["Accept-Encoding"] == "gzip"


@pytest.mark.parametrize("packed", ["gzip, gzip", "br", "zstd", "compress", "gzip, br"])
async def test_layers_and_packings_that_nobody_asked_for_are_refused_unread(packed: str) -> None:
    body = Pieces([gzip.compress(gzip.compress(BODY))])
    async with api_over(Answering(body, packed)) as api:
        with pytest.raises(errors.ServerFault, match="is packed as") as caught:
            await api(READ)
    assert body.taken == 0
    assert "proxy or gateway" in caught.value.advice


async def test_two_headers_make_two_layers() -> None:
    body = Pieces([gzip.compress(gzip.compress(BODY))])
    async with api_over(Answering(body, "gzip", "gzip")) as api:
        with pytest.raises(errors.ServerFault, match="is packed as gzip, gzip"):
            await api(READ)


async def test_a_small_reply_that_unpacks_to_a_huge_one_is_stopped_on_the_way() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    pieces = Pieces([bomb[at : at + 1000] for at in range(0, len(bomb), 1000)])
    async with api_over(Answering(pieces, "gzip"), max_reply=200_000) as api:
        with pytest.raises(errors.ServerFault, match="larger than 200000 bytes"):
            await api(READ)
    assert pieces.taken <= 2


async def test_empty_parts_without_an_end_are_bounded_too() -> None:
    pieces = Pieces([gzip.compress(b"")] * 10_000)
    async with api_over(Answering(pieces, "gzip"), max_reply=2000) as api:
        with pytest.raises(errors.ServerFault, match="larger than 2000 bytes"):
            await api(READ)
    assert pieces.taken < 200


@pytest.mark.parametrize("body", [gzip.compress(BODY)[:-9], b"no gzip at all", b"\x1f\x8b\x08"])
async def test_a_damaged_or_cut_packing_is_an_error_in_words(body: bytes) -> None:
    async with api_over(Answering(Pieces([body]), "gzip")) as api:
        with pytest.raises(errors.SmsToolsError, match=r"damaged|broke before") as caught:
            await api(DESTROY)
    assert "zlib" not in str(caught.value)


@hypothesis_settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=300), packed=st.sampled_from(["gzip", "deflate", "identity"]))
async def test_no_bytes_raise_anything_but_our_errors(body: bytes, packed: str) -> None:
    async with api_over(Answering(Pieces([body]), packed)) as api:
        with pytest.raises(errors.SmsToolsError):
            await api(READ)


@pytest.mark.parametrize("status", [401, 500])
async def test_the_bound_holds_for_refusals_too(status: int) -> None:
    body = Pieces([b"x" * 1000] * 50)

    class Refusing(Answering):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            self.seen.append(request)
            return httpx.Response(status, stream=self.body)

    async with httpx.AsyncClient(transport=Bounded(Refusing(body), 5000)) as client:
        with pytest.raises(ReplyRefused):
            await client.get("http://127.0.0.1/")
    assert body.taken == 6


def way(url: str, **environ: str) -> str | None:
    proxy = proxy_for(httpx.URL(url), environ)
    return proxy.url if proxy else None


@pytest.mark.parametrize(
    ("url", "no_proxy", "direct"),
    [
        ("https://[fd07:b51a:cc66:f0::7]", "fd07:b51a:cc66:f0::/64", True),
        ("https://[fd07:b51a:cc66:f1::7]", "fd07:b51a:cc66:f0::/64", False),
        ("https://[fd07::7]", "localhost,127.0.0.1,::1,[fd07::7]", True),
        ("https://[fd07::7]:8443", "[fd07::7]:8443", True),
        ("https://[fd07::7]", "[fd07::7]:8443", False),
        ("https://10.1.2.3", "10.0.0.0/8", True),
        ("https://sms.example.com", "example.com", True),
        ("https://sms.example.com", ".example.com", True),
        ("https://sms.example.com", "*.EXAMPLE.com", True),
        ("https://sms.example.com", "https://sms.example.com", True),
        ("https://sms.example.com", "example.com:443", True),
        ("https://sms.example.com", "example.com:8443", False),
        ("https://smsexample.com", "example.com", False),
        ("https://sms.example.com", "[::1], ::, :::, [, ], [::, %, /, :99999", False),
        ("https://sms.example.com", "*", True),
        ("https://sms.example.com", "", False),
    ],
)
def test_no_proxy_is_understood_in_all_its_forms(url: str, no_proxy: str, direct: bool) -> None:
    chosen = way(url, HTTPS_PROXY="http://proxy.example:3128", NO_PROXY=no_proxy)
    assert (chosen is None) is direct


@hypothesis_settings(deadline=None)
@given(entry=st.text(st.sampled_from("[]:/.*%,a1f "), max_size=12))
def test_no_entry_of_no_proxy_is_an_accident(entry: str) -> None:
    way("https://sms.example.com", HTTPS_PROXY="http://proxy.example:3128", NO_PROXY=entry)


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:8443", "https://localhost", "https://[::1]", "http://127.0.0.2:80"]
)
def test_loopback_is_never_reached_through_a_proxy(url: str) -> None:
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"), "http://p:1")
    assert way(url, **proxies) is None


def test_the_particular_proxy_comes_before_the_general_one() -> None:
    assert way("https://a.example", ALL_PROXY="http://all:1", HTTPS_PROXY="s:2") == "http://s:2"
    assert way("https://a.example", ALL_PROXY="http://all:1") == "http://all:1"


@pytest.mark.parametrize(
    ("environ", "said", "advice"),
    [
        ({"HTTPS_PROXY": "${HTTPS_PROXY}"}, "HTTPS_PROXY holds a placeholder", "leave it out"),
        ({"ALL_PROXY": "socks5://127.0.0.1:1080"}, "ALL_PROXY names a SOCKS proxy", "socksio"),
        ({"HTTPS_PROXY": "ftp://a:1"}, "HTTPS_PROXY holds no address", "NO_PROXY"),
        ({"HTTPS_PROXY": "http://[::1"}, "HTTPS_PROXY holds no address", "NO_PROXY"),
        ({"HTTPS_PROXY": "http://h:99999"}, "HTTPS_PROXY", "NO_PROXY"),
        ({"SSL_CERT_FILE": "/nonexistent/ca.pem"}, "SSL_CERT_FILE names /nonexistent", "Correct"),
        ({"SSL_CERT_DIR": "/nonexistent"}, "SSL_CERT_DIR names /nonexistent", "Correct"),
    ],
)
async def test_what_is_wrong_in_the_environment_is_said_by_its_variable(
    environ: Mapping[str, str], said: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)  # as where nobody has installed it
    settings = Settings(endpoint=REMOTE, credentials=KeyPair("EXAMPLE-KEY", "example-secret"))
    async with Api(settings, environ=environ, sleep=no_waiting) as api:
        with pytest.raises(errors.SettingsError, match=said) as caught:
            await api(READ)
    assert advice in caught.value.advice


def test_a_file_without_certificates_is_said(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("not a certificate", encoding="ascii")
    with pytest.raises(errors.SettingsError, match="holds no certificate in PEM form"):
        trusted({"SSL_CERT_FILE": str(path)})


def test_an_authority_of_ones_own_is_trusted(tmp_path: Path) -> None:
    anchors = httpx.create_ssl_context(trust_env=False).get_ca_certs(binary_form=True)
    path = tmp_path / "own.pem"
    path.write_text(ssl.DER_cert_to_PEM_cert(anchors[0]), encoding="ascii")
    assert trusted({"SSL_CERT_FILE": str(path)}).get_ca_certs(binary_form=True) == anchors[:1]


@asynccontextmanager
async def listening(answer: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A listener that answers whatever comes with *answer* and hangs up; and what came."""
    came: list[bytes] = []

    async def serve(stream: SocketStream) -> None:
        async with stream:
            came.append(await stream.receive())
            await stream.send(answer)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, serve)
        yield listener.extra(SocketAttribute.local_port), came  # noqa: S610
        group.cancel_scope.cancel()


def through(port: int, login: str = "") -> Api:
    settings = Settings(endpoint=REMOTE, credentials=KeyPair("EXAMPLE-KEY", "example-secret"))
    environ = {"HTTPS_PROXY": f"http://{login}127.0.0.1:{port}"}
    return Api(settings, environ=environ, sleep=no_waiting)


async def test_a_proxy_that_wants_a_login_is_said() -> None:
    reply = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    async with listening(reply) as (port, came), through(port) as api:
        with pytest.raises(errors.SettingsError, match="wants a login") as caught:
            await api(READ)
    assert "HTTPS_PROXY" in caught.value.advice
    assert len(came) == 1
    assert b"Authorization" not in came[0]


async def test_a_proxy_that_does_not_lead_on_is_the_hop_that_failed() -> None:
    reply = b"HTTP/1.1 503 Nope\r\nContent-Length: 0\r\n\r\n"
    async with listening(reply) as (port, _), through(port, "user:example-password@") as api:
        with pytest.raises(errors.ServiceUnreachable, match="HTTP 503") as caught:
            await api(DESTROY)
    assert "the proxy of HTTPS_PROXY (127.0.0.1" in str(caught.value)
    assert "example-password" not in f"{caught.value} {caught.value.advice}"
    assert not caught.value.outcome_unknown


async def test_a_proxy_that_cannot_be_reached_is_the_hop_that_failed() -> None:
    async with listening(b"") as (port, _):
        pass
    async with through(port) as api:
        with pytest.raises(errors.ServiceUnreachable, match="no connection to the proxy") as caught:
            await api(READ)
    assert "The proxy failed, not the service" in caught.value.advice
    assert "tried 4 times" in str(caught.value)


async def test_a_password_for_iam_on_loopback_never_meets_a_proxy() -> None:
    granted = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
    async with listening(b"") as (proxy, at_proxy), listening(granted) as (iam, at_iam):
        settings = Settings(
            endpoint=REMOTE,
            iam_endpoint=f"http://127.0.0.1:{iam}",
            credentials=IamUser("user", "example-password", "domain"),
        )
        names = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY")
        environ = dict.fromkeys(names, f"http://127.0.0.1:{proxy}")
        async with Api(settings, environ=environ, sleep=no_waiting) as api:
            with pytest.raises(errors.SmsToolsError):
                await api(DESTROY)
    assert at_iam
    assert not at_proxy


async def test_no_credential_leaves_over_plain_http() -> None:
    async with httpx.AsyncClient(transport=Network(1, {})) as client:
        with pytest.raises(errors.RequestRefused, match="plain HTTP"):
            await client.get("http://sms.example.com/v3/tasks")


class SkippingLoop(asyncio.SelectorEventLoop):
    """An event loop that does not wait: its clock jumps to what is due next."""

    def __init__(self) -> None:
        super().__init__()
        self._skipped = 0.0
        selector: Any = self._selector  # type: ignore[attr-defined]
        select = selector.select

        def skip(timeout: float | None = None) -> Any:
            if timeout:
                self._skipped += timeout
            return select(0)

        selector.select = skip

    def time(self) -> float:
        return super().time() + self._skipped


def skipping(main: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await main()

    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        runner.run(run())


class Silent(httpx.AsyncBaseTransport):
    """A service that takes requests and never answers."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        raise AssertionError(request)


@pytest.mark.parametrize("operation", [READ, DESTROY])
def test_a_silent_service_gives_its_error_within_45_seconds(operation: Any) -> None:
    async def ask() -> None:
        begun = anyio.current_time()
        async with Api(Settings.for_sandbox(), transport=Silent()) as api:
            with pytest.raises(errors.ServiceUnreachable, match="no complete answer") as caught:
                await api(operation)
        assert anyio.current_time() - begun <= 45
        assert ("tried 2 times" in str(caught.value)) is (operation is READ)

    skipping(ask)


def test_many_calls_at_a_silent_service_all_end_within_45_seconds() -> None:
    async def ask() -> None:
        begun = anyio.current_time()
        async with Api(Settings.for_sandbox(), transport=Silent()) as api:
            results = await api.each([READ] * 200)
        assert anyio.current_time() - begun <= 45
        assert all(isinstance(each, errors.ServiceUnreachable) for each in results)
        assert api.requests_made < 40

    skipping(ask)


def test_the_login_of_a_proxy_is_no_part_of_its_name() -> None:
    login = base64.b64encode(b"example").decode()
    url = f"http://user:{login}@proxy.example:3128"
    proxy = proxy_for(httpx.URL(REMOTE), {"HTTPS_PROXY": url})
    assert login not in f"{proxy} {proxy!r}"
