"""The approval page behind a login: who sees it, whose yes counts, what a stranger can do."""

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from sms_tools.guard import Policy
from sms_tools.guard.caller import Caller
from sms_tools.guard.calls import subject_of
from sms_tools.guard.page_desk import PublicDesk
from sms_tools.guard.passage import Ask
from sms_tools.guard.people import Person, roles_in
from sms_tools.login.entry import Entry
from sms_tools.login.oidc import Keys, OidcVerifier, Provider
from sms_tools.login.pages import Logins, Session
from sms_tools.login.team import door_of
from sms_tools.operations.tasks import DeleteMigrationTask
from sms_tools.sandbox import open_sandbox
from sms_tools.server import Runtime, build_server, open_runtime
from sms_tools.settings import Settings
from sms_tools.state import State
from tests import modern
from tests.postgres import Cluster

from .issuing import AUDIENCE, CLIENT, ISSUER, Issuer

pytestmark = pytest.mark.anyio
PUBLIC = "https://sms-tools.example.com"
SAME = {"Origin": PUBLIC, "Sec-Fetch-Site": "same-origin"}


class House:
    """A team's server with a provider; each browser has its own cookies."""

    def __init__(self, runtime: Runtime, app: Any, issuer: Issuer, stack: AsyncExitStack) -> None:
        self.runtime, self.issuer = runtime, issuer
        self._app, self._stack = app, stack

    async def browser(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self._app)
        client = httpx.AsyncClient(transport=transport, base_url=PUBLIC)
        return await self._stack.enter_async_context(client)

    async def logged_in(self, who: str, roles: list[str], **more: Any) -> httpx.AsyncClient:
        """A browser in which *who* has logged in, beginning at a page of ours."""
        browser = await self.browser()
        go = await browser.get("/sms-tools/login", params={"next": "/sms-tools/approve/x"})
        back = self.issuer.consent(go.headers["location"], sub=who, roles=roles, **more)
        done = await browser.get(back)
        assert done.status_code == 303, done.text
        assert done.headers["location"] == "/sms-tools/approve/x"
        return browser

    async def asked(self, asker: str = "olga") -> str:
        """The path of a request of *asker* that waits."""
        api = self.runtime.api
        sandbox = self.runtime.settings.sandbox
        assert sandbox
        listed = await self.runtime.desk.api.send(_listing())
        task = next(
            s["current_task"]["id"]
            for s in (listed.payload or {})["source_servers"]
            if s["name"] == "web-01"
        )
        caller = Caller("client", "1", "http", asker, roles=roles_in(["viewer", "operator"]))
        subject = subject_of(DeleteMigrationTask(task_id=task), api)
        question = await self.runtime.guard.begin(subject, caller)
        assert isinstance(question, Ask)
        assert not question.dialog, "an operator who is no approver is not asked in a dialog"
        held = await self.runtime.guard.hold(question)
        address = str(held.result["approval_url"])
        assert address.startswith(f"{PUBLIC}/sms-tools/approve/")
        assert "logging in" in str(held.result["summary"])
        return address.removeprefix(PUBLIC)

    async def status(self) -> str:
        waiting = await self.runtime.guard.approvals.waiting()
        return "waiting" if waiting else "answered"


def _listing() -> Any:
    from sms_tools.operations.source_servers import ListSourceServers

    return ListSourceServers(limit=100)


Opener = Callable[..., Awaitable[House]]


@pytest.fixture
async def open_house(tmp_path: Path) -> AsyncIterator[Opener]:
    async with AsyncExitStack() as stack:

        async def open_(
            policy: Policy | None = None,
            roles_claim: str = "roles",
            subject_claim: str = "sub",
            state_url: str | None = None,
            issuer: Issuer | None = None,
        ) -> House:
            issuer = issuer or Issuer()
            provider = Provider(
                ISSUER, AUDIENCE, roles_claim, client_id=CLIENT, subject_claim=subject_claim
            )
            keys = Keys(ISSUER, transport=issuer.transport())
            runtime = await stack.enter_async_context(
                open_runtime(
                    replace(
                        Settings.for_sandbox(state_dir=tmp_path / "state"), state_url=state_url
                    ),
                    policy or Policy(),
                    transport=open_sandbox("mixed").transport(),
                    reached_by="http",
                    public_url=PUBLIC,
                )
            )
            assert isinstance(runtime.page, PublicDesk)
            entry = Entry(OidcVerifier(provider, keys), provider, keys)
            door = await door_of(entry, runtime, PUBLIC)
            server = build_server(runtime)
            app = door.over(server, PUBLIC, "127.0.0.1")
            await stack.enter_async_context(server.session_manager.run())
            return House(runtime, app, issuer, stack)

        yield open_


