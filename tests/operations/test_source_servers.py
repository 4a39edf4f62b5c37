"""Source servers: bounds, dangers and odd names of their operations, and leniency in replies."""

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from sms_tools.errors import RequestRefused
from sms_tools.operation import Kind, Operation
from sms_tools.operations import CATALOGUE
from sms_tools.operations.machines import Platform, SourceState, Stage
from sms_tools.operations.source_servers import (
    DeleteSourceServers,
    FailedServerPage,
    GetSourceServer,
    ListFailedSourceServers,
    ListSourceServers,
    RegisterSourceServer,
    SourceServerDetail,
    SourceServerOverview,
    SourceServerPage,
    UpdateSourceServer,
    UpdateSourceServerDisks,
    UpdateSourceServerState,
)
from sms_tools.schema import input_schema


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("list_source_servers", {"limit": 201}),
        ("list_source_servers", {"limit": -1}),
        ("list_source_servers", {"offset": 65_536}),
        ("list_source_servers", {"state": "ERROR"}),
        ("list_source_servers", {"migration_cycle": "error"}),
        ("list_source_servers", {"name": "x" * 256}),
        ("list_failed_source_servers", {"limit": 101}),
        ("list_failed_source_servers", {"state": "error"}),
        ("get_source_server", {"source_id": ""}),
        ("get_source_server", {"source_id": ".."}),
        ("get_source_server", {"source_id": "overview"}),
        ("delete_source_server", {}),
        ("delete_source_servers", {}),
        ("delete_source_servers", {"ids": "one"}),
        ("update_source_server", {"source_id": "s", "migprojectid": ""}),
        ("update_source_server", {"source_id": "s", "disks": [{"id": "d"}]}),
        ("update_source_server", {"source_id": "s", "disks": [{"id": "d", "adjust_size": -1}]}),
        ("update_source_server", {"source_id": "s", "volume_groups": [{"need_migration": False}]}),
        ("update_source_server", {"source_id": "s", "volumegroups": []}),
        ("update_source_server_state", {"source_id": "s", "copystate": "waiting"}),
        ("update_source_server_state", {"source_id": "s", "copystate": "INITIALIZE"}),
        ("update_source_server_disks", {"source_id": "s", "volume_groups": []}),
        ("update_source_server_disks", {"source_id": "s", "btrfs_list": [{"name": "/dev/vda"}]}),
        ("register_source_server", {"cpu_quantity": 65_536}),
        ("register_source_server", {"io_read_wait": 10_000.1}),
        ("register_source_server", {"io_read_wait": float("nan")}),
        ("register_source_server", {"platform": "huawei"}),
        ("register_source_server", {"state": "error ", "os_type": "LINUX"}),
    ],
)
def test_what_the_reference_does_not_admit_is_refused(tool: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CATALOGUE[tool].model_validate(arguments)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"name": "web-1", "migprojectid": "p"}, Kind.WRITE),
        ({"name": "web-1", "disks": None}, Kind.WRITE),
        ({"disks": [{"id": "d", "adjust_size": 0}]}, Kind.DESTRUCTIVE),
        ({"disks": []}, Kind.DESTRUCTIVE),
        ({"volume_groups": [{"id": "v", "need_migration": False}]}, Kind.DESTRUCTIVE),
    ],
)
def test_an_update_is_destructive_as_soon_as_it_touches_what_is_migrated(
    arguments: dict[str, Any], kind: Kind
) -> None:
    update = UpdateSourceServer.model_validate({"source_id": "s", **arguments})

    assert update.danger is kind
    assert UpdateSourceServer.__spec__.kind is Kind.DESTRUCTIVE


def test_leaving_a_volume_behind_is_sent_as_the_wire_wants_it() -> None:
    volume = {"id": "v", "need_migration": False}
    disk = {"id": "d", "adjust_size": 0, "physical_volumes": [volume]}
    group = {"id": "g", "logical_volumes": [volume]}
    update = UpdateSourceServer.model_validate(
        {"source_id": "s", "disks": [disk], "volume_groups": [group]}
    )

    assert update.request().body == {"disks": [disk], "volume_groups": [group]}


def test_the_volume_groups_of_a_disk_report_have_a_name_of_their_own() -> None:
    assert "volumegroups" in UpdateSourceServerDisks.model_fields
    assert "volume_groups" in RegisterSourceServer.model_fields


def test_failed_servers_are_always_asked_for_with_an_offset() -> None:
    assert list(ListFailedSourceServers().request().query) == [("offset", "0")]
    assert ListFailedSourceServers() == ListFailedSourceServers(offset=0)


