"""A reply is read only if it has the shape of its operation: not read is never zero."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sms_tools import errors
from sms_tools.api import Api
from sms_tools.operation import Kind, Operation, Page
from sms_tools.operations import CATALOGUE
from sms_tools.operations.projects import DeleteMigrationProject, ListMigrationProjects
from sms_tools.settings import Settings
from sms_tools.shape import UnreadableBody, read_json

pytestmark = pytest.mark.anyio

WIRE = Path(__file__).parent / "wire"
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
ERROR_BODIES: tuple[Any, ...] = (
    {"error_code": "SMS.9001", "error_msg": "Internal error"},
    {"error_code": "SMS.9004"},
    {"error_msg": "Internal error"},
    {"code": "APIGW.0101", "message": "no such API"},
    {"error": {"code": "IAM.0001", "message": "denied"}},
    {"id": "p-1", "count": 0, "error_code": "SMS.6000"},
)
NO_OBJECTS: tuple[Any, ...] = ([], [1, 2], [{}], "success", 0, 1.5, True, False)


def sample(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((WIRE / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def operation_of(name: str) -> Operation[Any]:
    return CATALOGUE[name].model_validate(sample(name)["requests"][0]["arguments"])


def names(*, page: bool = False, fields: bool = False, reads: bool = False) -> list[str]:
    """The operations that give a page, give fields, or only read."""
    return [
        name
        for name, operation in CATALOGUE.items()
        for spec in [operation.__spec__]
        if (not page or issubclass(spec.result, Page))
        and (not fields or spec.result.model_fields)
        and (not reads or spec.kind in (Kind.READ, Kind.SECRET))
    ]


async def no_waiting(seconds: float) -> None:
    return None


def api_with(content: bytes, status: int = 200) -> Api:
    """A client of a service that always answers the same."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=content))
    return Api(Settings.for_sandbox(), transport=transport, clock=lambda: NOW, sleep=no_waiting)


async def answer(name: str, payload: Any, status: int = 200) -> Any:
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    async with api_with(content, status) as api:
        return await api(operation_of(name))


@pytest.mark.parametrize("name", CATALOGUE)
async def test_every_documented_reply_is_read(name: str) -> None:
    for reply in sample(name)["replies"]:
        await answer(name, reply)


@pytest.mark.parametrize("name", [n for n in CATALOGUE if n not in names(fields=True)])
@pytest.mark.parametrize(("content", "status"), [(b"", 200), (b"", 204), (b"{}", 200)])
async def test_an_operation_that_answers_nothing_succeeds_with_nothing(
    name: str, content: bytes, status: int
) -> None:
    assert (await answer(name, content, status)).model_dump() == {}


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("body", ERROR_BODIES, ids=str)
async def test_an_error_in_a_success_is_an_error_of_every_operation(name: str, body: Any) -> None:
    with pytest.raises(errors.ServiceError) as caught:
        await answer(name, body)
    assert "take it as failed" in caught.value.advice or caught.value.code


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("body", NO_OBJECTS, ids=repr)
async def test_what_is_no_object_is_the_reply_of_no_operation(name: str, body: Any) -> None:
    with pytest.raises(errors.UnreadableReply, match="where an object is wanted") as caught:
        await answer(name, body)
    assert caught.value.outcome_unknown is (operation_of(name).danger is not Kind.READ)


@pytest.mark.parametrize("name", names(fields=True, reads=True))
@pytest.mark.parametrize("content", [b"", b" \n", b"{}", b'{"surprise": 1}', b"null"])
async def test_a_reading_without_what_it_is_about_is_not_read(name: str, content: bytes) -> None:
    with pytest.raises(errors.UnreadableReply):
        await answer(name, content)


@pytest.mark.parametrize("name", names(page=True))
async def test_a_page_needs_its_records_or_a_count_of_none(name: str) -> None:
    result: Any = CATALOGUE[name].__spec__.result
    key = result.records_key()
    read_at = {**operation_of(name).model_dump(exclude_unset=True), "offset": 0}
    operation = CATALOGUE[name].model_validate(read_at)
    wrong: list[Any] = [
        {"count": 49},
        {"count": 49, key: None},
        {key: None},
        {"count": 49, key: {}},
        {"count": 0, key: "none"},
        {"count": "many"},
    ]
    for payload in wrong:
        async with api_with(json.dumps(payload).encode()) as api:
            with pytest.raises(errors.UnreadableReply):
                await api(operation)
    for payload in ({"count": 0}, {"count": 0, key: None}, {key: []}, {"count": "0"}):
        async with api_with(json.dumps(payload).encode()) as api:
            assert list((await api(operation)).items) == []


async def test_an_error_after_a_deletion_is_never_a_success() -> None:
    async with api_with(b'{"error_code": "SMS.7303", "error_msg": "In use."}') as api:
        with pytest.raises(errors.ServiceError, match="In use"):
            await api.send(DeleteMigrationProject(mig_project_id="p-1"))


