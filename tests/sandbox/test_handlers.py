import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_tools.operations import CATALOGUE
from sms_tools.sandbox import ManualClock, Sandbox, open_sandbox
from sms_tools.sandbox.handlers import HANDLERS
from sms_tools.sandbox.wire import RawRequest

pytestmark = pytest.mark.anyio

WIRE = Path(__file__).parent.parent / "wire"


def reference_requests() -> list[Any]:
    """Every request of the reference's samples, by the name of its tool."""
    return [
        pytest.param(request, id=f"{path.stem}-{number}")
        for path in sorted(WIRE.glob("*.json"))
        for number, request in enumerate(json.loads(path.read_text(encoding="utf-8"))["requests"])
    ]


def test_every_operation_has_a_handler_of_its_own() -> None:
    assert set(HANDLERS) == set(CATALOGUE.values())
    assert len({handler.__name__ for handler in HANDLERS.values()}) == len(CATALOGUE)
    for operation, handler in HANDLERS.items():
        assert handler.__name__ == operation.__spec__.name


@pytest.mark.parametrize("request_", reference_requests())
async def test_the_references_own_requests_are_understood(
    client: httpx.AsyncClient, request_: dict[str, Any]
) -> None:
    """Their ids name nothing here, so a refusal is right; one for the parameters is not."""
    body = {"json": request_["body"]} if request_["body"] is not None else {}
    response = await client.request(
        request_["method"], request_["path"], params=request_["query"], **body
    )
    assert response.status_code in (200, 400)
    if response.status_code == 400:
        assert response.json()["error_code"] != "SMS.9001", response.text


async def test_a_list_is_paged_and_counted(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    everything = (await client.get("/v3/sources")).json()
    assert everything["count"] == len(sandbox.cloud.sources)
    pages = [
        (await client.get("/v3/sources", params={"limit": 2, "offset": offset})).json()
        for offset in (0, 2)
    ]
    assert [page["count"] for page in pages] == [everything["count"]] * 2
    ids = [server["id"] for page in pages for server in page["source_servers"]]
    assert ids == [server["id"] for server in everything["source_servers"][:4]]


async def test_what_is_deleted_is_not_found_any_more(client: httpx.AsyncClient) -> None:
    fields = {
        "name": "wave-9",
        "region": "ap-southeast-3",
        "use_public_ip": True,
        "exist_server": False,
        "type": "MIGRATE_FILE",
        "syncing": True,
    }
    created = await client.post("/v3/migprojects", json=fields)
    path = f"/v3/migprojects/{created.json()['id']}"
    assert (await client.get(path)).json()["name"] == "wave-9"
    deleted = await client.delete(path)
    assert (deleted.status_code, deleted.content) == (200, b"")
    missing = await client.get(path)
    assert (missing.status_code, missing.json()["error_code"]) == (400, "SMS.7301")


async def test_the_overview_is_not_taken_for_a_server(client: httpx.AsyncClient) -> None:
    overview = (await client.get("/v3/sources/overview")).json()
    assert "unconfigured" in overview


async def test_the_service_hashes_what_stands_in_the_path(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/v3/sha256/a%2Fb")).json()
    assert answer["value"] == "c14cddc033f64b9dea80ea675cf280a015e672516090a5626781153dc68fea11"


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)


def places_in(body: Any, *place: Any) -> Iterator[tuple[Any, ...]]:
    """Where something can be put into *body* instead of what is there."""
    yield place
    if isinstance(body, dict | list):
        for key, value in body.items() if isinstance(body, dict) else enumerate(body):
            yield from places_in(value, *place, key)


def changed(body: Any, place: tuple[Any, ...], value: Any) -> Any:
    """*body* with *value* at *place*."""
    if not place:
        return value
    copy = body.copy()
    copy[place[0]] = changed(body[place[0]], place[1:], value)
    return copy


def small_fleet() -> Sandbox:
    return open_sandbox("healthy", servers=4, clock=ManualClock(), tokens=["example-token"])


REQUESTS = [param.values[0] for param in reference_requests()]
CLOUD = small_fleet().cloud
KNOWN = [*CLOUD.sources, *CLOUD.tasks, *CLOUD.templates, *CLOUD.projects]
"""Ids of every small fleet: the same seed gives the same."""


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_a_body_holds_the_service_answers_in_its_own_words(data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(REQUESTS))
    parts = sample["path"].split("/")
    parts = [data.draw(st.sampled_from(KNOWN)) if len(part) > 30 else part for part in parts]
    body = sample["body"]
    if body is not None:
        place = data.draw(st.sampled_from(list(places_in(body))))
        body = changed(body, place, data.draw(ANY_JSON | st.sampled_from(KNOWN)))
    content = b"" if body is None else json.dumps(body).encode()
    headers = {"x-auth-token": "example-token"}
    request = RawRequest(sample["method"], "/".join(parts), headers=headers, body=content)
    response = anyio.run(small_fleet().service.handle, request)
    assert response.status in (200, 400, 404)
    if response.status != 200:
        assert json.loads(response.body)["error_code"]
