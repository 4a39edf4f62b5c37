"""What the service refuses and what it does: the rules of the reference, without HTTP."""

import pytest

from sms_tools.sandbox.clocks import ManualClock
from sms_tools.sandbox.cloud import Cloud, Refusal
from sms_tools.sandbox.model import Source
from sms_tools.sandbox.scenarios import build

CLOCK = 1_767_225_600.0
HOUR = 3_600


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(CLOCK)


@pytest.fixture
def cloud(clock: ManualClock) -> Cloud:
    return build("mixed", now=clock)


def task_id(cloud: Cloud, name: str) -> str:
    found = cloud.by_name(name).task_id
    assert found
    return found


def refused(cloud: Cloud, name: str, operation: str, **params: str) -> str:
    with pytest.raises(Refusal) as caught:
        cloud.manage(task_id(cloud, name), operation, **params)
    return caught.value.code


@pytest.mark.parametrize(
    ("name", "operation", "code"),
    [
        ("db-my-01", "start", "SMS.7713"),
        ("web-03", "start", "SMS.7713"),
        ("db-redis-01", "stop", "SMS.7714"),
        ("web-01", "stop", "SMS.7714"),
        ("web-03", "restart", "SMS.7722"),
        ("db-my-01", "test", "SMS.7721"),
        ("db-ora-01", "cutover", "SMS.7721"),
        ("web-01", "sync_failed_rollback", "SMS.7718"),
        ("db-pg-02", "stop", "SMS.6603"),
        ("web-03", "explode", "SMS.9001"),
    ],
)
def test_an_action_is_refused_in_the_wrong_state(
    cloud: Cloud, name: str, operation: str, code: str
) -> None:
    before = cloud.show_task(task_id(cloud, name))
    assert refused(cloud, name, operation) == code
    assert cloud.show_task(task_id(cloud, name)) == before


def test_a_clone_needs_a_template_that_exists_and_quota(cloud: Cloud) -> None:
    template = next(iter(cloud.templates))
    assert refused(cloud, "web-03", "clone_test") == "SMS.9001"
    assert refused(cloud, "web-03", "clone_test", template_id="no-such") == "SMS.7101"
    cloud.clone_quota = 0
    assert refused(cloud, "web-03", "clone_test", template_id=template) == "SMS.6526"


def test_every_command_is_on_record_and_so_is_its_refusal(cloud: Cloud) -> None:
    assert cloud.changes == []
    cloud.manage(task_id(cloud, "db-redis-01"), "start")
    refused(cloud, "db-my-01", "start")
    cloud.list_sources({})
    cloud.show_task(task_id(cloud, "db-my-01"))
    assert [(c.operation, c.arguments["operation"], c.refused) for c in cloud.changes] == [
        ("manage_migration_task", "start", None),
        ("manage_migration_task", "start", "SMS.7713"),
    ]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda c: c.show_task("x"), "SMS.7703"),
        (lambda c: c.show_source("x"), "SMS.7602"),
        (lambda c: c.show_template("x"), "SMS.7101"),
        (lambda c: c.show_project("x"), "SMS.7301"),
        (lambda c: c.delete_tasks(["x"]), "SMS.7703"),
        (lambda c: c.take_command("x"), "SMS.7602"),
    ],
)
def test_what_does_not_exist_is_refused_by_its_own_code(cloud: Cloud, call, code: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Refusal) as caught:
        call(cloud)
    assert caught.value.code == code
    assert caught.value.params == ("x",)


def test_a_running_task_is_deleted_only_without_its_agent(cloud: Cloud) -> None:
    with pytest.raises(Refusal, match=r"SMS\.7719"):
        cloud.delete_task(task_id(cloud, "db-my-01"))
    cloud.disconnect(cloud.by_name("db-my-01").id)
    cloud.delete_task(task_id(cloud, "db-my-01"))
    assert cloud.by_name("db-my-01").task_id is None


def test_a_batch_with_one_illegal_task_deletes_none(cloud: Cloud) -> None:
    ids = [task_id(cloud, "db-redis-01"), task_id(cloud, "db-my-01")]
    with pytest.raises(Refusal, match=r"SMS\.7719"):
        cloud.delete_tasks(ids)
    assert set(ids) <= set(cloud.tasks)