async def test_empty_fields_of_an_error_are_no_error() -> None:
    body: dict[str, Any] = {"id": "p-1", "error_code": None, "error_msg": "", "error": {}}
    assert (await answer("get_migration_project", body)).id == "p-1"


async def test_a_fleets_number_of_errors_is_no_error() -> None:
    assert (await answer("get_source_server_overview", {"error": 3})).error == 3


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": NaN, "b": [Infinity, -Infinity]}', {"a": None, "b": [None, None]}),
        ('{"a": 1e999, "b": -1e999}', {"a": None, "b": None}),
        ('{"a": 9223372036854775807}', {"a": 2**63 - 1}),
        ('{"a": 9223372036854775808}', {"a": float(2**63)}),
        ('{"a": -100000000000000000000}', {"a": -1e20}),
        ('{"a": ' + "9" * 5000 + ', "b": 1}', {"a": None, "b": 1}),
        ('{"a": "\\ud83d\\ude00 \\ud83d x", "\\udfff": 1}', {"a": "😀 \ufffd x", "\ufffd": 1}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_no_client_can_read_is_replaced(text: str, value: Any) -> None:
    assert read_json(text.encode()) == value


def test_bytes_that_are_no_text_cost_their_letters_only() -> None:
    assert read_json(b'{"a": "\xed\xa0\xbd \xff", "b": 1}')["b"] == 1
    json.dumps(read_json(b'{"a": "\xed\xa0\xbd"}'), ensure_ascii=False).encode()


@pytest.mark.parametrize("levels", [65, 900, 100_000])
@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}")])
def test_deep_nesting_is_refused_in_words(levels: int, opened: str, closed: str) -> None:
    body = '{"id": ' + opened * levels + "1" + closed * levels + "}"
    with pytest.raises(UnreadableBody, match="nested deeper than 64 levels"):
        read_json(body.encode())


def test_brackets_in_texts_are_no_levels() -> None:
    payload = {"a": "[" * 500 + "{" * 500}
    assert read_json(json.dumps(payload).encode()) == payload


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from([10**20, 2**63, -1, "SMS.9001", "n/a", float("nan")]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "count",
                    "tasks",
                    "id",
                    "source_servers",
                    "error_code",
                    "error_msg",
                    "error",
                    "name",
                ]
            )
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@hypothesis_settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(sorted(CATALOGUE)),
    body=json_values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40),
    status=st.sampled_from([200, 200, 200, 204, 201, 302, 400, 404, 429, 500]),
)
async def test_whatever_comes_nothing_but_our_errors_escapes_and_nothing_unread_is_empty(
    name: str, body: bytes, status: int
) -> None:
    operation = operation_of(name)
    async with api_with(body, status) as api:
        try:
            reply = await api(operation)
        except errors.SmsToolsError as caught:
            error = caught
            reply = None
    if reply is None:
        str(error).encode()
        assert str(error).strip()
        assert error.advice
        return
    assert 200 <= status < 300
    if isinstance(reply, Page):
        given = json.loads(body)
        key = reply.records_key()
        offset = getattr(operation, "offset", None) or 0
        empty_by_word = given.get(key) is None and int(given["count"]) <= offset
        assert isinstance(given.get(key), list) or empty_by_word
        assert reply.records == len(given.get(key) or [])


records = st.lists(
    st.fixed_dictionaries({"id": st.text(max_size=3) | st.none() | st.integers()}) | json_values,
    max_size=8,
)


@hypothesis_settings(max_examples=100, deadline=None)
@given(
    page=records,
    count=st.integers(-2, 12) | st.sampled_from([10**20, 1e300, None, "n/a", 60_000]),
)
async def test_a_listing_says_what_it_lacks_or_is_whole(page: list[Any], count: Any) -> None:
    def service(request: httpx.Request) -> httpx.Response:
        offset, limit = (int(request.url.params[name]) for name in ("offset", "limit"))
        body = {"count": count, "migprojects": page[offset : offset + limit]}
        return httpx.Response(200, content=json.dumps(body).encode())

    async with Api(Settings.for_sandbox(), transport=httpx.MockTransport(service)) as api:
        operation = ListMigrationProjects(limit=3)
        try:
            listing = await api.listing(operation)
        except errors.SmsToolsError:
            assert page or count
            return
        assert api.requests_made < 120
    if listing.complete:
        assert len(listing.items) == len(page)
        assert count is None or listing.count == len(page)
    else:
        assert listing.note
    assert all(item.id for item in listing.items)


@pytest.mark.parametrize("status", [200, 400])
async def test_halves_of_pairs_in_an_error_can_be_written(status: int) -> None:
    body = b'{"error_code": "SMS.\\ud800", "error_msg": "half \\udfff", "error_param": ["\\ud83d"]}'
    with pytest.raises(errors.ServiceError) as caught:
        await answer("get_migration_project", body, status)
    f"{caught.value} {caught.value.code} {caught.value.params}".encode()
    assert "half \ufffd" in str(caught.value)
