"""The official SDK as a client of the sandbox: an independent witness of the wire.

One account lives through a whole migration, call by call, over HTTP with verified signatures.
Then every reply is compared with what the SDK declares: each field that it knows has the type
that it expects.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdksms.v3 import SmsClient
from huaweicloudsdksms.v3 import model as m

from sms_tools.sandbox import Sandbox, open_sandbox, serving
from sms_tools.signing import KeyPair

KEY = KeyPair("EXAMPLE-ACCESS-KEY", "example-secret-key")
OPERATIONS = json.loads(
    (Path(__file__).parent.parent / "operations" / "operations.json").read_text(encoding="utf-8")
)
GIB = 1024**3
DECLARED_WRONG = {("ShowConsistencyResultResponse", "result_list")}
"""The SDK declares texts where the reference's table and sample have objects."""


class Ahead:
    """The real time, which signatures need, and how far a test has moved it on."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return time.time() + self.seconds


@pytest.fixture(scope="module")
def ahead() -> Ahead:
    return Ahead()


@pytest.fixture(scope="module")
def sandbox(ahead: Ahead) -> Sandbox:
    return open_sandbox("mixed", clock=ahead, speed=1, key_pair=KEY)


@contextmanager
def served(sandbox: Sandbox) -> Iterator[str]:
    """The address at which the sandbox answers meanwhile."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serving(sandbox)) as address,
    ):
        yield address


@pytest.fixture(scope="module")
def address(sandbox: Sandbox) -> Iterator[str]:
    with served(sandbox) as address:
        yield address


def client_with(secret_key: str, address: str) -> Any:
    credentials = BasicCredentials(KEY.access_key, secret_key, "example-project")
    return SmsClient.new_builder().with_endpoint(address).with_credentials(credentials).build()


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[Any]:
    client = client_with(KEY.secret_key, address)
    yield client
    client.get_http_client().close()


def misread(payload: Any, kind: str, where: str = "") -> list[str]:
    """Where *payload* is not what the SDK declares as *kind*; nulls and unknown fields are fine."""
    if payload is None or kind in ("object", "dict(str, object)"):
        return []
    if kind.startswith("list["):
        if not isinstance(payload, list):
            return [f"{where} is no list"]
        return [
            x for i, item in enumerate(payload) for x in misread(item, kind[5:-1], f"{where}.{i}")
        ]
    if kind.startswith("dict("):
        inner = kind[5:-1].partition(", ")[2]
        return [x for k, item in payload.items() for x in misread(item, inner, f"{where}.{k}")]
    simple: dict[str, Any] = {"str": str, "int": int, "bool": bool, "float": (int, float)}
    if kind in simple:
        right = isinstance(payload, simple[kind]) and (kind == "bool" or payload is not True)
        return [] if right else [f"{where} is {payload!r}, not {kind}"]
    declared = getattr(m, kind)
    if not isinstance(payload, dict):
        return [f"{where} is no {kind}"]
    return [
        wrong
        for attribute, inner in declared.openapi_types.items()
        if (kind, attribute) not in DECLARED_WRONG
        for wrong in misread(
            payload.get(declared.attribute_map[attribute]), inner, f"{where}.{attribute}"
        )
    ]


