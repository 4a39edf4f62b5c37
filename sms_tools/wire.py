"""What carries a request: which way it goes, and how much of a reply is taken.

The way is decided for each address, here and not by a library: loopback is never reached through
a proxy, credentials never leave this machine over plain HTTP, and what is wrong in the environment
(a proxy, a certificate file) is said by the name of its variable. A reply is unpacked while it
streams and bounded after unpacking; one layer of gzip or deflate is taken, anything else refused.
"""

import os
import re
import ssl
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Final, cast
from urllib.request import getproxies

import httpx

from sms_tools.errors import RequestRefused, SettingsError
from sms_tools.loopback import is_loopback
from sms_tools.text import one_line

ACCEPTED: Final = "gzip"
_UNPACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})
_EITHER_HEADER: Final = 32 + zlib.MAX_WBITS
_PLACEHOLDER: Final = re.compile(r"\$\{?\w|%\w+%")
_PROXY_SCHEMES: Final = frozenset({"http", "https", "socks5", "socks5h"})


class ReplyRefused(httpx.DecodingError):
    """A reply that is not read on: too large, packed in a way that is not taken, or broken."""


class ProxyFailed(httpx.ProxyError):
    """The proxy could not be reached, so the request never left; the message names it."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy and the variable that names it. ``str`` leaves out its login."""

    variable: str
    url: str = field(repr=False)

    def __str__(self) -> str:
        parsed = httpx.URL(self.url)
        return f"the proxy of {self.variable} ({parsed.host}:{parsed.port or 'default port'})"


class Bounded(httpx.AsyncBaseTransport):
    """Another transport whose replies are unpacked here and end at *limit* bytes."""

    def __init__(self, inner: httpx.AsyncBaseTransport, limit: int) -> None:
        self._inner = inner
        self._limit = limit

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request*; its reply is plain, whatever it was packed in."""
        response = await self._inner.handle_async_request(request)
        stream = cast("httpx.AsyncByteStream", response.stream)
        packed = [
            name
            for header in response.headers.get_list("content-encoding", split_commas=True)
            if (name := header.strip().lower()) not in ("", "identity")
        ]
        if len(packed) > 1 or not _UNPACKED.issuperset(packed):
            await stream.aclose()
            raise ReplyRefused(f"the reply is packed as {one_line(', '.join(packed), 80)}")
        headers = [
            (name, value)
            for name, value in response.headers.multi_items()
            if name not in ("content-encoding", "content-length")
        ]
        # A new one: whatever the old one has read already would not pass the bound.
        return httpx.Response(
            response.status_code,
            headers=headers,
            stream=_Plain(stream, self._limit, unpack=bool(packed)),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close the transport inside."""
        await self._inner.aclose()


class _Plain(httpx.AsyncByteStream):
    """A body, unpacked and bounded while it streams."""

    def __init__(self, inner: httpx.AsyncByteStream, limit: int, *, unpack: bool) -> None:
        self._inner = inner
        self._limit = limit
        self._unpack = unpack

    async def __aiter__(self) -> AsyncIterator[bytes]:
        came = given = 0
        unpacker = _Unpacker() if self._unpack else None
        async for chunk in self._inner:
            came += len(chunk)
            pieces = unpacker.feed(chunk) if unpacker else iter([chunk])
            for piece in pieces:
                given += len(piece)
                if max(came, given) > self._limit:
                    raise self._too_large()
                yield piece
            if came > self._limit:
                raise self._too_large()
        if unpacker and came and not unpacker.whole:
            raise httpx.RemoteProtocolError("the packed reply ends too early")

    def _too_large(self) -> ReplyRefused:
        return ReplyRefused(f"the reply is larger than {self._limit} bytes and was not read")

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Unpacker:
    """gzip or deflate, a bounded piece at a time."""

    _PIECE: Final = 64 * 1024

    def __init__(self) -> None:
        self._engine = zlib.decompressobj(_EITHER_HEADER)

    @property
    def whole(self) -> bool:
        """Whether what came ended where it should."""
        return self._engine.eof

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """What *chunk* holds, unpacked.

        Raises:
            ReplyRefused: it is not packed as it says.
        """
        rest = chunk
        while rest:
            if self._engine.eof:  # gzip may consist of several parts
                self._engine = zlib.decompressobj(_EITHER_HEADER)
            piece = self._piece(rest)
            if piece:
                yield piece
            rest = self._engine.unconsumed_tail or self._engine.unused_data

    def _piece(self, rest: bytes) -> bytes:
        try:
            return self._engine.decompress(rest, self._PIECE)
        except zlib.error:
            raise ReplyRefused("the packed reply is damaged") from None


