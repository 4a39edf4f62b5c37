"""A whole list out of pages: counted, not trusted."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sms_tools import errors
from sms_tools.api import Api, Listing
from sms_tools.operations import CATALOGUE
from sms_tools.operations.projects import ListMigrationProjects, MigrationProject
from sms_tools.operations.source_servers import ListFailedSourceServers
from sms_tools.paging import largest_page
from sms_tools.settings import Settings

pytestmark = pytest.mark.anyio

Rows = list[dict[str, Any]]
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def rows(number: int, start: int = 0) -> Rows:
    return [{"id": f"p-{n}", "name": f"project {n}"} for n in range(start, start + number)]


class Service:
    """A list behind offset and limit; `before` runs before each page and may change it."""

    def __init__(self, records: Rows) -> None:
        self.records = records
        self.asked: list[tuple[int, int]] = []
        self.cap = 1000
        self.count: Callable[[], int | None] = lambda: len(self.records)
        self.before: Callable[[int], None] = lambda _: None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.before(len(self.asked))
        offset = int(request.url.params.get("offset", 0))
        limit = int(request.url.params.get("limit", 50))
        self.asked.append((offset, limit))
        page = self.records[offset : offset + min(limit, self.cap)]
        return httpx.Response(200, json={"count": self.count(), "migprojects": page})


async def listed(
    service: Callable[[httpx.Request], httpx.Response], concurrency: int = 1, **arguments: int
) -> Listing[MigrationProject]:
    transport = httpx.MockTransport(service)
    async with Api(
        Settings.for_sandbox(), transport=transport, clock=lambda: NOW, concurrency=concurrency
    ) as api:
        return await api.listing(ListMigrationProjects(**arguments))


def ids(listing: Listing[MigrationProject]) -> list[str | None]:
    return [item.id for item in listing.items]


@pytest.mark.parametrize(
    ("number", "requests"), [(0, 1), (1, 1), (99, 1), (100, 1), (101, 2), (200, 2), (1000, 10)]
)
async def test_a_list_takes_as_many_requests_as_it_has_pages(number: int, requests: int) -> None:
    service = Service(rows(number))
    listing = await listed(service, concurrency=8)
    assert ids(listing) == [f"p-{n}" for n in range(number)]
    assert (listing.requests, len(service.asked)) == (requests, requests)
    assert (listing.count, listing.complete, listing.note) == (number, True, "")
    assert listing.observed_at == NOW


async def test_the_page_is_the_operations_largest_unless_one_is_asked_for() -> None:
    service = Service(rows(30))
    await listed(service)
    assert service.asked == [(0, 100)]
    service = Service(rows(30))
    await listed(service, limit=20)
    assert service.asked == [(0, 20), (20, 20)]


async def test_reading_starts_at_the_offset_that_is_asked_for() -> None:
    listing = await listed(Service(rows(130)), offset=120)
    assert ids(listing) == [f"p-{n}" for n in range(120, 130)]
    assert (listing.count, listing.complete, listing.requests) == (130, True, 1)


async def test_pages_shorter_than_asked_for_lead_on_from_the_last_record() -> None:
    service = Service(rows(250))
    service.cap = 60
    listing = await listed(service)
    assert len(listing.items) == 250
    assert listing.complete
    assert service.asked == [(0, 100), (60, 100), (120, 100), (180, 100), (240, 100)]


async def test_one_short_page_in_the_middle_is_made_up_for() -> None:
    service = Service(rows(300))

    def shorten_the_second(page: int) -> None:
        service.cap = 70 if page == 1 else 1000

    service.before = shorten_the_second
    listing = await listed(service)
    assert len(listing.items) == 300
    assert listing.complete
    assert (170, 30) in service.asked


async def test_a_record_that_appears_at_the_end_is_read_and_told() -> None:
    service = Service(rows(200))

    def append(page: int) -> None:
        if page == 1:
            service.records = rows(201)

    service.before = append
    listing = await listed(service)
    assert len(listing.items) == listing.count == 201
    assert listing.complete
    assert listing.note == "The count went from 200 to 201 meanwhile."


async def test_a_record_that_is_deleted_meanwhile_makes_it_read_again() -> None:
    service = Service(rows(250))

    def delete_the_first(page: int) -> None:
        if page == 1:
            service.records = rows(249, start=1)

    service.before = delete_the_first
    listing = await listed(service)
    assert ids(listing) == [f"p-{n}" for n in range(1, 250)]
    assert listing.complete
    assert "read again" in listing.note
    assert listing.requests == 6


async def test_a_record_that_comes_in_front_is_not_counted_twice() -> None:
    service = Service(rows(250))

    def insert(page: int) -> None:
        if page == 1:
            service.records = [{"id": "new"}, *rows(250)]

    service.before = insert
    listing = await listed(service)
    assert len(set(ids(listing))) == len(listing.items) == 251
    assert listing.complete


async def test_a_list_that_never_holds_still_is_said_to_be_incomplete() -> None:
    service = Service(rows(250))

    def turn(page: int) -> None:
        service.records = [*service.records[1:], {"id": f"n-{page}"}]

    service.before = turn
    service.count = lambda: 250 + len(service.asked) % 2
    listing = await listed(service)
    assert not listing.complete
    assert "read again" in listing.note
    assert "The count went from" in listing.note


async def test_a_count_that_the_records_do_not_reach_is_told() -> None:
    service = Service(rows(150))
    service.count = lambda: 152
    listing = await listed(service)
    assert (len(listing.items), listing.count, listing.complete) == (150, 152, False)
    assert listing.note == "The service counts 152 records and gave 150 different ones."


async def test_an_offset_that_the_service_ignores_ends_the_reading() -> None:
    def always_the_first_page(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"count": 300, "migprojects": rows(100)})

    listing = await listed(always_the_first_page)
    assert len(listing.items) == 100
    assert not listing.complete
    assert "came twice" in listing.note


@pytest.mark.parametrize("number", [0, 99, 100, 101, 250])
async def test_without_a_count_pages_are_read_until_one_is_short(number: int) -> None:
    service = Service(rows(number))
    service.count = lambda: None
    listing = await listed(service)
    assert (len(listing.items), listing.count, listing.complete) == (number, None, True)
    assert listing.requests == number // 100 + 1


async def test_records_without_an_id_are_counted_and_never_joined() -> None:
    odd: list[Any] = [{"name": "same"}, {"id": None}, {"id": " "}, {"id": {}}, "junk", None]
    listing = await listed(Service([*rows(120), *odd]))
    assert ids(listing) == [f"p-{n}" for n in range(120)]
    assert (listing.count, listing.unreadable, listing.complete) == (126, 6, False)
    assert listing.note == "6 records without a usable id could not be read."


async def test_a_list_of_which_no_record_can_be_read_is_not_an_empty_one() -> None:
    with pytest.raises(errors.UnreadableReply, match="none of the 120 records"):
        await listed(Service([{"name": "same"}] * 120))


@pytest.mark.parametrize("records", [[], None])
async def test_a_count_without_any_record_is_an_error(records: Rows | None) -> None:
    def none_of_them(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"count": 49, "migprojects": records})

    with pytest.raises(errors.UnreadableReply, match="counts 49 records"):
        await listed(none_of_them)


@pytest.mark.parametrize("count", [10**20, 1e300, -5, "many", 2**63, 0.5])
async def test_a_count_that_cannot_be_true_drives_no_loop(count: Any) -> None:
    service = Service(rows(49))
    service.cap = 20
    service.count = lambda: count
    listing = await listed(service)
    assert ids(listing) == [f"p-{n}" for n in range(49)]
    assert (listing.count, listing.complete) == (None, False)
    assert "which does not fit: 49 were read" in listing.note
    assert listing.requests <= 5


async def test_a_count_far_beyond_the_records_costs_one_wave_of_pages() -> None:
    service = Service(rows(149))
    service.count = lambda: 60_000
    listing = await listed(service, concurrency=8)
    assert (len(listing.items), listing.count, listing.complete) == (149, 60_000, False)
    assert listing.requests <= 35


async def test_failures_are_told_apart_by_server_and_error() -> None:
    failures = [{"source_id": f"s-{n}", "error_json": "{}"} for n in range(150)]
    failures.append({"source_id": "s-0", "error_json": '{"error_code": "SMS.2802"}'})

    def overlapping(request: httpx.Request) -> httpx.Response:
        start = 90 if request.url.params.get("offset") == "100" else 0
        return httpx.Response(200, json={"count": 151, "migration_errors": failures[start:][:100]})

    transport = httpx.MockTransport(overlapping)
    async with Api(Settings.for_sandbox(), transport=transport) as api:
        listing = await api.listing(ListFailedSourceServers())
    assert len(listing.items) == 151
    assert not listing.complete
    assert "10 records came twice" in listing.note


async def test_reading_stops_where_no_offset_reaches_and_says_so() -> None:
    service = Service(rows(66_000))
    listing = await listed(service, concurrency=4, offset=65_300)
    assert ids(listing)[-1] == "p-65599"
    assert not listing.complete
    assert "no further than offset 65535" in listing.note
    assert max(offset for offset, _ in service.asked) <= 65_535


async def test_a_page_that_fails_fails_the_list() -> None:
    service = Service(rows(500))

    def fail_on_the_third(request: httpx.Request) -> httpx.Response:
        if request.url.params.get("offset") == "200":
            return httpx.Response(403, json={"error_code": "SMS.9003", "error_msg": "No."})
        return service(request)

    with pytest.raises(errors.PermissionDenied):
        await listed(fail_on_the_third, concurrency=4)


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    number=st.integers(0, 60),
    limit=st.integers(1, 20),
    cap=st.integers(1, 20),
    offset=st.integers(0, 70),
)
async def test_whatever_the_sizes_every_record_comes_once(
    number: int, limit: int, cap: int, offset: int
) -> None:
    service = Service(rows(number))
    service.cap = cap
    listing = await listed(service, limit=limit, offset=offset)
    assert ids(listing) == [f"p-{n}" for n in range(offset, number)]
    assert listing.complete


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("list_source_servers", 200),
        ("list_migration_tasks", 200),
        ("list_failed_source_servers", 100),
        ("list_templates", 100),
        ("list_migration_projects", 100),
    ],
)
def test_the_largest_page_is_the_documented_one(name: str, size: int) -> None:
    assert largest_page(CATALOGUE[name]) == size
