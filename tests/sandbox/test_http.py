from collections.abc import AsyncIterator

import anyio
import httpx
import pytest

from sms_tools.sandbox import Effect, Fault, Sandbox, serve, serving
from sms_tools.signing import MAX_SIGNED_BODY

pytestmark = pytest.mark.anyio


@pytest.fixture
async def visitor(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the same sandbox, over a real connection."""
    async with (
        serving(sandbox) as address,
        httpx.AsyncClient(
            base_url=address, headers={"X-Auth-Token": "example-token"}, trust_env=False, timeout=5
        ) as visitor,
    ):
        yield visitor


async def test_the_same_request_gets_the_same_answer_as_in_memory(
    visitor: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    for path in ("/", "/v3/sources?limit=3", "/v3/tasks/none", "/v3/sha256/a%2Fb", "/v9/x"):
        over_http, in_memory = await visitor.get(path), await client.get(path)
        assert over_http.status_code == in_memory.status_code
        unlike = {"request_id"}
        assert {k: v for k, v in over_http.json().items() if k not in unlike} == {
            k: v for k, v in in_memory.json().items() if k not in unlike
        }
        assert over_http.headers["server"] == "api-gateway"


async def test_a_body_arrives_and_an_empty_one_goes_out(
    visitor: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.cloud.privacy_signed = False
    response = await visitor.post("/v3/privacy-agreements")
    assert (response.status_code, response.content) == (200, b"")
    assert (await visitor.get("/v3/privacy-agreements")).json() == {"flag": True}
    refused = await visitor.post("/v3/tasks/delete", json={"ids": ["nöne"]})
    assert refused.json()["error_param"] == ["nöne"]


@pytest.mark.parametrize("effect", [Effect.CUT_BEFORE, Effect.CUT_AFTER, Effect.TRUNCATE])
async def test_a_cut_connection_is_cut_and_the_next_one_works(
    visitor: httpx.AsyncClient, sandbox: Sandbox, effect: Effect
) -> None:
    sandbox.faults.add(Fault(effect, times=1))
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await visitor.get("/v3/tasks")
    assert (await visitor.get("/v3/tasks")).status_code == 200


async def test_a_signed_body_over_twelve_megabytes_is_refused(visitor: httpx.AsyncClient) -> None:
    del visitor.headers["X-Auth-Token"]
    signature = f"SDK-HMAC-SHA256 Access=A, SignedHeaders=host;x-sdk-date, Signature={'0' * 64}"
    headers = {"Authorization": signature, "X-Sdk-Date": "20260101T000000Z"}
    large = b" " * (MAX_SIGNED_BODY + 1)
    response = await visitor.post("/v3/tasks/delete", content=large, headers=headers)
    assert response.status_code == 413


async def test_many_clients_at_once_are_answered(visitor: httpx.AsyncClient) -> None:
    statuses: list[int] = []

    async def ask() -> None:
        statuses.append((await visitor.get("/v3/sources/overview")).status_code)

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(ask)
    assert statuses == [200] * 20


async def test_serve_tells_the_address_when_it_is_ready_and_stops_when_cancelled(
    sandbox: Sandbox,
) -> None:
    seen: list[str] = []
    ready = anyio.Event()

    def on_ready(address: str) -> None:
        seen.append(address)
        ready.set()

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve, sandbox, "127.0.0.1", 0, on_ready)
            await ready.wait()
            async with httpx.AsyncClient(trust_env=False) as visitor:
                assert (await visitor.get(f"{seen[0]}/v3/tasks")).status_code == 401
            tasks.cancel_scope.cancel()
    assert seen[0].startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "192.0.2.1", "::", "sms.example"],  # noqa: S104 (refused)
)
async def test_a_host_beyond_this_machine_is_refused(sandbox: Sandbox, host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        async with serving(sandbox, host):
            pass


async def test_the_application_runs_under_any_asgi_server(sandbox: Sandbox) -> None:
    transport = httpx.ASGITransport(sandbox.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://any") as visitor:
        response = await visitor.get("/v3/tasks", headers={"X-Auth-Token": "example-token"})
    assert response.json()["count"] == len(sandbox.cloud.tasks)