async def yes(browser: httpx.AsyncClient, path: str, **more: str) -> httpx.Response:
    """Types what the page asks for and presses the button."""
    shown = await browser.get(path)
    assert shown.status_code == 200, shown.text
    seal = shown.text.split('name="seal" value="')[1].split('"')[0]
    form = {"answer": "approve", "typed": "web-01", "seal": seal, **more}
    return await browser.post(path, data=form, headers=SAME)


async def test_clients_are_told_where_to_get_a_token(open_house: Opener) -> None:
    browser = await (await open_house()).browser()
    refused = await browser.post("/mcp", json={})
    assert refused.status_code == 401
    challenge = refused.headers["www-authenticate"]
    address = challenge.split('resource_metadata="')[1].rstrip('"')
    assert address == f"{PUBLIC}/.well-known/oauth-protected-resource/mcp"
    metadata = (await browser.get(address)).json()
    assert metadata["resource"] == f"{PUBLIC}/mcp"
    assert metadata["authorization_servers"] == [f"{ISSUER}/"] or metadata[
        "authorization_servers"
    ] == [ISSUER]


async def test_known_without_a_role_is_forbidden_and_says_so(open_house: Opener) -> None:
    house = await open_house()
    browser = await house.browser()
    token = house.issuer.token(roles=[])
    refused = await browser.post("/mcp", json={}, headers={"Authorization": f"Bearer {token}"})
    assert refused.status_code == 403
    assert "role" in refused.json()["error_description"]


@pytest.mark.parametrize(("late", "status"), [(-30, 200), (-90, 401)])
async def test_clocks_may_differ_by_a_minute_at_the_door_too(
    open_house: Opener, late: int, status: int
) -> None:
    house = await open_house()
    browser = await house.browser()
    token = house.issuer.token(exp=int(time.time()) + late)
    assert (await browser.post("/mcp", **modern.request("tools/list", token))).status_code == status


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ({"authorization_endpoint": "http://id.example.com/authorize"}, "http://"),
        ({"authorization_endpoint": None}, "authorization_endpoint"),
        ({"issuer": "https://evil.example"}, "another issuer"),
    ],
    ids=str,
)
async def test_where_nobody_can_log_in_the_page_says_why(
    open_house: Opener, says: dict[str, Any], words: str
) -> None:
    house = await open_house()
    house.issuer.says.update(says)
    browser = await house.browser()
    shown = await browser.get("/sms-tools/login", params={"next": "/sms-tools/approve/x"})
    assert shown.status_code == 502
    assert words in shown.text


async def test_a_login_that_the_provider_cannot_finish_says_why(open_house: Opener) -> None:
    house = await open_house()
    browser = await house.browser()
    go = await browser.get("/sms-tools/login", params={"next": "/sms-tools/approve/x"})
    back = house.issuer.consent(go.headers["location"], roles=["approver"])
    house.issuer.down = True
    shown = await browser.get(back)
    assert shown.status_code == 502
    assert "gave no answer" in shown.text


async def test_nobody_sees_a_request_before_they_log_in(open_house: Opener) -> None:
    house = await open_house()
    path = await house.asked()
    browser = await house.browser()
    shown = await browser.get(path)
    assert shown.status_code == 303
    assert shown.headers["location"].startswith("/sms-tools/login?next=")
    assert "web-01" not in shown.text
    refused = await browser.post(path, data={"answer": "approve"}, headers=SAME)
    assert refused.status_code == 401


async def test_an_approver_says_yes_and_is_named(open_house: Opener) -> None:
    house = await open_house()
    path = await house.asked()
    browser = await house.logged_in("anna", ["viewer", "approver"])
    answered = await yes(browser, path)
    assert answered.status_code == 303
    assert await house.status() == "answered"
    said = [e for e in await house.runtime.guard.audit.read() if e["event"] == "answer"]
    assert [e["by"] for e in said] == ["anna"]


async def test_an_operator_s_yes_does_not_count(open_house: Opener) -> None:
    house = await open_house()
    path = await house.asked()
    browser = await house.logged_in("otto", ["viewer", "operator"])
    refused = await yes(browser, path)
    assert refused.status_code == 403
    assert "does not have the role approver" in refused.text
    assert await house.status() == "waiting"


