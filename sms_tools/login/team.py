"""A team's server over HTTP: its door, its metadata, its approval page."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from mcp.server.auth.routes import build_resource_metadata_url, create_protected_resource_routes
from pydantic import AnyHttpUrl
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from sms_tools.guard.answers import Answers
from sms_tools.guard.keys import kept_key
from sms_tools.guard.page_desk import PublicDesk
from sms_tools.guard.pairing import PATH
from sms_tools.guard.people import Role
from sms_tools.guard.sealed import Seals, pages
from sms_tools.login.entry import Entry
from sms_tools.login.oidc import OidcVerifier
from sms_tools.login.pages import LoginPage, Logins
from sms_tools.moment import utc_now
from sms_tools.server.http import Challenge, Door
from sms_tools.server.runtime import Runtime

_WANTS_TO_KNOW_WHO = (
    "This server wants a bearer token of its file of tokens, in the header `Authorization: Bearer "
    "TOKEN`. Whoever runs the server gives you one."
)
_WANTS_A_LOGIN = (
    "This server wants an access token of its identity provider, in the header `Authorization: "
    "Bearer TOKEN`. Your client can get one: the header WWW-Authenticate names the metadata."
)


async def door_of(
    entry: Entry,
    runtime: Runtime,
    public_url: str | None,
    proxies: Sequence[str] = (),
) -> Door:
    """The door that *entry* asks for; with a provider the page and the metadata are beside it.

    Raises:
        StateError: the key that forms are sealed with cannot be kept.
    """
    if entry.provider is None or public_url is None:
        challenge = Challenge(_WANTS_TO_KNOW_WHO)
        return Door(entry.verifier, challenge, public_url, proxies=proxies)
    resource = AnyHttpUrl(f"{public_url}/mcp")
    beside: list[BaseRoute] = [
        *create_protected_resource_routes(
            resource,
            [AnyHttpUrl(entry.provider.issuer)],
            [str(role) for role in Role],
            resource_name="sms-tools",
        )
    ]
    if isinstance(runtime.page, PublicDesk) and isinstance(entry.verifier, OidcVerifier):
        page = await _page(entry.verifier, runtime, runtime.page, public_url)
        beside.append(Mount(PATH, _OneName(page, urlsplit(public_url).netloc)))
    challenge = Challenge(_WANTS_A_LOGIN, str(build_resource_metadata_url(resource)))
    return Door(entry.verifier, challenge, public_url, beside, proxies)


async def _page(
    verifier: OidcVerifier,
    runtime: Runtime,
    desk: PublicDesk,
    public_url: str,
) -> ASGIApp:
    guard = runtime.guard
    logins = Logins(runtime.state, utc_now, guard.audit)
    page = LoginPage(
        Answers(guard.approvals, guard.audit),
        desk.vault,
        logins,
        verifier,
        public_url,
        Seals(public_url, await kept_key(runtime.state, "page")),
    )
    return pages(*page.routes())


@dataclass(frozen=True, slots=True)
class _OneName:
    """Serves *app* under its public name alone, whatever a proxy's headers say."""

    app: ASGIApp
    name: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; the path is the whole one again."""
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        if host != self.name:
            refused = JSONResponse({"error": "refused"}, status_code=421)
            await refused(scope, receive, send)
            return
        await self.app({**scope, "root_path": ""}, receive, send)
