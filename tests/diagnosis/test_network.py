"""check_network_paths: open, closed or unknown by port, and what shows it."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sms_tools.diagnosis.answer import CONCISE_BYTES, compact_bytes
from sms_tools.diagnosis.network import CheckNetworkPaths
from sms_tools.sandbox.scenarios.new_fleet import CLOSED_NETWORK
from tests.bureau import Bureau, Place

pytestmark = pytest.mark.anyio

TEMPLATE = {
    "id": "t-1",
    "name": "web",
    "is_template": True,
    "region": "ap-southeast-3",
    "projectid": "p-1",
    "nics": [{"id": "n-1", "name": "subnet-web", "cidr": "10.0.0.0/24", "ip": ""}],
}
ACL = "/v3/tasks/p-1/networkacl/n-1/check"


def one(
    serve: Callable[..., Place], *, acl: Any = None, task: dict[str, Any] | None = None, **more: Any
) -> Place:
    source = {
        "id": "s-1",
        "name": "web-1",
        "ip": "10.1.1.1",
        "os_type": "LINUX",
        "state": "waiting",
        "migration_cycle": "checking",
        "connected": True,
        **more,
    }
    tasks = [{"id": "k-1", "source_server": {"id": "s-1"}, **task}] if task else []
    return serve(
        {
            "/v3/sources": {"count": 1, "source_servers": [source]},
            "/v3/tasks": {"count": len(tasks), "tasks": tasks},
            "/v3/migprojects": {"count": 0, "migprojects": []},
            "/v3/vm/templates": {"count": 1, "templates": [TEMPLATE]},
            "/v3/tasks/k-1": tasks[0] if tasks else None,
            ACL: acl if acl is not None else httpx.Response(200, json={}),
        }
    )


async def verdicts(place: Place) -> dict[int, tuple[str, str]]:
    answer = await place.ask(CheckNetworkPaths())
    return {row["port"]: (row["verdict"], row["seen_by"]) for row in answer["paths"]}


async def test_rules_that_let_it_through_are_open_and_said_to_be_rules_only(
    serve: Callable[..., Place],
) -> None:
    place = one(serve)
    assert await verdicts(place) == {22: ("open", "rules")}
    answer = await place.ask(CheckNetworkPaths())
    assert "rules only" in answer["summary"]
    assert answer["paths"][0]["from"]["address"].startswith("the address with which it leaves")


async def test_a_failed_look_is_unknown_and_says_that_rights_may_be_missing(
    serve: Callable[..., Place],
) -> None:
    refused = {"error_code": "SMS.0003", "error_msg": "no permission"}
    place = one(serve, acl=httpx.Response(403, json=refused))
    assert await verdicts(place) == {22: ("unknown", "rules")}
    answer = await place.ask(CheckNetworkPaths())
    assert "rights" in answer["paths"][0]["why"]


@pytest.mark.parametrize(
    ("code", "kind", "port"),
    [
        ("SMS.1807", "MIGRATE_BLOCK", 8900),
        ("SMS.3805", "MIGRATE_FILE", 22),
        ("SMS.3806", "MIGRATE_BLOCK", 22),
    ],
)
async def test_an_error_that_names_a_port_closes_that_port_alone(
    serve: Callable[..., Place], code: str, kind: str, port: int
) -> None:
    error = f'{{"error_code": "{code}", "error_param": "[]"}}'
    task = {"state": "MIGRATE_FAIL", "type": kind, "vm_template_id": "t-1", "error_json": error}
    place = one(serve, task=task, state="error", migration_cycle="initialize")
    found = await verdicts(place)
    assert found.pop(port) == ("closed", "error")
    assert {verdict for verdict, _ in found.values()} <= {"open"}


@pytest.mark.parametrize(("reached", "verdict"), [(True, "open"), (False, "closed")])
async def test_a_measurement_says_whether_the_target_was_reached(
    serve: Callable[..., Place], reached: bool, verdict: str
) -> None:
    measured = {"destination_connectivity": reached, "loss_percentage": 2.4}
    task = {"state": "READY", "vm_template_id": "t-1", "network_check_info": measured}
    place = one(serve, task=task)
    answer = await place.ask(CheckNetworkPaths())
    assert {row["verdict"] for row in answer["paths"]} == {verdict}
    assert answer["measurements"][0]["loss_percent"] == 2.4


async def test_without_a_subnet_nothing_is_claimed(serve: Callable[..., Place]) -> None:
    place = one(serve, os_type="WINDOWS", name="db-9", task={"state": "READY"})
    assert set((await verdicts(place)).values()) == {("unknown", "nothing")}


async def test_each_subnet_and_system_is_asked_about_once(bureau: Callable[..., Bureau]) -> None:
    place = bureau("new-fleet", servers=120)
    before = place.desk.api.requests_made
    answer = await place.ask(CheckNetworkPaths(limit=1000))
    assert place.desk.api.requests_made - before <= 12
    assert compact_bytes(answer) <= CONCISE_BYTES
    closed = [row for row in answer["networks"] if row["subnet"] == CLOSED_NETWORK]
    assert closed
    assert {row["verdict"] for row in closed} == {"unknown"}


async def test_a_thousand_servers_stay_within_the_bound(bureau: Callable[..., Bureau]) -> None:
    answer = await bureau("large", servers=1000).ask(CheckNetworkPaths())
    assert compact_bytes(answer) <= CONCISE_BYTES
    assert sum(answer["verdicts"].values()) > 100
