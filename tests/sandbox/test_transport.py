import json
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from sms_tools.sandbox import Effect, Fault, ManualClock, Sandbox

pytestmark = pytest.mark.anyio

MISSING = "/v3/tasks/00000000-0000-4000-8000-000000000000"


async def test_a_missing_task_is_http_400_in_the_services_own_shape(
    client: httpx.AsyncClient,
) -> None:
    response = await client.get(MISSING)
    assert response.status_code == 400
    assert response.json() == {
        "error_code": "SMS.7703",
        "error_msg": "Task does not exist.",
        "error_param": [MISSING.rpartition("/")[2]],
        "details": [{"error_code": "SMS.7703", "error_msg": "Task does not exist."}],
    }


async def test_every_reply_has_a_request_id_of_its_own_and_the_time(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    replies = [await client.get(path) for path in ("/v3/tasks", MISSING, "/v9/nothing")]
    assert len({reply.headers["X-Request-Id"] for reply in replies}) == 3
    for reply in replies:
        assert parsedate_to_datetime(reply.headers["Date"]).timestamp() == int(clock())


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v3/unknown"), ("PATCH", "/v3/tasks"), ("GET", "/v3/tasks/a/b"), ("POST", "/")],
)
async def test_what_no_api_has_is_the_gateways_404(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    response = await client.request(method, path)
    assert response.status_code == 404
    assert response.json()["error_code"] == "APIGW.0101"
    assert response.json()["request_id"] == response.headers["X-Request-Id"]


async def test_a_request_without_identity_is_refused_before_the_service_sees_it(
    sandbox: Sandbox,
) -> None:
    async with httpx.AsyncClient(
        transport=sandbox.transport(), base_url="https://sms.example"
    ) as stranger:
        response = await stranger.post("/v3/privacy-agreements")
    assert response.status_code == 401
    assert response.json()["error_code"] == "APIGW.0301"
    assert sandbox.cloud.changes == []


TASK = {
    "name": "task-1",
    "type": "MIGRATE_FILE",
    "os_type": "LINUX",
    "source_server": {"id": "00000000-0000-4000-8000-000000000000"},
    "target_server": {
        "name": "target-1",
        "disks": [{"name": "/dev/vda", "size": 1, "used_size": 1, "physical_volumes": []}],
    },
    "region_name": "ap-southeast-3",
    "region_id": "ap-southeast-3",
    "project_name": "ap-southeast-3",
    "project_id": "example",
}


@pytest.mark.parametrize(
    ("changed", "code", "param"),
    [
        ({"name": None}, "SMS.7711", "name"),
        ({"name": "x" * 256}, "SMS.7711", "name"),
        ({"type": "MIGRATE_TAPE"}, "SMS.7712", "type"),
        ({"project_id": None}, "SMS.7724", "project_id"),
        ({"region_id": None}, "SMS.7725", "region_id"),
        ({"target_server": None}, "SMS.8102", "target_server"),
        ({"os_type": "BEOS"}, "SMS.9001", "os_type"),
        ({"speed_limit": 10_001}, "SMS.9001", "speed_limit"),
        ({"target_server": {"name": "t", "disks": [{}]}}, "SMS.9001", "target_server.disks.0.name"),
        ({"surprise": 1}, "SMS.9001", "surprise"),
    ],
)
async def test_a_wrong_parameter_is_named_with_the_references_own_code(
    client: httpx.AsyncClient, changed: dict[str, Any], code: str, param: str
) -> None:
    fields = {key: value for key, value in {**TASK, **changed}.items() if value is not None}
    response = await client.post("/v3/tasks", json=fields)
    assert response.status_code == 400
    assert response.json()["error_code"] == code
    assert response.json()["error_param"] == [param]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"copystate": "WAITING"}, "SMS.7726"),
        ({"copystate": "", "migrationcycle": "checking"}, "SMS.7727"),
    ],
)
async def test_a_state_needs_its_stage(
    client: httpx.AsyncClient, sandbox: Sandbox, body: dict[str, str], code: str
) -> None:
    server = next(iter(sandbox.cloud.sources))
    response = await client.put(f"/v3/sources/{server}/changestate", json=body)
    assert response.json()["error_code"] == code


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[1]", b'"text"'])
async def test_a_body_that_is_no_object_is_refused(
    client: httpx.AsyncClient, content: bytes
) -> None:
    response = await client.post("/v3/tasks/delete", content=content)
    assert (response.status_code, response.json()["error_code"]) == (400, "SMS.9001")


