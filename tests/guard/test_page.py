"""The approval page: a GET shows, a POST from the page itself decides, and nothing else does."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from sms_tools.guard import Ask, Guard, Held, Policy
from sms_tools.guard.answers import Answers
from sms_tools.guard.approvals import Approval, Status
from sms_tools.guard.page import COMMAND_HEADER, PairedPage
from sms_tools.guard.page_desk import PageDesk
from sms_tools.guard.pairing import COOKIE, PATH, Pairings
from sms_tools.guard.passage import Go
from sms_tools.guard.terminal import fetch_secret
from sms_tools.guard.vault import InMemory
from sms_tools.operation import Kind
from sms_tools.state import State

from .conftest import CALLER, Clock, Thing

pytestmark = pytest.mark.anyio

ORIGIN = "http://127.0.0.1:4711"
FROM_THE_PAGE = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def pairings(state: State, clock: Clock) -> Pairings:
    return Pairings(state, clock)


@pytest.fixture
async def browser(answers: Answers, pairings: Pairings) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that its person has paired."""
    transport = httpx.ASGITransport(app=PairedPage(answers, InMemory(), pairings).app())
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        pair(client, await pairings.pair())
        yield client


def link_to(approval: Approval) -> str:
    return f"{PATH}/approve/{approval.token}"


def pair(browser: httpx.AsyncClient, value: str) -> None:
    browser.cookies.set(COOKIE, value, domain="127.0.0.1", path=PATH)


@pytest.fixture
async def approval(guard: Guard, thing: Thing) -> Approval:
    ask = await guard.begin(thing.subject(), CALLER)
    assert isinstance(ask, Ask)
    return ask.approval


def seal(page: httpx.Response) -> str:
    found = re.search(r'name="seal" value="([0-9a-f]+)"', page.text)
    assert found
    return found.group(1)


async def status(answers: Answers, approval: Approval) -> Status:
    found = await answers.approvals.get(approval.id)
    assert found
    return found.status


async def test_the_page_says_what_will_happen_and_what_to_type(
    browser: httpx.AsyncClient, approval: Approval
) -> None:
    page = await browser.get(link_to(approval))
    assert "Delete “web-01”." in page.text
    assert "type <code>web-01</code>" in page.text
    assert approval.id in page.text


async def test_the_page_has_no_script_and_may_load_nothing_from_elsewhere(
    browser: httpx.AsyncClient, approval: Approval
) -> None:
    page = await browser.get(link_to(approval))
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "same-origin"
    assert (await browser.get(f"{PATH}/style.css")).headers["content-type"].startswith("text/css")


async def test_names_of_strangers_are_text_and_never_markup(
    browser: httpx.AsyncClient, guard: Guard, thing: Thing
) -> None:
    thing.name = '"><script>alert(1)</script>\u202etxt.exe'
    ask = await guard.begin(thing.subject(), CALLER)
    assert isinstance(ask, Ask)
    page = await browser.get(link_to(ask.approval))
    assert "<script" not in page.text
    assert "\u202e" not in page.text


@pytest.mark.parametrize("query", ["", "?answer=approve&typed=web-01", "?confirm=true"])
async def test_no_get_decides_anything(
    browser: httpx.AsyncClient, approval: Approval, answers: Answers, query: str
) -> None:
    await browser.get(f"/sms-tools/approve/{approval.token}{query}")
    assert await status(answers, approval) is Status.PENDING


async def test_the_right_text_approves(
    browser: httpx.AsyncClient, approval: Approval, answers: Answers
) -> None:
    link = link_to(approval)
    form = {"seal": seal(await browser.get(link)), "answer": "approve", "typed": "web-01"}
    reply = await browser.post(link, data=form, headers=FROM_THE_PAGE)
    assert reply.status_code == 303
    assert await status(answers, approval) is Status.APPROVED
    assert "may now make this call once" in (await browser.get(link)).text
    assert (await answers.audit.read())[-1]["how"] == "page"


async def test_another_text_asks_again_and_approves_nothing(
    browser: httpx.AsyncClient, approval: Approval, answers: Answers
) -> None:
    link = link_to(approval)
    form = {"seal": seal(await browser.get(link)), "answer": "approve", "typed": "web-02"}
    reply = await browser.post(link, data=form, headers=FROM_THE_PAGE)
    assert "The text does not match" in reply.text
    assert await status(answers, approval) is Status.PENDING