class Network(httpx.AsyncBaseTransport):
    """The network: each address directly or through the proxy that *environ* names for it.

    *connections* is the most that are open at a time, each way. Without *environ* this process's
    environment decides, and on Windows and macOS the system's proxy where that names none.
    """

    def __init__(self, connections: int, environ: Mapping[str, str] | None = None) -> None:
        self._environ = MappingProxyType(dict(os.environ if environ is None else environ))
        self._system = environ is None
        self._limits = httpx.Limits(
            max_connections=connections, max_keepalive_connections=connections
        )
        self._ways: dict[tuple[bool, Proxy | None], httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request* on its way.

        Raises:
            SettingsError: the environment names a proxy or certificates that cannot be used.
            RequestRefused: credentials would leave this machine over plain HTTP.
        """
        host, safe = request.url.host, request.url.scheme == "https"
        if not safe and not is_loopback(host):
            raise RequestRefused(
                f"Credentials would travel to {one_line(host, 80)} over plain HTTP. "
                "Nothing was sent.",
                advice="Set an https:// address in SMS_TOOLS_ENDPOINT or SMS_TOOLS_IAM_ENDPOINT.",
            )
        proxy = proxy_for(request.url, self._environ, system=self._system)
        way = self._way(proxy, safe=safe)
        try:
            return await way.handle_async_request(request)
        except httpx.ProxyError as error:
            raise _refused_by(proxy, host, str(error)) from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise _untrusted(host, self._environ) from None
            if proxy is None:
                raise
            raise ProxyFailed(f"no connection to {proxy}") from None

    async def aclose(self) -> None:
        """Close all connections."""
        for way in self._ways.values():
            await way.aclose()

    def _way(self, proxy: Proxy | None, *, safe: bool) -> httpx.AsyncHTTPTransport:
        if (safe, proxy) not in self._ways:
            # Without certificates nothing is trusted, which is right where no TLS is spoken.
            context = self._trust if safe else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            made = None
            if proxy:
                spoken = context if proxy.url.startswith("https:") else None
                made = httpx.Proxy(proxy.url, ssl_context=spoken)
            self._ways[safe, proxy] = httpx.AsyncHTTPTransport(
                verify=context, limits=self._limits, proxy=made, trust_env=False
            )
        return self._ways[safe, proxy]

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return trusted(self._environ)


def trusted(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Whose certificates are trusted: those of ``SSL_CERT_FILE`` or ``SSL_CERT_DIR``, else the
    public authorities.

    Raises:
        SettingsError: the variable names nothing that can be used.
    """
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        text = environ.get(variable, "").strip()
        if not text:
            continue
        path = Path(text)
        try:
            if variable == "SSL_CERT_FILE":
                return ssl.create_default_context(cafile=path)
            if path.is_dir():
                return ssl.create_default_context(capath=path)
            fault = "is no folder"
        except ssl.SSLError:
            fault = "holds no certificate in PEM form"
        except (OSError, ValueError):
            fault = "cannot be read"
        raise SettingsError(
            f"{variable} names {one_line(text)}, which {fault}. Nothing was sent.",
            advice=f"Correct {variable} or remove it: without it the public authorities are "
            "trusted.",
        )
    return httpx.create_ssl_context(trust_env=False)


def proxy_for(url: httpx.URL, environ: Mapping[str, str], *, system: bool = False) -> Proxy | None:
    """The proxy that leads to *url*, or None where the way is direct.

    Raises:
        SettingsError: the variable holds nothing that can be used as a proxy.
    """
    if url.scheme != "https" or is_loopback(url.host) or _is_exempt(url, environ):
        return None
    for variable in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        if text := environ.get(variable, "").strip():
            return _checked(Proxy(variable, text if "://" in text else f"http://{text}"))
    named = getproxies().get("https") if system else None
    return _checked(Proxy("the system's settings", named)) if named else None


def way_to(address: str, environ: Mapping[str, str]) -> str:
    """How *address* is reached from here, in words: directly, or through which proxy.

    Raises:
        SettingsError: the environment names a proxy or certificates that cannot be used.
    """
    url = httpx.URL(address)
    proxy = proxy_for(url, environ, system=True)
    if url.scheme == "https":
        trusted(environ)
    return f"through {proxy}" if proxy else "directly"


def _checked(proxy: Proxy) -> Proxy:
    variable = proxy.variable
    direct = f"Set {variable} to http://host:port, or name the service's host in NO_PROXY."
    if _PLACEHOLDER.search(proxy.url):
        raise SettingsError(
            f"{variable} holds a placeholder such as ${{NAME}} that was never replaced. "
            "Nothing was sent.",
            advice=f"Write the value itself where {variable} is set, or leave it out.",
        )
    try:
        parsed = httpx.URL(proxy.url)
        in_range = parsed.port is None or 0 < parsed.port < 65_536
        usable = parsed.scheme in _PROXY_SCHEMES and bool(parsed.host) and in_range
    except httpx.InvalidURL:
        usable = False
    if not usable:
        raise SettingsError(
            f"{variable} holds no address of a proxy. Nothing was sent.", advice=direct
        )
    if parsed.scheme.startswith("socks") and find_spec("socksio") is None:
        raise SettingsError(
            f"{variable} names a SOCKS proxy, for which the package socksio is missing. "
            "Nothing was sent.",
            advice="Install it beside sms-tools (`pip install socksio`, or `--with socksio` with "
            f"uvx and uv tool install). Or: {direct}",
        )
    return proxy


def _is_exempt(url: httpx.URL, environ: Mapping[str, str]) -> bool:
    text = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    return any(_covers(entry.strip().lower(), url) for entry in text.split(","))


def _covers(entry: str, url: httpx.URL) -> bool:
    """Whether an entry of NO_PROXY covers *url*: a name and all below it, an address with or
    without brackets, a network, either with a port, or ``*``. What is none of these covers nothing.
    """
    entry = entry.partition("://")[2] or entry
    if entry == "*":
        return True
    bare = re.fullmatch(r"\[([^\]]*)\](?::(\d{1,5}))?|([^:]*)(?::(\d{1,5}))?", entry)
    name = (bare[1] or bare[3] or "") if bare else entry
    port = (bare[2] or bare[4]) if bare else None
    if not name or (port and int(port) != (url.port or 443)):
        return False
    host = url.host.lower().strip("[]").rstrip(".")
    with suppress(ValueError):
        return ip_address(host) in ip_network(name, strict=False)
    domain = name.removeprefix("*").strip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _refused_by(proxy: Proxy | None, host: str, said: str) -> SettingsError | ProxyFailed:
    shown = str(proxy) if proxy else "the proxy"
    variable = proxy.variable if proxy else "HTTPS_PROXY"
    if said.startswith("407"):
        return SettingsError(
            f"{shown[0].upper()}{shown[1:]} wants a login (HTTP 407). Nothing reached the service.",
            advice=f"Write the login into {variable} (http://user:password@host:port), or name "
            f"{host} in NO_PROXY if it can be reached directly.",
        )
    status = f" (HTTP {said[:3]})" if said[:3].isdigit() else ""
    return ProxyFailed(f"{shown} does not lead to {host}{status}")


def _untrusted(host: str, environ: Mapping[str, str]) -> SettingsError:
    named = next((n for n in ("SSL_CERT_FILE", "SSL_CERT_DIR") if environ.get(n)), None)
    store = f"the certificates of {named}" if named else "the public authorities"
    return SettingsError(
        f"The certificate of {host} is not signed by anyone trusted here ({store}), so nothing "
        "was sent.",
        advice="If your network inspects TLS or has an authority of its own, set SSL_CERT_FILE to "
        "a PEM file with that authority (and the public ones, where they are needed as well). If "
        "not, something answers in the service's place: ask who runs the network.",
    )