async def test_with_four_eyes_the_asker_s_yes_does_not_count(open_house: Opener) -> None:
    house = await open_house(Policy(four_eyes=True))
    path = await house.asked("boss")
    roles = ["viewer", "operator", "approver"]
    refused = await yes(await house.logged_in("boss", roles), path)
    assert refused.status_code == 403
    assert "four eyes" in refused.text
    assert (await yes(await house.logged_in("anna", roles), path)).status_code == 303
    assert await house.status() == "answered"


@pytest.mark.parametrize("claim", ["sub", "oid"])
async def test_whoever_is_somebody_else_for_each_client_does_not_approve_with_four_eyes(
    open_house: Opener, claim: str
) -> None:
    house = await open_house(Policy(four_eyes=True), subject_claim=claim)
    house.issuer.says["subject_types_supported"] = ["pairwise"]
    path = await house.asked("boss" if claim == "oid" else "boss-as-the-client-knows-her")
    roles = ["viewer", "operator", "approver"]
    boss = await house.logged_in("boss-as-the-page-knows-her", roles, oid="boss")
    refused = await yes(boss, path)
    assert refused.status_code == 403
    assert ("subject_claim" if claim == "sub" else "four eyes") in refused.text
    assert await house.status() == "waiting"
    anna = await house.logged_in("anna-as-the-page-knows-her", roles, oid="anna")
    assert (await yes(anna, path)).status_code == (403 if claim == "sub" else 303)


async def test_somebody_without_a_role_sees_nothing(open_house: Opener) -> None:
    house = await open_house()
    path = await house.asked()
    shown = await (await house.logged_in("eve", [])).get(path)
    assert shown.status_code == 403
    assert "web-01" not in shown.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": PUBLIC, "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
    ],
    ids=str,
)
async def test_another_page_cannot_answer_for_somebody_who_is_logged_in(
    open_house: Opener, headers: dict[str, str]
) -> None:
    house = await open_house()
    path = await house.asked()
    browser = await house.logged_in("anna", ["approver"])
    shown = await browser.get(path)
    seal = shown.text.split('name="seal" value="')[1].split('"')[0]
    form = {"answer": "approve", "typed": "web-01", "seal": seal}
    assert (await browser.post(path, data=form, headers=headers)).status_code == 403
    assert (await browser.post(path, data={**form, "seal": "x"}, headers=SAME)).status_code == 403
    assert await house.status() == "waiting"


async def test_a_login_that_was_begun_in_another_browser_is_none(open_house: Opener) -> None:
    house = await open_house()
    there = {"next": "/sms-tools/approve/x"}
    attacker, victim = await house.browser(), await house.browser()
    go = await attacker.get("/sms-tools/login", params=there)
    back = house.issuer.consent(go.headers["location"], sub="eve", roles=["approver"])
    assert (await victim.get(back)).status_code == 403
    await victim.get("/sms-tools/login", params=there)
    assert (await victim.get(back)).status_code == 403


async def test_a_code_that_was_used_serves_no_second_time(open_house: Opener) -> None:
    house = await open_house()
    browser = await house.browser()
    go = await browser.get("/sms-tools/login", params={"next": "/sms-tools/approve/x"})
    back = house.issuer.consent(go.headers["location"], sub="anna", roles=["approver"])
    assert (await browser.get(back)).status_code == 303
    assert (await browser.get(back)).status_code == 403


@pytest.mark.parametrize(
    "claims",
    [{"aud": AUDIENCE}, {"nonce": "of another login"}, {"exp": 1}, {"iss": "https://evil.example"}],
    ids=str,
)
async def test_an_identity_that_is_not_of_this_login_does_not_count(
    open_house: Opener, claims: dict[str, Any]
) -> None:
    house = await open_house()
    browser = await house.browser()
    go = await browser.get("/sms-tools/login", params={"next": "/sms-tools/approve/x"})
    back = house.issuer.consent(go.headers["location"], **{"roles": ["approver"], **claims})
    assert (await browser.get(back)).status_code == 502


@pytest.mark.parametrize(
    "there",
    ["", "https://evil.example", "//evil.example", "/sms-tools//evil", "/mcp", "/sms-tools/\\x"],
)
async def test_the_login_leads_nowhere_else(open_house: Opener, there: str) -> None:
    browser = await (await open_house()).browser()
    assert (await browser.get("/sms-tools/login", params={"next": there})).status_code == 404