def test_flags_of_a_query_are_written_in_lower_case() -> None:
    request = ListSourceServers(connected=False, is_consistency_result_exist=True).request()

    assert dict(request.query) == {"connected": "false", "is_consistency_result_exist": "true"}


def test_states_that_are_newer_than_the_reference_can_be_asked_for() -> None:
    for state in ("skipping", "clearing", "cleared", "premiging"):
        assert ListSourceServers.model_validate({"state": state}).state == state
    assert len(get_args(SourceState)) == 16
    assert len(get_args(Stage)) == 6
    assert len(get_args(Platform)) == 9


def test_a_state_is_forced_in_upper_case_with_init_for_initialize() -> None:
    forced = UpdateSourceServerState(source_id="s", copystate="INIT", migrationcycle="replicating")

    assert forced.request().body == {"copystate": "INIT", "migrationcycle": "replicating"}


def test_numbers_written_as_text_are_taken_as_numbers() -> None:
    registered = RegisterSourceServer.model_validate({"cpu_quantity": "4", "memory": "8589934592"})

    assert registered.request().body == {"cpu_quantity": 4, "memory": 8589934592}


@pytest.mark.parametrize("operation", [RegisterSourceServer, UpdateSourceServerDisks])
def test_a_report_s_parts_are_published_and_checked(operation: type[Operation[Any]]) -> None:
    assert "default_subvolid" in str(input_schema(operation))
    with pytest.raises(ValidationError, match="colour"):
        operation.model_validate(
            {"source_id": "s", "btrfs_list": [{"name": "/dev/vda2", "colour": "red"}]}
        )


def test_subvolumes_under_the_table_s_name_are_sent_under_the_wire_s() -> None:
    subvolume = {
        "uuid": "u",
        "is_snapshot": "false",
        "subvol_id": "1",
        "parent_id": "5",
        "subvol_name": "@",
    }
    btrfs: dict[str, Any] = {
        **dict.fromkeys(("name", "label", "uuid", "device", "data_profile", "system_profile"), "x"),
        **dict.fromkeys(("metadata_profile", "global_reserve1", "default_subvolid"), "x"),
        "default_subvol_name": "x",
        "default_subvol_mountpath": "/",
        "size": "3.30GiB",
        "nodesize": 1,
        "sectorsize": 1,
        "g_vol_used_size": 1,
        "subvolume": [subvolume],
    }

    update = UpdateSourceServerDisks.model_validate({"source_id": "s", "btrfs_list": [btrfs]})

    assert update.request().body["btrfs_list"][0]["subvolumn"] == [subvolume]


def test_an_id_with_a_slash_never_becomes_a_path() -> None:
    with pytest.raises(RequestRefused, match="source_id is not an id"):
        GetSourceServer(source_id="a/b").request()


def test_many_records_can_be_deleted_in_one_call() -> None:
    ids = [f"id-{number}" for number in range(1000)]

    assert DeleteSourceServers(ids=ids).request().body == {"ids": ids}


def test_a_server_without_a_task_and_with_junk_is_read_as_far_as_possible() -> None:
    page = SourceServerPage.read(
        {
            "count": 2,
            "source_servers": [
                {"id": "a", "current_task": None, "checks": None, "memory": "n/a"},
                {"id": "b", "state": "hibernating", "connected": True, "enterprise_project_id": 0},
            ],
        }
    )

    first, second = page.items
    assert (first.id, first.current_task, first.checks, first.memory) == ("a", None, None, None)
    assert (second.state, second.connected) == ("hibernating", True)
    assert second.enterprise_project_id == "0"


def test_the_expected_end_is_read_under_either_name() -> None:
    for name in ("estimate_complete_time", "estimate_completion_time"):
        server = SourceServerDetail.read({"current_task": {name: 1598417771000}})
        assert server.current_task is not None
        assert server.current_task.estimated_completion == 1598417771000


def test_a_failed_server_tells_its_error() -> None:
    page = FailedServerPage.read(
        {
            "migration_errors": [
                {"error_json": '{"error_code":"SMS.2802","error_param":"[\\"192.168.0.1\\"]"}'},
                {"error_json": None},
            ]
        }
    )

    first, second = (server.error for server in page.items)
    assert (first.code, first.params) == ("SMS.2802", ("192.168.0.1",))
    assert second.code is None


def test_an_overview_keeps_counts_that_nobody_knows_yet() -> None:
    overview = SourceServerOverview.read({"waiting": 3, "skipping": 1, "hibernating": 2})

    assert (overview.waiting, overview.skipping, overview.replicate) == (3, 1, None)
    assert overview.model_extra == {"hibernating": 2}
