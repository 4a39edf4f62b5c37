"""plan_migration: from a pasted sheet to tasks that are there once, through a real client."""

from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from sms_tools.diagnosis.answer import CONCISE_BYTES, compact_bytes
from sms_tools.sandbox import ManualClock, open_sandbox
from sms_tools.sandbox.scenarios.new_fleet import TEMPLATE_OF, TROUBLES

from .night import Night, call, refuse

pytestmark = pytest.mark.anyio


class KilledError(Exception):
    """The process is gone in the middle of a request."""


@pytest.fixture(params=["auto", "legacy"])
def morning(request: pytest.FixtureRequest, tmp_path: Path) -> Night:
    """New servers, none with a task."""
    night = Night(tmp_path / "state", request.param, scenario="new-fleet")
    night.sandbox = open_sandbox("new-fleet", 110, clock=night.clock, speed=1)
    return night


def fit(night: Night) -> list[tuple[str, str]]:
    """Every fit server whose network is open, by name, with its template."""
    cloud = night.sandbox.cloud
    projects = {key: project.fields["name"] for key, project in cloud.projects.items()}
    rows = [(s.name, projects[s.project_id]) for s in cloud.sources.values()]
    return [
        (name, TEMPLATE_OF[project])
        for name, project in sorted(rows)
        if name not in TROUBLES and project != "Branch"
    ]


def sheet(rows: list[tuple[str, ...]], *columns: str) -> str:
    head = ("server", "template", *columns)
    width = len(head)
    padded = [(*row, *[""] * (width - len(row))) for row in rows]
    return "\n".join(";".join(row) for row in (head, *padded)) + "\n"


def tasks(night: Night) -> list[str]:
    return [task.source.name for task in night.sandbox.cloud.tasks.values()]


async def apply_all(client: Client, plan_id: str) -> dict[str, Any]:
    for _ in range(60):
        answer = await call(client, "apply_plan", plan_id=plan_id)
        goes_on = {action["tool"] for action in answer["suggested_actions"]}
        if answer.get("status") != "partly_done" or "apply_plan" not in goes_on:
            return answer
    raise AssertionError(answer)


async def test_of_fifty_rows_with_ten_kinds_of_mistakes_forty_are_planned(morning: Night) -> None:
    good = fit(morning)
    assert len(good) >= 41
    right: list[tuple[str, ...]] = [*good[:40]]
    last = good[40][0]
    wrong: list[tuple[str, ...]] = [
        ("no-such-server", "datacentre"),
        (good[0][0], "datacentre"),
        (last, "no-such-template"),
        ("twin-01", "datacentre"),
        ("kvm-uefi-01", "datacentre"),
        ("crm-big-01", "office-small"),
        (last, ""),
        (last, "datacentre", "08:00-12:00"),
        (last, "datacentre", "", "disk"),
        ("no-rsync-01", "datacentre"),
    ]
    text = sheet([*right, *wrong], "limits", "type", "owner")
    async with morning.client() as client:
        answer = await call(client, "plan_migration", csv=text)
    rows = {row["row"]: row for row in answer["rows"]}
    assert sorted(rows) == list(range(2, 52))
    planned = [line for line, row in rows.items() if row["verdict"] == "planned"]
    assert sorted(planned) == list(range(2, 42))
    columns = {line: [p.get("column") for p in rows[line]["problems"]] for line in range(42, 52)}
    assert columns[42] == ["server"]
    assert columns[43] == ["server"]
    assert "line 2" in rows[43]["problems"][0]["problem"]
    assert "template" in columns[44]
    assert columns[45] == ["server"]
    assert columns[46] == ["template"]
    assert columns[47] == ["template"]
    assert "template" in columns[48]
    assert "limits" in columns[49]
    assert "type" in columns[50]
    assert "server" in columns[51]
    assert compact_bytes(answer) <= CONCISE_BYTES
    assert any("owner" in str(note) for note in answer["omitted"])
    assert tasks(morning) == []
    assert "starts nothing" in answer["summary"]


async def test_a_bad_row_hides_no_good_one_of_the_same_server(morning: Night) -> None:
    name, template = fit(morning)[0]
    async with morning.client() as client:
        answer = await call(
            client, "plan_migration", csv=sheet([(name, "no-such"), (name, template)])
        )
    assert {row["row"]: row["verdict"] for row in answer["rows"]} == {2: "rejected", 3: "planned"}


