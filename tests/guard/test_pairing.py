"""A paired browser: known by a cookie that changes with each use, and by nothing that is kept."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from sms_tools.guard import Approvals, Audit
from sms_tools.guard.inviting import Invitation, invite, leading_file
from sms_tools.guard.pairing import COOKIE, LASTS, PATH, Pairings, Standing
from sms_tools.state import State
from tests.both_stores import each_store  # noqa: F401 (its tests hold for both)

from .conftest import Clock

pytestmark = pytest.mark.anyio

ORIGIN = "http://127.0.0.1:4712"
FROM_THE_PAGE = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def pairings(state: State, clock: Clock) -> Pairings:
    return Pairings(state, clock)


async def used(pairings: Pairings, cookie: str) -> str:
    """The cookie after one use of *cookie*."""
    judged = await pairings.judge(cookie)
    assert judged.standing is Standing.PAIRED
    assert judged.renewed
    assert judged.renewed != cookie
    return judged.renewed


@pytest.mark.parametrize("cookie", [None, "", "guessed", "\ud800", "x" * 100_000])
async def test_a_cookie_that_nobody_was_given_proves_nothing(
    pairings: Pairings, cookie: str | None
) -> None:
    await pairings.pair()
    assert (await pairings.judge(cookie)).standing is Standing.UNPAIRED


async def test_each_use_renews_the_cookie_and_its_thirty_days(
    pairings: Pairings, clock: Clock
) -> None:
    cookie = await pairings.pair()
    for _ in range(3):
        clock.pass_(days=29)
        cookie = await used(pairings, cookie)
    clock.now += LASTS
    assert (await pairings.judge(cookie)).standing is Standing.UNPAIRED


async def test_a_clock_that_was_set_back_keeps_no_browser_paired(
    pairings: Pairings, clock: Clock
) -> None:
    cookie = await pairings.pair()
    clock.pass_(days=1)
    cookie = await used(pairings, cookie)
    clock.pass_(seconds=-30)
    cookie = await used(pairings, cookie)
    clock.pass_(minutes=-2)
    assert (await pairings.judge(cookie)).standing is Standing.UNPAIRED


async def test_a_clock_set_back_revives_no_pairing_that_was_over(
    state: State, clock: Clock
) -> None:
    audit = Audit(state, clock)
    pairings, approvals = Pairings(state, clock, audit), Approvals(state, clock, audit)
    cookie = await pairings.pair()
    clock.now += LASTS  # over, and only another part of the guard has looked at the clock since
    await approvals.close("none")
    clock.now -= LASTS / 2
    await approvals.close("none")  # who sees the step first ends what is theirs
    assert (await pairings.judge(cookie)).standing is Standing.UNPAIRED
    told = [line["event"] for line in await audit.read()]
    assert told.count("clock_set_back") == 1
    fresh = await pairings.pair()
    await used(pairings, fresh)


async def test_a_used_up_cookie_is_no_impatient_click_after_the_clock_was_set_back(
    pairings: Pairings, clock: Clock
) -> None:
    first = await pairings.pair()
    clock.pass_(days=2)
    await used(pairings, first)
    clock.pass_(days=-1)
    assert (await pairings.judge(first)).standing is Standing.UNPAIRED


async def test_the_second_click_of_an_impatient_person_ends_nothing(
    pairings: Pairings, clock: Clock
) -> None:
    first = await pairings.pair()
    second = await used(pairings, first)
    clock.pass_(seconds=9)
    assert (await pairings.judge(first)).standing is Standing.JUST_USED
    await used(pairings, second)
    assert await pairings.alarm() is None


async def test_an_old_cookie_used_again_ends_all_pairings_and_is_remembered(
    pairings: Pairings, clock: Clock
) -> None:
    other = await pairings.pair()
    first = await pairings.pair()
    latest = await used(pairings, await used(pairings, first))
    clock.pass_(seconds=10)
    assert (await pairings.judge(first)).standing is Standing.REPLAYED
    for cookie in (latest, other, first):
        assert (await pairings.judge(cookie)).standing is Standing.UNPAIRED
    assert await pairings.alarm() == clock.now
    await pairings.pair()
    assert await pairings.alarm() is None


async def test_unpairing_ends_every_pairing(pairings: Pairings) -> None:
    cookies = [await pairings.pair() for _ in range(3)]
    assert await pairings.end() == 3
    for cookie in cookies:
        assert (await pairings.judge(cookie)).standing is Standing.UNPAIRED


async def test_the_state_keeps_no_cookie(pairings: Pairings, state: State) -> None:
    first = await pairings.pair()
    second = await used(pairings, first)
    queries = ("SELECT * FROM pairings", "SELECT * FROM pairings_spent")
    rows = [await state.read(lambda db, query=query: db.execute(query)) for query in queries]  # type: ignore[misc]
    kept = str(rows).encode()
    if state.folder.exists():
        kept += b"".join(path.read_bytes() for path in state.folder.iterdir())
    assert first.encode() not in kept
    assert second.encode() not in kept


@pytest.fixture
def invitation(pairings: Pairings, audit: Audit) -> Invitation:
    return Invitation(pairings, audit)


@pytest.fixture
async def browser(invitation: Invitation) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=invitation.app())
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        yield client


def form_of(page: httpx.Response) -> dict[str, str]:
    found = re.search(r'name="seal" value="([0-9a-f]+)"', page.text)
    assert found
    return {"seal": found.group(1)}


async def test_the_button_pairs_one_browser_and_uses_the_address_up(
    invitation: Invitation, browser: httpx.AsyncClient, pairings: Pairings, audit: Audit
) -> None:
    form = form_of(await browser.get(invitation.path))
    reply = await browser.post(invitation.path, data=form, headers=FROM_THE_PAGE)
    assert reply.status_code == 200
    cookie = reply.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert f"Path={PATH};" in cookie
    assert f"Max-Age={int(LASTS / timedelta(seconds=1))}" in cookie
    assert (await audit.read())[-1]["event"] == "pairing"
    again = await browser.post(invitation.path, data=form, headers=FROM_THE_PAGE)
    assert again.status_code == 404
    assert "set-cookie" not in again.headers
    assert (await browser.get(invitation.path)).status_code == 404
    await used(pairings, reply.cookies[COOKIE])


@pytest.mark.parametrize(
    "change",
    [
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
    ],
)
async def test_a_post_from_elsewhere_pairs_nothing(
    invitation: Invitation, browser: httpx.AsyncClient, change: dict[str, str]
) -> None:
    form = form_of(await browser.get(invitation.path))
    reply = await browser.post(invitation.path, data=form, headers={**FROM_THE_PAGE, **change})
    assert reply.status_code == 403
    assert "set-cookie" not in reply.headers
    assert not invitation.used.is_set()


async def test_a_get_and_a_guess_pair_nothing(
    invitation: Invitation, browser: httpx.AsyncClient
) -> None:
    for path in (invitation.path, f"{PATH}/pair/guessed", f"{PATH}/pair/", f"{PATH}/"):
        assert "set-cookie" not in (await browser.get(path)).headers
    reply = await browser.post(f"{PATH}/pair/guessed", data={}, headers=FROM_THE_PAGE)
    assert reply.status_code == 404
    assert not invitation.used.is_set()


async def test_over_real_http_the_address_serves_until_its_time_is_over(
    invitation: Invitation,
) -> None:
    told: list[str] = []
    assert not await invite(invitation, told.append, seconds=0)
    async with httpx.AsyncClient(trust_env=False) as browser:
        with pytest.raises(httpx.ConnectError):
            await browser.get(told[0])


async def test_the_file_that_leads_a_browser_there_is_this_users_alone(tmp_path: Path) -> None:
    (tmp_path / "pair.html").symlink_to(tmp_path / "elsewhere")
    path = leading_file(tmp_path, "http://127.0.0.1:1/sms-tools/pair/x?a=1&b=2")
    assert path.stat().st_mode & 0o777 == 0o600
    assert 'url=http://127.0.0.1:1/sms-tools/pair/x?a=1&amp;b=2"' in path.read_text()
    assert not (tmp_path / "elsewhere").exists()