async def test_refusing_needs_no_text(
    browser: httpx.AsyncClient, approval: Approval, answers: Answers
) -> None:
    link = link_to(approval)
    form = {"seal": seal(await browser.get(link)), "answer": "deny"}
    await browser.post(link, data=form, headers=FROM_THE_PAGE)
    assert await status(answers, approval) is Status.DENIED


@pytest.mark.parametrize(
    "change",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": ""},
        {"Host": "evil.example"},
        {"Host": "evil.example:4711"},
        {"Host": "127.0.0.1.evil.example:4711"},
    ],
)
async def test_a_post_from_elsewhere_does_not_count(
    browser: httpx.AsyncClient, approval: Approval, answers: Answers, change: dict[str, str]
) -> None:
    link = link_to(approval)
    form = {"seal": seal(await browser.get(link)), "answer": "approve", "typed": "web-01"}
    reply = await browser.post(link, data=form, headers={**FROM_THE_PAGE, **change})
    assert reply.status_code == 403
    assert await status(answers, approval) is Status.PENDING


@pytest.mark.parametrize("wrong", ["", "0" * 64])
async def test_a_post_without_the_pages_seal_does_not_count(
    browser: httpx.AsyncClient, approval: Approval, answers: Answers, wrong: str
) -> None:
    form = {"seal": wrong, "answer": "approve", "typed": "web-01"}
    reply = await browser.post(link_to(approval), data=form, headers=FROM_THE_PAGE)
    assert reply.status_code == 403
    assert await status(answers, approval) is Status.PENDING


async def test_the_seal_of_one_request_does_not_serve_another(
    browser: httpx.AsyncClient, approval: Approval, guard: Guard, thing: Thing, answers: Answers
) -> None:
    other = await guard.begin(thing.subject(more=1), CALLER)
    assert isinstance(other, Ask)
    form = {"answer": "approve", "typed": "web-01"}
    form["seal"] = seal(await browser.get(link_to(other.approval)))
    await browser.post(link_to(approval), data=form, headers=FROM_THE_PAGE)
    assert await status(answers, approval) is Status.PENDING


async def test_a_flood_is_refused(browser: httpx.AsyncClient, approval: Approval) -> None:
    reply = await browser.post(link_to(approval), content=b"x" * 10_000, headers=FROM_THE_PAGE)
    assert reply.status_code == 413
    assert "too large" in reply.text


@pytest.mark.parametrize(
    "path", ["/sms-tools/approve/guessed", "/sms-tools/secret/guessed", "/", "/sms-tools/approve/"]
)
async def test_a_guessed_link_leads_nowhere(browser: httpx.AsyncClient, path: str) -> None:
    assert (await browser.get(path)).status_code == 404


async def test_a_stranger_who_names_this_machine_sees_nothing(
    browser: httpx.AsyncClient, approval: Approval
) -> None:
    page = await browser.get(link_to(approval), headers={"Host": "rebound.example"})
    assert page.status_code == 403
    assert "web-01" not in page.text


async def test_an_expired_request_has_no_form_any_more(
    browser: httpx.AsyncClient, approval: Approval, clock: Clock, answers: Answers
) -> None:
    link = link_to(approval)
    form = {"seal": seal(await browser.get(link)), "answer": "approve", "typed": "web-01"}
    clock.pass_(minutes=11)
    page = await browser.get(link)
    assert "<form" not in page.text
    assert "over" in page.text
    await browser.post(link, data=form, headers=FROM_THE_PAGE)
    assert await status(answers, approval) is Status.PENDING


async def test_nothing_is_approved_when_the_audit_cannot_be_written(
    browser: httpx.AsyncClient, approval: Approval, answers: Answers
) -> None:
    link = link_to(approval)
    form = {"seal": seal(await browser.get(link)), "answer": "approve", "typed": "web-01"}
    answers.audit.path.mkdir(parents=True)
    reply = await browser.post(link, data=form, headers=FROM_THE_PAGE)
    assert reply.status_code == 403
    assert await status(answers, approval) is Status.PENDING