def test_after_its_task_is_deleted_a_server_waits_for_a_new_one(
    cloud: Cloud, clock: ManualClock
) -> None:
    source = cloud.by_name("db-redis-01")
    old = task_id(cloud, "db-redis-01")
    with pytest.raises(Refusal, match=r"SMS\.7601"):
        cloud.delete_source(source.id)
    cloud.delete_task(old)
    assert cloud.show_task(old)["state"] == "DELETING"
    clock.advance(60)
    with pytest.raises(Refusal, match=r"SMS\.7703"):
        cloud.show_task(old)
    row = cloud.show_source(source.id)
    assert (row["state"], row["migration_cycle"]) == ("waiting", "checking")
    cloud.delete_source(source.id)
    assert source.id not in cloud.sources


def test_a_tasks_own_template_goes_with_it_and_a_general_one_stays(
    cloud: Cloud, clock: ManualClock
) -> None:
    task = cloud.tasks[task_id(cloud, "db-redis-01")]
    general = str(task.fields["vm_template_id"])
    own = cloud.create_template({"name": "only-for-redis", "is_template": False})
    task.fields["vm_template_id"] = own
    with pytest.raises(Refusal, match=r"SMS\.7111"):
        cloud.delete_template(own)
    cloud.delete_task(task.id)
    clock.advance(60)
    cloud.now()
    assert own not in cloud.templates
    assert general in cloud.templates


def test_a_project_is_deleted_only_when_empty_and_not_the_default(cloud: Cloud) -> None:
    wave = cloud.by_name("web-01").project_id
    with pytest.raises(Refusal, match=r"SMS\.7303"):
        cloud.delete_project(cloud.default_project)
    with pytest.raises(Refusal, match=r"SMS\.7311"):
        cloud.delete_project(wave)
    empty = cloud.create_project({"name": "empty", "isdefault": True})
    assert [p["name"] for p in cloud.list_projects()[1] if p["isdefault"]] == ["empty"]
    cloud.set_default_project(wave)
    cloud.delete_project(empty)
    with pytest.raises(Refusal, match=r"SMS\.7312"):
        cloud.create_project({"name": "Wave-2-DB"})


def test_a_target_password_is_given_only_while_replicating_or_syncing(cloud: Cloud) -> None:
    template = str(cloud.tasks[task_id(cloud, "web-03")].fields["vm_template_id"])
    assert cloud.template_password(template)["target_password"] == "EXAMPLE-password"
    lonely = cloud.create_template({"name": "for-one", "target_password": "EXAMPLE-2"})
    cloud.tasks[task_id(cloud, "db-redis-01")].fields["vm_template_id"] = lonely
    with pytest.raises(Refusal, match=r"SMS\.9905"):
        cloud.template_password(lonely)


def test_a_server_needs_to_be_free_and_fit_for_a_new_task(cloud: Cloud) -> None:
    for name in ("web-03", "legacy-2003"):
        body = {"source_server": {"id": cloud.by_name(name).id}, "target_server": {}}
        with pytest.raises(Refusal, match=r"SMS\.6520"):
            cloud.create_task(body)


def test_one_target_serves_one_task(cloud: Cloud) -> None:
    taken = cloud.tasks[task_id(cloud, "web-03")].target_vm
    body = {
        "source_server": {"id": cloud.by_name("new-01").id},
        "target_server": {"vm_id": taken},
    }
    with pytest.raises(Refusal, match=r"SMS\.7605"):
        cloud.create_task(body)


def test_the_account_holds_so_many_servers_and_no_more(clock: ManualClock) -> None:
    cloud = Cloud(clock, quota=1)
    first = cloud.register_source({"name": "a", "os_type": "LINUX"})
    with pytest.raises(Refusal, match=r"SMS\.6501"):
        cloud.register_source({"name": "b", "os_type": "LINUX"})
    assert cloud.register_source({"id": first, "name": "a2", "os_type": "LINUX"}) == first
    assert cloud.show_source(first)["name"] == "a2"


@pytest.mark.parametrize(
    ("state", "cycle", "legal"),
    [("WAITING", "cutovered", False), ("SYNCING", "syncing", True), ("INIT", "replicating", True)],
)
def test_a_forced_state_must_fit_its_stage(
    cloud: Cloud, state: str, cycle: str, legal: bool
) -> None:
    source = cloud.by_name("new-01")
    if legal:
        cloud.update_source_state(source.id, state, cycle)
        assert cloud.show_source(source.id)["migration_cycle"] == cycle
        return
    with pytest.raises(Refusal, match=r"SMS\.7728"):
        cloud.update_source_state(source.id, state, cycle)


def test_a_server_moves_between_projects(cloud: Cloud) -> None:
    source = cloud.by_name("new-01")
    wave = cloud.by_name("web-01").project_id
    count, _ = cloud.list_sources({"migproject": wave})
    cloud.update_source(source.id, {"migprojectid": wave})
    assert cloud.list_sources({"migproject": wave})[0] == count + 1


