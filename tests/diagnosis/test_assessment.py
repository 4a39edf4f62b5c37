"""assess_sources: every planted trouble is found, and nothing is called fit that is not."""

from collections.abc import Callable
from typing import Any

import pytest

from sms_tools.diagnosis.answer import CONCISE_BYTES, compact_bytes
from sms_tools.diagnosis.assessment import AssessSources
from sms_tools.sandbox import ManualClock, open_sandbox
from sms_tools.sandbox.scenarios.new_fleet import TEMPLATE_OF, TROUBLES
from tests.bureau import Bureau, Place

pytestmark = pytest.mark.anyio

GIB = 1024**3


async def assessed(opener: Any, seed: int) -> dict[str, dict[str, Any]]:
    clock = ManualClock()
    sandbox = open_sandbox("new-fleet", clock=clock, speed=1, seed=seed)
    place: Place = opener.open(clock, sandbox.transport(), "")
    answer = await place.ask(AssessSources(detail="full", limit=1000))
    assert not answer.get("incomplete")
    rows = {row["id"]: row for row in answer["servers"]}
    assert len(rows) == len(sandbox.cloud.sources)
    return rows


@pytest.mark.parametrize("seed", [1, 2, 3, 7, 11])
async def test_every_planted_trouble_is_found_and_nothing_else(opener: Any, seed: int) -> None:
    for row in (await assessed(opener, seed)).values():
        planted = TROUBLES.get(row["name"], ())
        kinds = {finding["kind"] for finding in row["findings"]}
        assert {each.kind for each in planted} <= kinds, row["name"]
        for each in planted:
            assert row["verdict"] in each.verdicts, (row["name"], row["findings"])
        if not planted:
            assert row["verdict"] == "go", row
            assert kinds <= {"name_twice", "windows_by_template", "large"}, row


async def test_the_template_that_is_meant_goes_by_names(opener: Any) -> None:
    rows = await assessed(opener, 1)
    meant: dict[str, set[str]] = {}
    for row in rows.values():
        if "template" in row:
            meant.setdefault(row["project"], set()).add(row["template"]["name"])
            assert row["template_by"] in ("project name", "server name")
    assert meant == {project: {template} for project, template in TEMPLATE_OF.items()}


async def test_neither_uefi_nor_windows_is_given_a_template(opener: Any) -> None:
    rows = {row["name"]: row for row in (await assessed(opener, 1)).values()}
    for name in ("kvm-uefi-01", "win-file-01"):
        assert "template" not in rows[name]
        assert rows[name]["needs"]["disks_gb"]
    doubt = next(f for f in rows["win-file-01"]["findings"] if f["kind"] == "windows_by_template")
    assert "FAQ 2.18" in doubt["finding"]
    assert "reference" in doubt["finding"]
    assert rows["win-file-01"]["suggested_type"] == "MIGRATE_BLOCK"


async def test_file_level_counts_used_space_and_blocks_whole_partitions(opener: Any) -> None:
    rows = {row["name"]: row for row in (await assessed(opener, 1)).values()}
    sizes = rows["no-rsync-01"]["bytes_by_type"]
    assert rows["no-rsync-01"]["expected_bytes"] == sizes["MIGRATE_FILE"]
    assert 14 * GIB <= sizes["MIGRATE_FILE"] < 15 * GIB
    assert 39 * GIB < sizes["MIGRATE_BLOCK"] <= 40 * GIB


async def test_each_finding_says_who_acts_and_how(opener: Any) -> None:
    for row in (await assessed(opener, 1)).values():
        for finding in row["findings"]:
            assert finding["actor"] in ("api", "source", "console", "support")
            assert finding["finding"].endswith(".")
            assert finding["how"].endswith(".")


async def test_what_is_used_of_the_quotas_stands_beside(bureau: Callable[..., Bureau]) -> None:
    answer = await bureau("new-fleet").ask(AssessSources())
    used = {row["quota"]: (row["used"], row["of"]) for row in answer["quotas"]}
    assert used == {
        "source_servers": (40, 1000),
        "migration_projects": (4, 50),
        "templates": (3, 50),
        "tasks_at_a_time": (0, 100),
    }


async def test_the_quotas_of_one_project_are_those_of_the_account(
    bureau: Callable[..., Bureau],
) -> None:
    answer = await bureau("new-fleet").ask(AssessSources(project="Branch"))
    used = {row["quota"]: row["used"] for row in answer["quotas"]}
    assert used["source_servers"] == 40
    assert sum(answer["verdicts"].values()) < 20


async def test_a_thousand_servers_are_counted_whole_and_shown_within_the_bound(
    bureau: Callable[..., Bureau],
) -> None:
    answer = await bureau("large", servers=1000).ask(AssessSources())
    assert compact_bytes(answer) <= CONCISE_BYTES
    assert sum(answer["verdicts"].values()) + answer["already_launched"] == 1000
    assert answer["servers"]


SOURCE = {
    "id": "s-1",
    "name": "web-1",
    "os_type": "LINUX",
    "os_version": "UBUNTU_22_4_64BIT",
    "state": "waiting",
    "connected": True,
    "has_tc": True,
    "checks": [{"name": "OS_VERSION", "result": "OK"}],
}
DETAIL = {
    **SOURCE,
    "firmware": "BIOS",
    "disks": [
        {
            "name": "/dev/sda",
            "size": 40 * GIB,
            "os_disk": True,
            "physical_volumes": [
                {
                    "name": "/dev/sda1",
                    "mount_point": "/",
                    "file_system": "ext4",
                    "size": 39 * GIB,
                    "used_size": 10 * GIB,
                }
            ],
        }
    ],
}


def one_server(serve: Callable[..., Place], detail: object) -> Place:
    return serve(
        {
            "/v3/sources": {"count": 1, "source_servers": [SOURCE]},
            "/v3/tasks": {"count": 0, "tasks": []},
            "/v3/migprojects": {"count": 0, "migprojects": []},
            "/v3/vm/templates": {"count": 0, "templates": []},
            "/v3/sources/s-1": detail,
        }
    )


async def test_a_record_that_carries_everything_and_passes_is_fit(
    serve: Callable[..., Place],
) -> None:
    answer = await one_server(serve, DETAIL).ask(AssessSources())
    assert answer["verdicts"]["go"] == 1
    assert answer["servers"][0]["confidence"] == "high"


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"firmware": None}, "firmware_unknown"),
        ({"disks": []}, "no_disks"),
        ({"disks": [{"name": "/dev/sda", "size": 40 * GIB}]}, "disks_incomplete"),
        ({"checks": []}, "no_checks"),
        ({"os_version": ""}, "system_unknown"),
    ],
)
async def test_what_a_record_leaves_out_is_unknown_and_never_fit(
    serve: Callable[..., Place], change: dict[str, Any], kind: str
) -> None:
    place = one_server(serve, {**DETAIL, **change})
    (row,) = (await place.ask(AssessSources()))["servers"]
    assert row["verdict"] == "unknown"
    assert kind in {finding["kind"] for finding in row["findings"]}


async def test_a_record_that_cannot_be_read_is_unknown_and_said_to_be_missing(
    serve: Callable[..., Place],
) -> None:
    answer = await one_server(serve, None).ask(AssessSources())
    assert answer["servers"][0]["verdict"] == "unknown"
    assert answer["servers"][0]["confidence"] == "low"
    assert any("get_source_server" in gap for gap in answer["incomplete"])
