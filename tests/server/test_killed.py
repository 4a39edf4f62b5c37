"""A server process that is really killed in step 2 of a plan, and started again.

The account is in the test's process. It kills the server at the second call of one kind,
so nothing here depends on timing. The server is the real one; only its waits between two looks are
shorter, since an interrupted step alone is looked at for a minute before its call is made.
"""

import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters

from sms_tools.operations import route
from sms_tools.sandbox import Sandbox, open_sandbox, serving
from sms_tools.sandbox.service import Service
from sms_tools.sandbox.wire import ConnectionCutError, RawRequest, RawResponse
from sms_tools.signing import KeyPair

from .world import ERAS, Person

pytestmark = pytest.mark.anyio

FAILED_FOR_PORT_22 = {"goal": "retry_failed", "group": "SMS.3802"}
PAIR = KeyPair("EXAMPLE-ACCESS-KEY", "example-secret-key")
LONGEST = 60.0
"""Seconds that one walk may take."""

SHORTER_WAITS = """\
import anyio

_sleep = anyio.sleep


async def sleep(delay):
    await _sleep(delay / 20)


anyio.sleep = sleep
"""
"""What the server's interpreter runs first (``sitecustomize``): it waits 20 times less."""


@dataclass(slots=True)
class Deadly(Service):
    """The sandbox's service, which kills its client at the second call of *operation*."""

    pid_file: Path = Path()
    carries_out: bool = False
    """Whether the call has taken effect when the client dies."""
    operation: str = "manage_migration_task"
    starts: int = 0
    """How many of these calls there were."""

    async def handle(self, request: RawRequest) -> RawResponse:
        found = route(request.method, request.path)
        if found and found[0].__spec__.name == self.operation:
            self.starts += 1
            if self.starts == 2:
                if self.carries_out:
                    await Service.handle(self, request)
                os.kill(int(self.pid_file.read_text()), signal.SIGKILL)
                raise ConnectionCutError
        return await Service.handle(self, request)


def deadly_sandbox(
    pid_file: Path,
    carries_out: bool,
    scenario: str = "mixed",
    operation: str = "manage_migration_task",
) -> tuple[Sandbox, Deadly]:
    opened = open_sandbox(scenario, speed=600, key_pair=PAIR)
    given = {each.name: getattr(opened.service, each.name) for each in fields(Service)}
    service = Deadly(**given, pid_file=pid_file, carries_out=carries_out, operation=operation)
    return replace(opened, service=service), service


def environment(address: str, folder: Path) -> dict[str, str]:
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith(("SMS_", "HUAWEI"))},
        "SMS_TOOLS_ENDPOINT": address,
        "SMS_TOOLS_IAM_ENDPOINT": address,
        "SMS_TOOLS_STATE_DIR": str(folder / "state"),
        "HUAWEICLOUD_SDK_AK": "EXAMPLE-ACCESS-KEY",
        "HUAWEICLOUD_SDK_SK": "example-secret-key",
        "PYTHONPATH": str(folder),
    }


def server(pid_file: Path, variables: dict[str, str]) -> StdioServerParameters:
    """The server over stdio; its shell leaves its process id in *pid_file* and becomes it."""
    words = ['echo $$ > "$0"; exec "$@"', str(pid_file), sys.executable]
    return StdioServerParameters(
        command="/bin/sh", args=["-c", *words, "-m", "sms_tools", "serve"], env=variables
    )


def started(sandbox: Sandbox) -> list[str]:
    """The tasks that the service was asked to start, and took the call."""
    changes = sandbox.cloud.changes
    return [each.target for each in changes if each.operation == "manage_migration_task"]


def open_port_22(sandbox: Sandbox) -> None:
    for cause in sandbox.cloud.causes.values():
        if "port 22" in cause.name:
            cause.fixed_at = int(sandbox.clock() * 1000)


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    content: dict[str, Any] | None = (await client.call_tool(tool, arguments)).structured_content
    assert content is not None
    return content


@pytest.mark.parametrize("carried_out", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("era", ERAS)
async def test_a_server_killed_in_step_2_and_started_again_does_no_step_twice(
    tmp_path: Path, era: str, carried_out: bool
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SHORTER_WAITS)
    pid_file = tmp_path / "pid"
    sandbox, service = deadly_sandbox(pid_file, carried_out)
    plan: dict[str, Any] = {}
    with anyio.fail_after(LONGEST):
        async with serving(sandbox) as address:
            variables = environment(address, tmp_path)
            process = server(pid_file, variables)
            with suppress(Exception):  # how a client words that its server is gone is its own
                async with Client(process, mode=era, elicitation_callback=Person()) as client:
                    plan = await call(client, "plan_remediation", **FAILED_FOR_PORT_22)
                    open_port_22(sandbox)
                    await call(client, "apply_plan", plan_id=plan["plan_id"])
            assert service.starts == 2, "the server was killed in step 2"
            assert len(started(sandbox)) == (2 if carried_out else 1)

            person = Person()
            async with Client(process, mode=era, elicitation_callback=person) as client:
                answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
            verify = [sys.executable, "-m", "sms_tools", "audit", "--verify"]
            audit = await anyio.run_process(verify, env=variables, check=False)

    assert person.read == [], "the consent to a plan that has begun outlives the process"
    assert [step["result"] for step in answer["steps"]] == ["done and seen"] * 3
    said = [row.get("says") for row in answer["steps"][1]["evidence"]]
    assert ("Its call was made earlier; it is not made again." in said) is carried_out
    assert len(started(sandbox)) == len(set(started(sandbox))) == 3
    assert audit.returncode == 0, audit.stdout


@pytest.mark.parametrize("carried_out", [False, True], ids=["before", "after"])
async def test_a_server_killed_while_it_sets_up_makes_no_second_task(
    tmp_path: Path, carried_out: bool
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SHORTER_WAITS)
    pid_file = tmp_path / "pid"
    creates = "create_migration_task"
    sandbox, service = deadly_sandbox(pid_file, carried_out, "whole-wave", creates)
    rows = [{"server": f"shop-web-0{number}", "template": "shop-web"} for number in (1, 2, 3)]
    plan: dict[str, Any] = {}
    with anyio.fail_after(LONGEST):
        async with serving(sandbox) as address:
            process = server(pid_file, environment(address, tmp_path))
            with suppress(Exception):  # how a client words that its server is gone is its own
                async with Client(process, elicitation_callback=Person()) as client:
                    plan = await call(client, "plan_migration", rows=rows, start=True)
                    await call(client, "apply_plan", plan_id=plan["plan_id"])
            assert service.starts == 2, "the server was killed in step 2"

            person = Person()
            async with Client(process, elicitation_callback=person) as client:
                answer = await call(client, "apply_plan", plan_id=plan["plan_id"])
    assert person.read == [], "the consent to a plan that has begun outlives the process"
    assert {step["result"] for step in answer["steps"]} == {"done and seen"}
    made = [each for each in sandbox.cloud.changes if each.operation == creates]
    assert len([each for each in made if not each.refused]) == len(rows)
    tasks = [task.source.name for task in sandbox.cloud.tasks.values()]
    assert sorted(tasks) == [row["server"] for row in rows]