def test_pages_of_a_list_make_up_the_whole(cloud: Cloud) -> None:
    count, everything = cloud.list_sources({})
    pages = [cloud.list_sources({}, limit=10, offset=o)[1] for o in range(0, count, 10)]
    assert [row["id"] for page in pages for row in page] == [row["id"] for row in everything]
    assert cloud.list_sources({}, limit=10, offset=60_000) == (count, [])


def test_filters_choose_by_state_name_stage_and_connection(cloud: Cloud) -> None:
    assert {r["state"] for r in cloud.list_sources({"state": "error"})[1]} == {"error"}
    assert cloud.list_sources({"name": "ORA"})[0] == 3
    assert {r["name"] for r in cloud.list_sources({"connected": False})[1]} == {
        "db-pg-02",
        "new-03",
    }
    assert cloud.list_tasks({"state": "MIGRATE_FAIL"})[0] == 12
    source = cloud.by_name("web-03")
    assert cloud.list_tasks({"source_server_id": source.id})[1][0]["id"] == source.task_id


def test_the_overview_counts_every_server_once(cloud: Cloud) -> None:
    overview = cloud.overview()
    assert sum(overview.values()) == cloud.list_sources({})[0]
    assert overview["unconfigured"] == 3
    assert overview["waiting"] == 1


def test_logs_are_collected_once_at_a_time(cloud: Cloud, clock: ManualClock) -> None:
    task = task_id(cloud, "db-my-01")
    with pytest.raises(Refusal, match=r"SMS\.7717"):
        cloud.upload_logs(task_id(cloud, "new-04"), "bucket", 300)
    cloud.upload_logs(task, "bucket", 300)
    with pytest.raises(Refusal, match=r"SMS\.7716"):
        cloud.upload_logs(task, "bucket", 300)
    clock.advance(61)
    row = cloud.list_sources({"name": "db-my-01"})[1][0]
    assert row["current_task"]["log_collect_status"] == "SERVER_COLLECT_SUCCESS"


def test_a_command_is_taken_by_the_first_who_asks(cloud: Cloud) -> None:
    source = cloud.by_name("db-redis-01")
    cloud.manage(task_id(cloud, "db-redis-01"), "start")
    assert cloud.take_command(source.id) == {
        "command_name": "START",
        "command_param": {"task_id": source.task_id},
    }
    assert cloud.take_command(source.id) == {}


def test_options_are_set_by_key_and_kept_as_text(cloud: Cloud) -> None:
    task = task_id(cloud, "db-my-01")
    cloud.set_options(task, [{"config_key": "LINUX_CPU_LIMIT", "config_value": 50}])
    cloud.set_options(task, [{"config_key": "SYNC_EXCLUDE_DIR", "config_value": "/tmp"}])
    assert [o["config_value"] for o in cloud.options(task)["configurations"]] == ["50", "/tmp"]
    assert len(cloud.options(task, "LINUX_CPU_LIMIT")["configurations"]) == 1


def test_secrets_are_obvious_examples(cloud: Cloud) -> None:
    task = task_id(cloud, "db-my-01")
    told = [*cloud.certificate(task, with_ca=True).values(), cloud.passphrase(task)["passphrase"]]
    assert all("EXAMPLE" in secret for secret in told)


def test_new_disk_information_loses_the_change_tracking_of_a_running_copy(
    cloud: Cloud, clock: ManualClock
) -> None:
    source: Source = cloud.by_name("db-my-01")
    cloud.update_disks(source.id, {"disks": [{"name": "/dev/sda", "size": 1}]})
    clock.advance(60)
    assert cloud.show_source(source.id)["state"] == "error"
    assert "SMS.0515" in cloud.show_task(task_id(cloud, "db-my-01"))["error_json"]


def test_a_disk_that_need_not_migrate_stays_behind(cloud: Cloud) -> None:
    source = cloud.by_name("app-server")
    other = cloud.register_source(
        {
            "name": "two-disks",
            "os_type": "LINUX",
            "disks": [
                {"name": "/dev/sda", "size": 100, "used_size": 60},
                {"name": "/dev/sdb", "size": 900, "used_size": 500},
            ],
        }
    )
    cloud.update_source(
        other, {"disks": [{"id": "/dev/sdb", "need_migration": False, "adjust_size": 0}]}
    )
    body = {
        "type": "MIGRATE_FILE",
        "source_server": {"id": other},
        "vm_template_id": next(iter(cloud.templates)),
    }
    assert cloud.tasks[cloud.create_task(body)].total == 60
    assert cloud.tasks[str(source.task_id)].total > 10**9
