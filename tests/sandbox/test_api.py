"""Our own client on the sandbox: a whole migration, and every operation on the way."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from sms_tools.api import Api
from sms_tools.errors import (
    AuthenticationFailed,
    NotFound,
    PermissionDenied,
    ServiceError,
    Throttled,
)
from sms_tools.operation import Reply
from sms_tools.operations import CATALOGUE
from sms_tools.operations.tasks import CheckNetworkAcl, GetMigrationRateLimits, GetMigrationTask
from sms_tools.sandbox import Effect, Fault, ManualClock, Sandbox, User, open_sandbox
from sms_tools.sandbox.model import Cause
from sms_tools.settings import IamUser, Settings
from sms_tools.signing import KeyPair

pytestmark = pytest.mark.anyio

GIB = 1024**3
KEY = KeyPair("EXAMPLE-ACCESS-KEY", "example-secret-key")


def client_of(sandbox: Sandbox, clock: ManualClock, settings: Settings | None = None) -> Api:
    async def no_waiting(seconds: float) -> None:
        clock.advance(seconds)

    return Api(
        settings or Settings.for_sandbox(),
        transport=sandbox.transport(),
        clock=lambda: datetime.fromtimestamp(clock(), UTC),
        sleep=no_waiting,
        jitter=lambda: 1.0,
    )


@pytest.fixture
def sandbox(clock: ManualClock) -> Sandbox:
    return open_sandbox("healthy", clock=clock, speed=1, key_pair=KEY)


@pytest.fixture
async def api(sandbox: Sandbox, clock: ManualClock) -> AsyncIterator[Api]:
    async with client_of(sandbox, clock) as api:
        yield api


class Conversation:
    """Calls tools by name, and keeps which were called."""

    def __init__(self, api: Api, clock: ManualClock) -> None:
        self.api = api
        self.clock = clock
        self.called: set[str] = set()

    async def __call__(self, tool: str, **arguments: Any) -> Any:
        reply: Reply = await self.api(CATALOGUE[tool].model_validate(arguments))
        self.called.add(tool)
        return reply

    def later(self, seconds: float) -> None:
        self.clock.advance(seconds)


DISK = {
    "name": "/dev/vda",
    "partition_style": "MBR",
    "device_use": "BOOT",
    "size": 40 * GIB,
    "used_size": 40 * GIB,
    "physical_volumes": [],
}
PROJECT = {
    "name": "wave-9",
    "region": "ap-southeast-3",
    "use_public_ip": True,
    "exist_server": False,
    "type": "MIGRATE_FILE",
    "syncing": True,
}
TEMPLATE = {
    "name": "example-template",
    "is_template": True,
    "region": "ap-southeast-3",
    "projectid": "example-project",
    "vpc": {"id": "autoCreate", "name": "vpc"},
    "nics": [],
    "security_groups": [],
    "target_password": "Example-123",
}


def source(name: str) -> dict[str, Any]:
    return {
        "ip": "192.168.0.9",
        "name": name,
        "hostname": name,
        "os_type": "LINUX",
        "os_version": "CENTOS_7_9_64BIT",
        "firmware": "BIOS",
        "cpu_quantity": 2,
        "memory": 4 * GIB,
        "disks": [DISK],
        "networks": [],
        "btrfs_list": [],
        "volume_groups": [],
        "agent_version": "25.1.0",
        "has_rsync": True,
        "has_tc": True,
    }


def task(source_id: str, template_id: str) -> dict[str, Any]:
    disk = {key: DISK[key] for key in ("name", "size", "used_size", "physical_volumes")}
    return {
        "name": "example-task",
        "type": "MIGRATE_FILE",
        "os_type": "LINUX",
        "source_server": {"id": source_id},
        "target_server": {"name": "example-target", "disks": [disk]},
        "region_name": "ap-southeast-3",
        "region_id": "ap-southeast-3",
        "project_name": "ap-southeast-3",
        "project_id": "example-project",
        "vm_template_id": template_id,
        "syncing": True,
    }


async def visit_account(say: Conversation) -> None:
    assert (await say("list_api_versions")).versions[0].id == "v3"
    assert (await say("get_api_version", version="v3")).status == "SUPPORTED"
    await say("get_agent_configuration")
    await say("sign_privacy_agreement")
    assert (await say("get_privacy_agreement")).flag is True
    assert (await say("calculate_sha256", key="example")).value
    await say(
        "check_network_acl",
        target_project_id="example-project",
        target_network_id="example-network",
        region_id="ap-southeast-3",
        os_type="LINUX",
    )


async def make_project(say: Conversation) -> str:
    made = (await say("create_migration_project", **PROJECT)).id
    listed = await say("list_migration_projects")
    default = next(project.id for project in listed.items if project.isdefault)
    await say("update_migration_project", mig_project_id=made, **{**PROJECT, "name": "wave-10"})
    assert (await say("get_migration_project", mig_project_id=made)).name == "wave-10"
    await say("set_default_migration_project", mig_project_id=default)
    return str(made)


async def make_source(say: Conversation, project: str) -> str:
    made = (await say("register_source_server", **source("example-source"))).id
    await say("update_source_server", source_id=made, name="renamed", migprojectid=project)
    found = await say("list_source_servers", migproject=project)
    assert [server.name for server in found.items] == ["renamed"]
    assert (await say("get_source_server", source_id=made)).disks[0].size == 40 * GIB
    await say("get_source_server_overview")
    await say("list_failed_source_servers")
    await say("update_source_server_disks", source_id=made, disks=[DISK])
    state = {"copystate": "WAITING", "migrationcycle": "setting"}
    await say("update_source_server_state", source_id=made, **state)
    return str(made)


async def make_template(say: Conversation) -> str:
    made = (await say("create_template", **TEMPLATE)).id
    assert made in [template.id for template in (await say("list_templates")).items]
    await say("update_template", template_id=made, **{**TEMPLATE, "name": "renamed"})
    assert (await say("get_template", template_id=made)).template.name == "renamed"
    password = await say("get_template_target_password", template_id=made)
    assert password.target_password == "Example-123"
    return str(made)


async def run_task(say: Conversation, task_id: str) -> None:
    await say("update_migration_task", task_id=task_id, speed_limit=100)
    rule = {"start": "00:00", "end": "23:59", "speed": 500}
    await say("set_migration_rate_limits", task_id=task_id, speed_limit=[rule])
    limits = await say("get_migration_rate_limits", task_id=task_id)
    assert limits.speed_limit[0].speed == 500
    option = {"config_key": "SYNC_EXCLUDE_DIR", "config_value": "/tmp"}
    await say("configure_migration_options", task_id=task_id, configurations=[option])
    options = await say("get_migration_options", task_id=task_id)
    assert options.configurations[0].config_value == "/tmp"
    await say("manage_migration_task", task_id=task_id, operation="start")
    say.later(30)
    assert (await say("get_migration_task", task_id=task_id)).state == "RUNNING"
    assert [t.id for t in (await say("list_migration_tasks", id=task_id)).items] == [task_id]
    await say("upload_migration_task_logs", task_id=task_id, log_bucket="example", log_expire=600)
    await say("unlock_target_server", task_id=task_id)
    await say("get_certificate_passphrase", task_id=task_id)
    await say("get_certificate_and_private_key", task_id=task_id, enable_ca_cert=True)


async def speak_as_agent(say: Conversation, source_id: str, task_id: str) -> None:
    assert (await say("get_agent_command", server_id=source_id)).command_name == "START"
    done = {"command_name": "START", "result": "success", "result_detail": {"msg": ""}}
    await say("report_agent_command_result", server_id=source_id, **done)
    report = {"progress": 5, "replicatesize": 1, "totalsize": 20, "process_trace": ""}
    subtask = "CREATE_CLOUD_SERVER"
    await say("report_migration_progress", task_id=task_id, subtask_name=subtask, **report)
    measured = {
        "network_delay": 1.0,
        "network_jitter": 0.5,
        "migration_speed": 100.0,
        "loss_percentage": 0.0,
        "cpu_usage": 5.0,
        "mem_usage": 6.0,
        "evaluation_result": "normal",
        "domain_connectivity": True,
        "destination_connectivity": True,
    }
    await say("report_network_measurement", task_id=task_id, **measured)
    found = {
        "dir_check": "/",
        "num_total_files": 10,
        "num_different_files": 0,
        "num_target_miss_files": 0,
        "num_target_more_files": 0,
    }
    await say("upload_consistency_results", task_id=task_id, consistency_result=[found])
    results = await say("get_consistency_results", task_id=task_id)
    assert results.result_list[-1].consistency_result[0].num_total_files == 10


async def clean_up(say: Conversation, task_id: str, source_id: str, template_id: str) -> None:
    await say("manage_migration_task", task_id=task_id, operation="stop")
    say.later(60)
    await say("delete_migration_task", task_id=task_id)
    say.later(60)
    again = (await say("create_migration_task", **task(source_id, template_id))).id
    await say("delete_migration_tasks", ids=[again])
    say.later(60)
    await say("delete_template", template_id=template_id)
    other = (await say("create_template", **TEMPLATE)).id
    await say("delete_templates", ids=[other])
    await say("delete_source_server", source_id=source_id)
    other = (await say("register_source_server", **source("another-source"))).id
    await say("delete_source_servers", ids=[other])


async def test_all_operations_are_answered_in_the_course_of_a_migration(
    api: Api, clock: ManualClock
) -> None:
    say = Conversation(api, clock)
    await visit_account(say)
    project = await make_project(say)
    source_id = await make_source(say, project)
    template_id = await make_template(say)
    task_id = (await say("create_migration_task", **task(source_id, template_id))).id
    await run_task(say, task_id)
    await speak_as_agent(say, source_id, task_id)
    await clean_up(say, task_id, source_id, template_id)
    await say("delete_migration_project", mig_project_id=project)
    assert say.called == set(CATALOGUE)


async def test_a_refusal_is_the_clients_own_error(api: Api) -> None:
    with pytest.raises(NotFound) as caught:
        await api(CATALOGUE["get_migration_task"].model_validate({"task_id": "none"}))
    assert caught.value.code == "SMS.7703"
    assert caught.value.request_id


async def test_an_iam_user_gets_a_token_and_another_when_it_was_revoked(
    clock: ManualClock,
) -> None:
    sandbox = open_sandbox(
        "healthy", clock=clock, speed=1, user=User("operator", "example-password", "example")
    )
    address = "http://127.0.0.1"
    operator = IamUser("operator", "example-password", "example")
    settings = Settings(endpoint=address, iam_endpoint=address, credentials=operator)
    overview = CATALOGUE["get_source_server_overview"].model_validate({})
    async with client_of(sandbox, clock, settings) as api:
        await api(overview)
        first = api.secret_values()
        clock.advance(3600)
        sandbox.iam.revoke()
        await api(overview)
        assert api.secret_values() != first
    wrong = IamUser("operator", "another", "example")
    settings = Settings(endpoint=address, iam_endpoint=address, credentials=wrong)
    async with client_of(sandbox, clock, settings) as api:
        with pytest.raises(AuthenticationFailed):
            await api(overview)


async def test_a_read_is_repeated_through_faults_that_pass(api: Api, sandbox: Sandbox) -> None:
    for effect in (Effect.STATUS, Effect.CUT_AFTER, Effect.TRUNCATE):
        sandbox.faults.add(Fault(effect, operation="list_migration_tasks", times=1))
        await api(CATALOGUE["list_migration_tasks"].model_validate({}))


async def test_throttling_that_lasts_is_reported_as_such(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(Effect.STATUS, status=429, retry_after=1))
    with pytest.raises(Throttled):
        await api(CATALOGUE["list_migration_tasks"].model_validate({}))


async def test_a_read_that_is_known_to_fail_can_be_made_to(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault.parse("SMS.9001,operation=get_migration_rate_limits"))
    task_id = next(iter(sandbox.cloud.tasks))
    with pytest.raises(ServiceError) as caught:
        await api(GetMigrationRateLimits(task_id=task_id))
    assert caught.value.code == "SMS.9001"
    assert (await api(GetMigrationTask(task_id=task_id))).id == task_id


async def test_a_closed_network_is_a_403_and_no_missing_right(api: Api, sandbox: Sandbox) -> None:
    cause = Cause("security group of the subnet")
    sandbox.cloud.closed_networks["subnet-1"] = cause
    with pytest.raises(ServiceError) as caught:
        await api(
            CheckNetworkAcl(
                target_project_id="p",
                target_network_id="subnet-1",
                region_id="ap-southeast-3",
                os_type="LINUX",
            )
        )
    assert (caught.value.code, caught.value.status) == ("SMS.6605", 403)
    assert not isinstance(caught.value, PermissionDenied)