async def test_one_consent_creates_limits_excludes_and_starts(morning: Night) -> None:
    rows: list[tuple[str, ...]] = [
        (*each, '"08:00-20:00=20;20:00-08:00=100"', "/var/cache|/srv/tmp")
        for each in fit(morning)[:4]
    ]
    text = sheet(rows, "limits", "exclude")
    async with morning.client() as client:
        plan = await call(client, "plan_migration", csv=text, start=True)
        assert plan["by_tool"] == {
            "create_migration_task": 4,
            "set_migration_rate_limits": 4,
            "configure_migration_options": 4,
            "start": 4,
        }
        answer = await apply_all(client, plan["plan_id"])
    assert answer["status"] == "done", answer
    assert len(morning.asked) == 1
    assert "To agree, type: start 4" in morning.asked[0]
    assert "billed" in morning.asked[0]
    assert sorted(tasks(morning)) == sorted(row[0] for row in rows)
    for task in morning.sandbox.cloud.tasks.values():
        assert task.syncing
        options = {o["config_key"]: o["config_value"] for o in task.options}
        paths = "/var/cache,/srv/tmp"
        assert options == {"EXCLUDE_MIGRATE_PATH": paths, "SYNC_EXCLUDE_PATH": paths}
        speeds = [(row.start // 60, row.mbit_s) for row in task.limits]
        assert sorted(speeds) == [(0, 100), (8, 20), (20, 100)]
    assert {s.state for s in morning.sandbox.cloud.sources.values() if s.task_id} <= {
        "initialize",
        "replicate",
        "syncing",
    }


async def test_without_start_nothing_is_started_and_a_second_plan_starts_them(
    morning: Night,
) -> None:
    text = sheet([*fit(morning)[:3]])
    async with morning.client() as client:
        plan = await call(client, "plan_migration", csv=text)
        await apply_all(client, plan["plan_id"])
        assert "To agree, type: apply 3" in morning.asked[0]
        assert morning.calls("manage_migration_task") == []
        again = await call(client, "plan_migration", csv=text)
        assert again["plan_id"] is None
        assert {row["verdict"] for row in again["rows"]} == {"rejected"}
        second = await call(client, "plan_migration", csv=text, start=True)
        assert second["by_tool"] == {"start": 3}
        answer = await apply_all(client, second["plan_id"])
    assert answer["status"] == "done"
    assert "To agree, type: start 3" in morning.asked[1]
    assert len(tasks(morning)) == 3


async def test_who_says_no_has_no_task(morning: Night) -> None:
    morning.say = refuse
    async with morning.client() as client:
        plan = await call(client, "plan_migration", csv=sheet([*fit(morning)[:2]]), start=True)
        answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert answer["status"] == "declined"
    assert tasks(morning) == []


@pytest.mark.parametrize("carried_out", [True, False])
async def test_killed_in_the_middle_it_goes_on_without_a_second_task(
    morning: Night, carried_out: bool
) -> None:
    wanted = fit(morning)[:3]
    async with morning.client() as client:
        plan = await call(client, "plan_migration", csv=sheet([*wanted]), start=True)
        real = morning.sandbox.cloud.create_task
        made: list[str] = []

        def create(body: Any) -> str:
            made.append(str(body["source_server"]["id"]))
            if len(made) == 2:
                if carried_out:
                    real(body)
                raise KilledError
            return real(body)

        morning.sandbox.cloud.create_task = create  # type: ignore[method-assign]
        broken = await client.call_tool("apply_plan", {"plan_id": plan["plan_id"]})
        assert broken.is_error
    morning.sandbox.cloud.create_task = real  # type: ignore[method-assign]
    async with morning.client() as client:
        answer = await apply_all(client, plan["plan_id"])
    assert answer["status"] == "done", answer
    assert len(morning.asked) == 1
    assert sorted(tasks(morning)) == sorted(name for name, _ in wanted)


async def test_a_copy_that_would_launch_by_itself_asks_for_a_launch(morning: Night) -> None:
    rows: list[tuple[str, ...]] = [(*each, "no") for each in fit(morning)[:2]]
    async with morning.client() as client:
        plan = await call(client, "plan_migration", csv=sheet(rows, "syncing"), start=True)
        await apply_all(client, plan["plan_id"])
    assert "To agree, type: launch 2" in morning.asked[0]


async def test_an_existing_target_needs_its_disks_and_its_address(morning: Night) -> None:
    name = fit(morning)[0][0]
    async with morning.client() as client:
        bare = await call(client, "plan_migration", rows=[{"server": name, "vm_id": "ecs-1"}])
        columns = {p["column"] for p in bare["rows"][0]["problems"]}
        assert columns == {"target_disks", "migration_ip"}
        row = {"server": name, "vm_id": "ecs-1", "target_disks": ["d-1", "d-2", "d-3"]}
        row |= {"migration_ip": "10.0.0.9"}
        plan = await call(client, "plan_migration", rows=[row], start=True)
        assert plan["rows"][0]["verdict"] == "planned"
        assert "unknown" in " ".join(plan["rows"][0]["doubts"])
        await apply_all(client, plan["plan_id"])
    assert "ERASED" in morning.asked[0]
    assert "ecs-1" in morning.asked[0]
    (task,) = morning.sandbox.cloud.tasks.values()
    assert task.target_vm == "ecs-1"


async def test_a_plan_holds_fifty_servers_and_says_who_waits(morning: Night) -> None:
    clock = ManualClock()
    morning.clock = clock
    morning.sandbox = open_sandbox("new-fleet", 140, clock=clock, speed=1)
    rows = fit(morning)[:55]
    assert len(rows) == 55
    async with morning.client() as client:
        before = morning.runtime.api.requests_made
        answer = await call(client, "plan_migration", csv=sheet([*rows]))
        spent = morning.runtime.api.requests_made - before
    assert answer["planned"] == 50
    assert answer["rejected"] == 5
    assert spent <= 3 * 55 + 8


async def test_a_disk_that_grows_after_the_plan_stops_that_server_alone(morning: Night) -> None:
    wanted = fit(morning)[:2]
    async with morning.client() as client:
        plan = await call(client, "plan_migration", csv=sheet([*wanted]))
        cloud = morning.sandbox.cloud
        grown = next(s for s in cloud.sources.values() if s.name == wanted[0][0])
        disks = cloud.show_source(grown.id)["disks"]
        disks[0]["size"] += 10 * 1024**3
        grown.overrides["disks"] = disks
        await apply_all(client, plan["plan_id"])
    assert tasks(morning) == [wanted[1][0]]


async def test_consistency_settings_are_set_on_the_task(morning: Night) -> None:
    name, template = fit(morning)[0]
    row = {"server": name, "template": template, "consistency": True, "consistency_paths": "/srv"}
    async with morning.client() as client:
        plan = await call(client, "plan_migration", rows=[row])
        await apply_all(client, plan["plan_id"])
    (task,) = morning.sandbox.cloud.tasks.values()
    assert task.verdict is not None, "it verifies"
    assert {"config_key": "CONSISTENCY_DIR", "config_value": "/srv"} in [
        {key: each[key] for key in ("config_key", "config_value")} for each in task.options
    ]


async def test_the_project_of_a_row_is_the_wave_that_the_server_is_in(morning: Night) -> None:
    cloud = morning.sandbox.cloud
    (name, template) = fit(morning)[0]
    names = {key: project.fields["name"] for key, project in cloud.projects.items()}
    own = names[cloud.by_name(name).project_id]
    other = next(each for each in TEMPLATE_OF if each != own)
    rows = [
        {"server": name, "template": template, "project": other},
        {"server": name, "template": template, "project": own},
        {"server": name, "template": template, "project": "no-such-wave"},
    ]
    async with morning.client() as client:
        answer = await call(client, "plan_migration", rows=rows)
    told = {row["row"]: row for row in answer["rows"]}
    assert told[3]["verdict"] == "planned"
    for line in (2, 4):
        assert [each["column"] for each in told[line]["problems"]] == ["project"]


async def test_fifty_rows_take_at_most_their_pages_and_three_requests_a_server(
    morning: Night,
) -> None:
    rows = [{"server": name, "template": template} for name, template in fit(morning)[:50]]
    async with morning.client() as client:
        await call(client, "migration_overview")
        morning.clock.advance(60)  # nothing that was read before serves
        api = morning.runtime.desk.api
        before = api.requests_made
        answer = await call(client, "plan_migration", rows=rows)
        made = api.requests_made - before
    assert answer["planned"] == 50
    pages = 4  # source servers, tasks, templates, the regions of the Agent's configuration
    assert made <= pages + 3 * 50


async def test_a_project_tells_two_servers_of_one_name_apart(morning: Night) -> None:
    cloud = morning.sandbox.cloud
    one, other = (each for each in cloud.sources.values() if each.name == "twin-01")
    names = {key: project.fields["name"] for key, project in cloud.projects.items()}
    other.project_id = next(key for key in names if key != one.project_id)
    async with morning.client() as client:
        for twin in (one, other):
            row = {"server": "twin-01", "project": names[twin.project_id], "template": "datacentre"}
            answer = await call(client, "plan_migration", rows=[row])
            assert answer["rows"][0]["server"]["id"] == twin.id, answer["rows"]