async def test_over_real_http_a_secret_is_shown_once_and_only_outside_the_result(
    thing: Thing, answers: Answers, pairings: Pairings
) -> None:
    desk = PageDesk(answers, pairings)
    guard = Guard(Policy(), answers.approvals, answers.audit, desk)
    ask = await guard.begin(thing.subject(Kind.SECRET), CALLER)
    assert isinstance(ask, Ask)
    go = await guard.answer(ask, action="accept", typed="web-01")
    assert isinstance(go, Go)
    assert not isinstance(await guard.perform(go, thing.delete), Held)
    told = await guard.deliver(go, {"target_password": "Example-1"})
    assert told is not None
    assert "Example-1" not in str(told)
    url = str(told["delivery_url"])
    origin = url.partition("/sms-tools/")[0]
    async with httpx.AsyncClient(trust_env=False) as browser:
        pair(browser, await pairings.pair())
        offer = await browser.get(url)
        assert "Example-1" not in offer.text
        approved = await browser.get(f"{origin}/sms-tools/approve/{ask.approval.token}")
        assert "Show it" in approved.text
        headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
        shown = await browser.post(url, data={"seal": seal(offer)}, headers=headers)
        assert "Example-1" in shown.text
        again = await browser.post(url, data={"seal": seal(offer)}, headers=headers)
        assert "Example-1" not in again.text
    desk.close()


async def test_the_command_fetches_a_secret_once_from_the_running_page(
    thing: Thing, answers: Answers, pairings: Pairings
) -> None:
    desk = PageDesk(answers, pairings)
    guard = Guard(Policy(), answers.approvals, answers.audit, desk)
    told = await guard.deliver(Go(thing.subject(Kind.SECRET), CALLER, "a test"), {"a": "Example-1"})
    assert told is not None
    delivery = await answers.approvals.delivery(delivery_id=str(told["delivery_id"]))
    assert delivery is not None
    assert fetch_secret(delivery) == {"a": "Example-1"}
    assert fetch_secret(delivery) is None
    desk.close()


async def test_a_secret_that_nobody_fetches_is_forgotten(clock: Clock) -> None:
    vault = InMemory()
    await vault.keep("id", {"a": "b"}, clock())
    clock.pass_(minutes=10)
    assert await vault.take("id", clock()) is None


async def test_a_port_that_is_taken_means_that_there_is_no_page(
    answers: Answers, pairings: Pairings
) -> None:
    first = PageDesk(answers, pairings)
    origin = await first.origin()
    assert origin is not None
    second = PageDesk(answers, pairings, port=int(origin.rpartition(":")[2]))
    assert await second.origin() is None
    first.close()


async def a_yes(browser: httpx.AsyncClient, approval: Approval) -> httpx.Response:
    """What anybody can do who has read a held result: the link, and the text to type."""
    form = {"seal": seal(await browser.get(link_to(approval))), "answer": "approve"}
    form["typed"] = approval.preview.typed
    return await browser.post(link_to(approval), data=form, headers=FROM_THE_PAGE)


async def test_a_link_and_the_text_to_type_are_no_yes(
    browser: httpx.AsyncClient, approval: Approval, answers: Answers
) -> None:
    browser.cookies.clear()
    reply = await a_yes(browser, approval)
    assert reply.status_code == 403
    assert "This browser is not paired" in reply.text
    assert "sms-tools approvals pair" in reply.text
    assert "set-cookie" not in reply.headers
    assert await status(answers, approval) is Status.PENDING


async def test_an_unpaired_browser_sees_the_request_and_can_say_no(
    browser: httpx.AsyncClient, approval: Approval, answers: Answers
) -> None:
    browser.cookies.clear()
    page = await browser.get(link_to(approval))
    assert "Delete “web-01”." in page.text
    form = {"seal": seal(page), "answer": "deny"}
    assert (await browser.post(link_to(approval), data=form, headers=FROM_THE_PAGE)).is_redirect
    assert await status(answers, approval) is Status.DENIED


async def test_a_yes_renews_the_cookie_and_nothing_else_touches_it(
    browser: httpx.AsyncClient, approval: Approval
) -> None:
    before = browser.cookies[COOKIE]
    page = await browser.get(link_to(approval))
    wrong = {"seal": seal(page), "answer": "approve", "typed": "web-02"}
    assert "set-cookie" not in page.headers
    elsewhere = {**FROM_THE_PAGE, "Origin": "http://127.0.0.1:9999"}
    await browser.post(link_to(approval), data=wrong, headers=elsewhere)
    assert browser.cookies[COOKIE] == before
    assert (await a_yes(browser, approval)).status_code == 303
    assert browser.cookies[COOKIE] != before