class Conversation:
    """Calls the SDK, and keeps which methods were called and what was misread."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.called: set[str] = set()
        self.wrong: list[str] = []

    def __call__(self, method: str, **fields: Any) -> Any:
        name = "".join(part.capitalize() for part in method.split("_"))
        response = getattr(self.client, method)(getattr(m, f"{name}Request")(**fields))
        self.called.add(method)
        assert response.status_code == 200
        if response.raw_content:
            payload = json.loads(response.raw_content)
            self.wrong += misread(payload, type(response).__name__, method)
        return response


@pytest.fixture
def say(client: Any) -> Conversation:
    return Conversation(client)


def disk() -> Any:
    volume = m.PhysicalVolume(
        device_use="OS",
        file_system="ext4",
        index=0,
        mount_point="/",
        name="/dev/vda1",
        size=40 * GIB,
        used_size=9 * GIB,
        inode_size=256,
        uuid="example",
    )
    return m.ServerDisk(
        name="/dev/vda",
        partition_style="MBR",
        device_use="BOOT",
        size=40 * GIB,
        used_size=40 * GIB,
        physical_volumes=[volume],
        os_disk=True,
    )


def source_body(name: str) -> Any:
    card = m.NetWork(
        name="eth0",
        ip="192.168.0.9",
        netmask="255.255.255.0",
        gateway="192.168.0.1",
        mtu=1500,
        mac="fa:16:3e:00:00:09",
    )
    return m.PostSourceServerBody(
        ip="192.168.0.9",
        name=name,
        hostname=name,
        os_type="LINUX",
        os_version="CENTOS_7_9_64BIT",
        firmware="BIOS",
        cpu_quantity=2,
        memory=4 * GIB,
        disks=[disk()],
        btrfs_list=[],
        networks=[card],
        domain_id="example-domain",
        has_rsync=True,
        paravirtualization=False,
        raw_devices="",
        driver_files=False,
        system_services=False,
        account_rights=True,
        boot_loader="GRUB",
        system_dir="",
        volume_groups=[],
        agent_version="25.1.0",
        kernel_version="3.10",
        migration_cycle="checking",
        state="waiting",
        oem_system=False,
        start_type="MANUAL",
        io_read_wait=1.5,
        has_tc=True,
        platform="hw",
    )


def template(name: str) -> Any:
    request = m.TemplateRequest(
        name=name,
        is_template=True,
        region="ap-southeast-3",
        projectid="example",
        target_server_name="",
        availability_zone="ap-southeast-3a",
        volumetype="SAS",
        flavor="s6.large.2",
        vpc=m.VpcObject(id="autoCreate", name="vpc", cidr="192.168.0.0/16"),
        nics=[m.Nics(id="autoCreate", name="subnet", cidr="192.168.0.0/24", ip="")],
        security_groups=[m.SgObject(id="autoCreate", name="sg")],
        publicip=m.PublicIp(type="5_bgp", bandwidth_size=5, bandwidth_share_type="PER"),
        disk=[m.TemplateDisk(index=0, name="system", disktype="SAS", size=40)],
        target_password="Example-123",
    )
    return m.CreateTemplateReq(template=request)


def project(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "region": "ap-southeast-3",
        "use_public_ip": True,
        "exist_server": False,
        "type": "MIGRATE_FILE",
        "syncing": True,
        "start_target_server": True,
        "speed_limit": 0,
        "isdefault": False,
        "description": "example",
        "enterprise_project": "default",
        "start_network_check": False,
    }


def task_body(source: str, vm_template: str) -> Any:
    target_disk = m.TargetDisks(
        name="/dev/vda",
        size=40 * GIB,
        used_size=40 * GIB,
        device_use="BOOT",
        physical_volumes=[m.PhysicalVolumes(name="/dev/vda1", size=40 * GIB, index=0)],
    )
    return m.PostTask(
        name="example-task",
        type="MIGRATE_FILE",
        start_target_server=True,
        auto_start=False,
        os_type="LINUX",
        source_server=m.SourceServerByTask(id=source),
        target_server=m.TargetServerByTask(
            btrfs_list=[], disks=[target_disk], name="example-target", volume_groups=[]
        ),
        migration_ip="192.0.2.9",
        region_name="ap-southeast-3",
        region_id="ap-southeast-3",
        project_name="ap-southeast-3",
        project_id="example",
        priority=1,
        vm_template_id=vm_template,
        use_public_ip=True,
        use_ipv6=False,
        syncing=True,
        exist_server=False,
        start_network_check=False,
        speed_limit=0,
        over_speed_threshold=50.0,
        is_need_consistency_check=True,
        need_migration_test=False,
    )


def account(say: Conversation) -> None:
    say("list_api_version")
    say("show_api_version", version="v3")
    say("show_config")
    say("create_privacy_agreements")
    assert say("show_privacy_agreements").flag is True


def projects(say: Conversation) -> str:
    created = say("create_migproject", body=m.PostMigProjectBody(**project("example-wave")))
    default = next(p.id for p in say("list_migprojects", limit=100).migprojects if p.isdefault)
    assert say("show_migproject", mig_project_id=created.id).name == "example-wave"
    changed = m.MigProject(**project("renamed-wave"))
    say("update_migproject", mig_project_id=created.id, body=changed)
    say("update_default_migproject", mig_project_id=created.id)
    say("update_default_migproject", mig_project_id=default)
    return str(created.id)


def sources(say: Conversation, wave: str) -> str:
    source = str(say("register_server", body=source_body("example-source")).id)
    moved = m.PutSourceServerBody(name="renamed-source", migprojectid=wave)
    say("update_server_name", source_id=source, body=moved)
    found = say("list_servers", migproject=wave, connected=True, limit=200, offset=0)
    assert [server.name for server in found.source_servers] == ["renamed-source"]
    assert say("show_server", source_id=source).disks[0].name == "/dev/vda"
    say("show_overview")
    assert say("list_error_servers", limit=100, offset=0).count > 0
    disks = m.PutDiskInfoReq(disks=[disk()], volumegroups=[], btrfs_list=[])
    say("update_disk_info", source_id=source, body=disks)
    state = m.PutCopyStateReq(copystate="WAITING", migrationcycle="setting")
    say("update_copy_state", source_id=source, body=state)
    return source


def templates(say: Conversation) -> str:
    made = str(say("create_template", body=template("example-template")).id)
    assert made in [t.id for t in say("list_templates", limit=100).templates]
    say("show_template", id=made)
    changed = m.UpdateTemplateReq(template=template("renamed-template").template)
    say("update_template", id=made, body=changed)
    assert say("show_target_password", id=made).target_password == "Example-123"
    return made


def task_settings(say: Conversation, task: str) -> None:
    assert say("list_tasks", id=task).count == 1
    say("list_tasks", limit=200)
    say("update_task", task_id=task, body=m.PutTaskReq(name="renamed-task", speed_limit=100))
    assert say("show_task", task_id=task).name == "renamed-task"
    rule = m.SpeedLimitlJson(start="00:00", end="23:59", speed=500, over_speed_threshold=50.0)
    say("update_speed", task_id=task, body=m.SpeedLimit(speed_limit=[rule]))
    assert say("shows_speed_limits", task_id=task).speed_limit[0].speed == 500
    option = m.ConfigBody(config_key="SYNC_EXCLUDE_DIR", config_value="/tmp", config_status="")
    options = m.ConfigurationRequestBody(configurations=[option])
    say("upload_special_configuration_setting", task_id=task, body=options)
    said = say("show_config_setting", task_id=task, config_key="SYNC_EXCLUDE_DIR")
    assert said.configurations[0].config_value == "/tmp"


def agent(say: Conversation, source: str, task: str) -> None:
    assert say("show_command", server_id=source).command_name == "START"
    done = m.CommandBody(command_name="START", result="success", result_detail={"msg": ""})
    say("update_command_result", server_id=source, body=done)
    report = m.UpdateTaskSpeedReq(
        subtask_name="CREATE_CLOUD_SERVER",
        progress=50,
        replicatesize=1,
        totalsize=2,
        process_trace="",
        migrate_speed=10.0,
        compress_rate=1.0,
        remain_time=60,
    )
    say("update_task_speed", task_id=task, body=report)
    network = m.NetworkCheckInfoRequestBody(
        domain_connectivity=True,
        destination_connectivity=True,
        network_delay=1.0,
        network_jitter=0.5,
        migration_speed=100.0,
        loss_percentage=0.0,
        cpu_usage=5.0,
        mem_usage=6.0,
        evaluation_result="normal",
    )
    say("update_network_check_info", task_id=task, body=network)
    say("show_passphrase", task_id=task)
    assert "CERTIFICATE" in say("show_cert_key", task_id=task, enable_ca_cert=True).ca
    found = m.ConsistencyResult(
        dir_check="/",
        num_total_files=10,
        num_different_files=0,
        num_target_miss_files=0,
        num_target_more_files=0,
    )
    results = m.SetConsistencyResultRequestBody(consistency_result=[found])
    say("update_consistency_result", task_id=task, body=results)
    assert "'num_total_files': 10" in say("show_consistency_result", task_id=task).result_list[-1]
    say("collect_log", task_id=task, body=m.UploadLogRequestBody(log_bucket="example-logs"))


def act(say: Conversation, task: str, operation: str) -> None:
    say("update_task_status", task_id=task, body=m.UpdateTaskStatusReq(operation=operation))


def test_the_official_sdk_lives_through_a_whole_migration(say: Conversation, ahead: Ahead) -> None:
    account(say)
    wave = projects(say)
    source = sources(say, wave)
    vm_template = templates(say)
    first = str(say("create_task", body=task_body(source, vm_template)).id)
    task_settings(say, first)
    act(say, first, "start")
    ahead.seconds += 30
    assert say("show_task", task_id=first).state == "RUNNING"
    agent(say, source, first)
    act(say, first, "stop")
    ahead.seconds += 60
    assert say("show_server", source_id=source).state == "stopped"
    say("delete_task", task_id=first)
    ahead.seconds += 60
    second = str(say("create_task", body=task_body(source, vm_template)).id)
    say("delete_tasks", body=m.DeleteTasksReq(ids=[second]))
    ahead.seconds += 60
    say("delete_template", id=vm_template)
    other = str(say("create_template", body=template("other-template")).id)
    say("delete_templates", body=m.DeletetemplatesReq(ids=[other]))
    say("delete_server", source_id=source)
    another = str(say("register_server", body=source_body("another-source")).id)
    say("delete_servers", body=m.DeleteIds(ids=[another]))
    say("delete_migproject", mig_project_id=wave)

    assert say.wrong == []
    assert say.called == {operation["sdk"] for operation in OPERATIONS if operation["sdk"]}


def test_the_sdk_reads_every_server_and_task_of_a_mixed_fleet(
    say: Conversation, sandbox: Sandbox
) -> None:
    for source_id in list(sandbox.cloud.sources):
        say("show_server", source_id=source_id)
    for task_id in list(sandbox.cloud.tasks):
        say("show_task", task_id=task_id)
        say("show_consistency_result", task_id=task_id)
    assert say.wrong == []


@pytest.mark.parametrize("name", ["new-fleet", "whole-wave"])
def test_the_sdk_reads_every_new_server_and_meets_the_documented_refusals(name: str) -> None:
    sandbox = open_sandbox(name, key_pair=KEY)
    with served(sandbox) as address:
        client = client_with(KEY.secret_key, address)
        say = Conversation(client)
        for source_id in list(sandbox.cloud.sources):
            say("show_server", source_id=source_id)
        assert say.wrong == []
        source = next(iter(sandbox.cloud.sources))
        body = task_body(source, "no-such-template")
        with pytest.raises(ClientRequestException) as caught:
            client.create_task(m.CreateTaskRequest(body=body))
        assert caught.value.error_code == "SMS.7101"
        client.get_http_client().close()


def test_the_sdk_reads_a_refusal_with_its_code_and_request_id(client: Any) -> None:
    with pytest.raises(ClientRequestException) as caught:
        client.show_task(m.ShowTaskRequest(task_id="none/such ünd"))
    assert caught.value.status_code == 400
    assert caught.value.error_code == "SMS.7703"
    assert caught.value.request_id


def test_a_wrong_secret_is_the_gateways_refusal_to_the_sdk(address: str) -> None:
    stranger = client_with("another-secret", address)
    with pytest.raises(ClientRequestException) as caught:
        stranger.list_api_version(m.ListApiVersionRequest())
    stranger.get_http_client().close()
    assert (caught.value.status_code, caught.value.error_code) == (401, "APIGW.0301")