async def test_a_query_is_read_as_its_types(client: httpx.AsyncClient) -> None:
    connected = await client.get("/v3/sources", params={"connected": "true", "limit": "1"})
    assert len(connected.json()["source_servers"]) == 1
    wrong = await client.get("/v3/sources", params={"limit": "many"})
    assert wrong.json()["error_param"] == ["limit"]


def token_request() -> dict[str, Any]:
    domain = {"name": "example"}
    user = {"name": "operator", "password": "example-password", "domain": domain}
    identity = {"methods": ["password"], "password": {"user": user}}
    return {"auth": {"identity": identity, "scope": {"domain": domain}}}


async def test_a_token_from_iam_opens_the_service_for_a_day(
    sandbox: Sandbox, clock: ManualClock
) -> None:
    async with httpx.AsyncClient(
        transport=sandbox.transport(), base_url="https://iam.example"
    ) as visitor:
        granted = await visitor.post("/v3/auth/tokens", json=token_request())
        assert granted.status_code == 201
        visitor.headers["X-Auth-Token"] = granted.headers["X-Subject-Token"]
        assert (await visitor.get("/v3/tasks")).status_code == 200
        clock.advance(24 * 3600)
        assert (await visitor.get("/v3/tasks")).status_code == 401


PROJECT = {
    "name": "wave-9",
    "region": "ap-southeast-3",
    "use_public_ip": True,
    "exist_server": False,
    "type": "MIGRATE_FILE",
    "syncing": True,
}


async def create_project(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post("/v3/migprojects", json=PROJECT)


def projects(sandbox: Sandbox) -> list[str]:
    return [str(project.fields["name"]) for project in sandbox.cloud.projects.values()]


@pytest.mark.parametrize(
    ("effect", "error", "acted"),
    [
        (Effect.UNREACHABLE, httpx.ConnectError, False),
        (Effect.CUT_BEFORE, httpx.RemoteProtocolError, False),
        (Effect.CUT_AFTER, httpx.RemoteProtocolError, True),
        (Effect.TRUNCATE, httpx.RemoteProtocolError, True),
    ],
)
async def test_a_broken_connection_leaves_open_whether_the_service_acted(
    client: httpx.AsyncClient,
    sandbox: Sandbox,
    effect: Effect,
    error: type[Exception],
    *,
    acted: bool,
) -> None:
    sandbox.faults.add(Fault(effect, operation="create_migration_project", times=1))
    with pytest.raises(error):
        await create_project(client)
    assert ("wave-9" in projects(sandbox)) is acted
    again = await create_project(client)
    assert again.status_code == (400 if acted else 200)


async def test_a_throttled_request_is_told_when_to_come_back(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault(Effect.STATUS, status=429, retry_after=7, times=1))
    throttled = await create_project(client)
    assert throttled.status_code == 429
    assert throttled.headers["Retry-After"] == "7"
    assert throttled.json()["error_code"] == "APIGW.0308"
    assert "wave-9" not in projects(sandbox)
    assert (await create_project(client)).status_code == 200


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_failing_service_answers_in_the_gateways_shape(
    client: httpx.AsyncClient, sandbox: Sandbox, status: int
) -> None:
    sandbox.faults.add(Fault(Effect.STATUS, status=status))
    response = await client.get("/v3/tasks")
    assert response.status_code == status
    assert response.json()["error_code"].startswith("APIGW.")


async def test_latency_waits_as_the_test_says(
    client: httpx.AsyncClient, sandbox: Sandbox, pauses: list[float]
) -> None:
    sandbox.faults.add(Fault(Effect.LATENCY, operation="list_templates", seconds=2.5, times=1))
    assert (await client.get("/v3/vm/templates")).status_code == 200
    assert (await client.get("/v3/vm/templates")).status_code == 200
    assert pauses == [2.5]


async def test_a_fault_may_strike_the_token_call_alone(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(Effect.STATUS, operation="iam_token"))
    async with httpx.AsyncClient(
        transport=sandbox.transport(), base_url="https://iam.example"
    ) as visitor:
        response = await visitor.post("/v3/auth/tokens", content=json.dumps(token_request()))
    assert response.status_code == 503