async def test_a_used_up_cookie_ends_all_pairings_and_is_in_the_audit(
    browser: httpx.AsyncClient, approval: Approval, answers: Answers, clock: Clock
) -> None:
    harvested = browser.cookies[COOKIE]
    form = {"seal": seal(await browser.get(link_to(approval))), "answer": "approve", "typed": "x"}
    await browser.post(link_to(approval), data=form, headers=FROM_THE_PAGE)
    honest = browser.cookies[COOKIE]
    clock.pass_(minutes=1)
    browser.cookies.clear()
    pair(browser, harvested)
    reply = await a_yes(browser, approval)
    assert reply.status_code == 403
    assert "All pairings were ended" in reply.text
    assert (await answers.audit.read())[-1]["outcome"] == "replayed, all ended"
    browser.cookies.clear()
    pair(browser, honest)
    assert (await a_yes(browser, approval)).status_code == 403
    assert await status(answers, approval) is Status.PENDING


async def test_after_a_no_the_page_still_takes_the_persons_yes(
    browser: httpx.AsyncClient, approval: Approval, answers: Answers
) -> None:
    await answers.deny(approval, "page")
    page = await browser.get(link_to(approval))
    assert "This was refused at 12:00 UTC" in page.text
    assert 'value="deny"' not in page.text
    assert (await a_yes(browser, approval)).status_code == 303
    assert await status(answers, approval) is Status.APPROVED


@pytest.mark.parametrize("name", ["localhost:4711", "[::1]:4711"])
async def test_other_names_of_this_machine_lead_to_the_one_that_the_cookie_knows(
    browser: httpx.AsyncClient, approval: Approval, name: str
) -> None:
    page = await browser.get(link_to(approval), headers={"Host": name})
    assert page.status_code == 307
    assert page.headers["location"] == f"{ORIGIN}{link_to(approval)}"
    headers = {**FROM_THE_PAGE, "Host": name, "Origin": f"http://{name}"}
    posted = await browser.post(link_to(approval), data={}, headers=headers)
    assert posted.status_code == 403
    assert "Open this page at 127.0.0.1" in posted.text


async def test_a_form_of_too_many_fields_is_a_page_that_says_so(
    browser: httpx.AsyncClient, approval: Approval
) -> None:
    body = "&".join(f"f{number}=x" for number in range(50))
    reply = await browser.post(link_to(approval), content=body, headers=FROM_THE_PAGE)
    assert reply.status_code == 403
    assert "too many fields" in reply.text


async def test_neither_a_link_nor_a_header_shows_a_secret_to_an_unpaired_browser(
    thing: Thing, answers: Answers, pairings: Pairings
) -> None:
    desk = PageDesk(answers, pairings)
    guard = Guard(Policy(), answers.approvals, answers.audit, desk)
    told = await guard.deliver(Go(thing.subject(Kind.SECRET), CALLER, "a test"), {"a": "Example-1"})
    assert told is not None
    url, origin = str(told["delivery_url"]), str(told["delivery_url"]).partition(PATH)[0]
    token = url.rpartition("/")[2]
    async with httpx.AsyncClient(trust_env=False) as browser:
        form = {"seal": seal(await browser.get(url))}
        headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
        tries = [await browser.post(url, data=form, headers=headers)]
        for guess in ("show", "", token, str(told["delivery_id"])):
            tries.append(await browser.post(url, headers={COMMAND_HEADER: guess}))
            tries.append(await browser.post(url, data=form, headers={COMMAND_HEADER: guess}))
        for reply in tries:
            assert reply.status_code == 403
            assert "Example-1" not in reply.text
        assert "sms-tools approvals pair" in tries[0].text
    delivery = await answers.approvals.delivery(delivery_id=str(told["delivery_id"]))
    assert delivery is not None
    assert delivery.proof not in str(told)
    assert fetch_secret(delivery) == {"a": "Example-1"}
    desk.close()


async def test_over_http_a_secret_is_fetched_with_the_command_alone(
    thing: Thing, answers: Answers, pairings: Pairings
) -> None:
    desk = PageDesk(answers, pairings)
    guard = Guard(Policy(), answers.approvals, answers.audit, desk, links=False)
    told = await guard.deliver(Go(thing.subject(Kind.SECRET), CALLER, "a test"), {"a": "Example-1"})
    assert told is not None
    assert told["delivery_url"] is None
    assert "http://" not in str(told)
    delivery = await answers.approvals.delivery(delivery_id=str(told["delivery_id"]))
    assert delivery is not None
    assert fetch_secret(delivery) == {"a": "Example-1"}
    desk.close()