async def test_cookies_are_out_of_reach_and_another_s_serve_nobody(open_house: Opener) -> None:
    house = await open_house()
    browser = await house.browser()
    go = await browser.get("/sms-tools/login", params={"next": "/sms-tools/approve/x"})
    done = await browser.get(house.issuer.consent(go.headers["location"], roles=["approver"]))
    cookie = next(
        c for c in done.headers.get_list("set-cookie") if c.startswith("__Host-sms-tools=")
    )
    for wanted in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert wanted in cookie
    stranger = await house.browser()
    stranger.cookies.set("__Host-sms-tools", "guessed", domain="sms-tools.example.com")
    assert (await stranger.get(await house.asked())).status_code == 303


async def test_another_host_name_serves_no_page(open_house: Opener) -> None:
    browser = await (await open_house()).browser()
    browser.headers["Host"] = "evil.example"
    assert (await browser.get("/sms-tools/login?next=/sms-tools/approve/x")).status_code == 421


async def test_a_secret_that_one_server_read_is_shown_by_another_and_once(
    open_house: Opener, cluster: Cluster
) -> None:
    url = cluster.database()
    one = await open_house(state_url=url)
    other = await open_house(state_url=url, issuer=one.issuer)
    boss = one.issuer.token(sub="boss", roles=["viewer", "operator", "approver"])
    asked = modern.call("calculate_sha256", boss, key="0b3c3a0e-example")
    client, anna = await one.browser(), await one.logged_in("anna", ["viewer", "approver"])
    held = modern.result_in(await client.post("/mcp", **asked))
    assert held["status"] == "approval_required", held
    approval = await one.runtime.guard.approvals.get(held["approval_id"])
    assert approval
    path = held["approval_url"].removeprefix(PUBLIC)
    assert (await yes(anna, path, typed=approval.preview.typed)).status_code == 303
    told = modern.result_in(await client.post("/mcp", **asked))
    assert told["status"] == "delivered", told
    assert "whichever server is asked" in told["summary"]
    assert f"on the page {told['delivery_url']}" in told["summary"]

    elsewhere = await other.browser()
    elsewhere.cookies = anna.cookies
    where = told["delivery_url"].removeprefix(PUBLIC)
    assert "Show it" in (await elsewhere.get(path)).text
    offered = await elsewhere.get(where)
    assert offered.status_code == 200
    form = {"seal": offered.text.split('name="seal" value="')[1].split('"')[0]}
    shown = await elsewhere.post(where, data=form, headers=SAME)
    assert re.search(r"[0-9a-f]{64}", shown.text), shown.text
    for browser in (anna, elsewhere):
        assert (await browser.get(where)).status_code == 404
        assert (await browser.post(where, data=form, headers=SAME)).status_code == 403


async def test_whoever_logs_out_is_out_with_that_cookie_wherever_it_went(
    open_house: Opener,
) -> None:
    house = await open_house()
    path = await house.asked()
    browser = await house.logged_in("anna", ["viewer", "approver"])
    copied = await house.browser()
    copied.cookies = httpx.Cookies(browser.cookies)
    shown = (await browser.get(path)).text
    assert "Log out" in shown
    form = shown.split('action="/sms-tools/logout"')[1]
    seal = form.split('name="seal" value="')[1].split('"')[0]
    evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    for data, headers in (({"seal": seal}, evil), ({"seal": "x"}, SAME), ({}, SAME)):
        refused = await browser.post("/sms-tools/logout", data=data, headers=headers)
        assert refused.status_code == 403
    assert (await browser.get(path)).status_code == 200
    assert (await browser.post("/sms-tools/logout", data={"seal": seal}, headers=SAME)).is_success
    for each in (browser, copied):
        assert (await each.get(path)).status_code == 303
        assert (await each.post(path, data={"answer": "approve"}, headers=SAME)).status_code == 401
    assert await house.status() == "waiting"


async def test_a_login_lasts_eight_hours_and_no_longer(tmp_path: Path) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with closing(State(tmp_path)) as state:
        logins = Logins(state, lambda: now)
        session = Session(Person("anna", roles_in(["approver"])), "Anna")
        cookie = await logins.open(session)
        now += timedelta(hours=8, seconds=-1)
        assert await logins.session(cookie) == session
        now += timedelta(seconds=1)
        assert await logins.session(cookie) is None
        cookie = await logins.open(session)
        now -= timedelta(hours=1)
        assert await logins.session(cookie) is None, "a clock that was set back ends it"
