"""A night of launches: one consent, batches of five, each server's gates read before its launch."""

from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sms_tools.operations import route
from sms_tools.sandbox import Effect, Fault, ManualClock, open_sandbox
from sms_tools.sandbox.model import Cause, Trouble
from sms_tools.sandbox.service import Service
from sms_tools.sandbox.wire import RawRequest, RawResponse, json_response

from .night import Night, call, results

pytestmark = pytest.mark.anyio

MANY, FEW = 40, 10
"""Servers that are ready."""
OF_THE_SOURCE = "SMS.3102"  # the boot image of that very server
GATES = ("get_source_server", "get_migration_task", "get_consistency_results")


@dataclass(slots=True)
class Logged(Service):
    """The sandbox's service, and what arrived at it: the operation and the path."""

    arrived: list[tuple[str, str]] = field(default_factory=list)
    refuses: str = ""
    """What ends the paths that are refused."""

    async def handle(self, request: RawRequest) -> RawResponse:
        found = route(request.method, request.path)
        self.arrived.append((found[0].__spec__.name if found else "", request.path))
        if self.refuses and request.path.endswith(self.refuses):
            return json_response(400, {"error_code": "SMS.9001", "error_msg": "Refused."}, {})
        return await Service.handle(self, request)


@dataclass
class Launches:
    """A night with servers that are ready."""

    night: Night
    service: Logged = field(init=False)

    def begin(self, ready: int) -> None:
        """With so many; six more are not."""
        self.night.clock = ManualClock()
        opened = open_sandbox("cutover-night", ready + 6, clock=self.night.clock, speed=1)
        given = {each.name: getattr(opened.service, each.name) for each in fields(Service)}
        self.service = Logged(**given)
        self.night.sandbox = replace(opened, service=self.service)

    @property
    def launched(self) -> list[str]:
        """The tasks of which a launch was asked for, in that order."""
        return self.night.calls("manage_migration_task")

    async def plan(self, client: Any) -> dict[str, Any]:
        return await call(client, "plan_remediation", goal="cut_over", project="Cutover-Night")

    async def to_its_end(self, client: Any, plan_id: str) -> dict[str, Any]:
        """Until nothing goes on without a new consent."""
        for _ in range(60):
            answer = await call(client, "apply_plan", plan_id=plan_id)
            if "nobody is asked" not in answer["summary"]:
                return answer
        raise AssertionError(answer)

    def trouble(self, task_id: str, code: str) -> None:
        """The launch of this task's server will fail with *code*."""
        source = self.night.sandbox.cloud.tasks[task_id].source
        cause = Cause(f"{code} of {source.name}", None, frozenset())
        source.troubles.append(Trouble("CONFIGURE_LINUX_FILE", 40, code, ("5.10",), cause))


@pytest.fixture
def launches(tmp_path: Path) -> Launches:
    found = Launches(Night(tmp_path / "state", "auto"))
    found.begin(FEW)
    return found


def by_step(plan: dict[str, Any], answer: dict[str, Any]) -> list[str]:
    """What became of each call, in the plan's order; the answer has the worst first."""
    said = {step["step"]: step["result"] for step in answer["steps"]}
    return [said[step["step"]] for step in plan["steps"] if "tool" in step]


def row_of(plan: dict[str, Any], answer: dict[str, Any], place: int) -> str:
    """All that the answer says of the call at this place of the plan."""
    number = [step["step"] for step in plan["steps"] if "tool" in step][place]
    return str([step for step in answer["steps"] if step["step"] == number])


def tasks_of(plan: dict[str, Any]) -> list[str]:
    return [step["arguments"]["task_id"] for step in plan["steps"] if "tool" in step]


async def test_forty_go_in_batches_of_five_each_with_its_own_gates_read_anew(
    launches: Launches,
) -> None:
    launches.begin(MANY)
    night = launches.night
    async with night.client() as client:
        plan = await launches.plan(client)
        launches.service.arrived.clear()
        answer = await launches.to_its_end(client, plan["plan_id"])
    assert answer["status"] == "done"
    assert answer["results"]["done and seen"] == MANY
    assert len(night.asked) == 1
    assert f"To agree, type: launch {MANY}" in night.asked[0]
    order = launches.launched
    assert len(set(order)) == MANY
    log = launches.service.arrived
    acted = [at for at, (name, _) in enumerate(log) if name == "manage_migration_task"]
    assert len(acted) == MANY
    for number, (at, task_id) in enumerate(zip(acted, order, strict=True)):
        source_id = night.sandbox.cloud.tasks[task_id].source.id
        since = log[acted[number - 1] + 1 if number else 0 : at]
        for name in GATES:
            own = source_id if name == "get_source_server" else task_id
            assert any(n == name and own in path for n, path in since), (number, name)
    times = [c.at for c in night.sandbox.cloud.changes if c.operation == "manage_migration_task"]
    for first in range(5, MANY, 5):  # a batch begins when the one before it has ended
        within = max(b - a for a, b in pairwise(times[first - 5 : first]))
        assert times[first] - times[first - 1] > within


async def test_a_server_that_is_not_ready_any_more_is_left_out_and_the_others_go_on(
    launches: Launches,
) -> None:
    async with launches.night.client() as client:
        plan = await launches.plan(client)
        task = launches.night.sandbox.cloud.tasks[tasks_of(plan)[7]]
        options = {"config_key": "EXCLUDE_MIGRATE_PATH", "config_value": "/srv"}

        async def while_waiting(_: float) -> None:
            task.options[:] = [options]  # somebody keeps a path out while the first are launched

        launches.night.during = while_waiting
        answer = await launches.to_its_end(client, plan["plan_id"])
    found = by_step(plan, answer)
    assert found[7] == "skipped"
    assert "/srv" in row_of(plan, answer, 7)
    assert [each for at, each in enumerate(found) if at != 7] == ["done and seen"] * (FEW - 1)
    assert task.id not in launches.launched


async def test_a_failure_of_one_server_alone_is_its_own_and_a_second_one_stops_the_plan(
    launches: Launches,
) -> None:
    async with launches.night.client() as client:
        plan = await launches.plan(client)
        order = tasks_of(plan)
        for number in (2, 8):
            launches.trouble(order[number], OF_THE_SOURCE)
        answer = await launches.to_its_end(client, plan["plan_id"])
    found = by_step(plan, answer)
    assert found[2] == "failed"
    assert found[:2] + found[3:8] == ["done and seen"] * 7, "the others were not held up"
    assert found[8] == "failed"
    assert "stops here" in row_of(plan, answer, 8)
    assert "stops here" not in row_of(plan, answer, 2)
    assert len(launches.launched) == FEW, "the second failed in the last batch"


async def test_a_failure_that_others_may_share_stops_the_plan_at_once(launches: Launches) -> None:
    async with launches.night.client() as client:
        plan = await launches.plan(client)
        order = tasks_of(plan)
        launches.trouble(order[2], "SMS.3805")  # the target's network: not this server's alone
        answer = await launches.to_its_end(client, plan["plan_id"])
    found = by_step(plan, answer)
    assert found[2] == "failed"
    assert "stops here" in row_of(plan, answer, 2)
    assert set(found[5:]) == {"not reached"}
    assert set(launches.launched) <= set(order[:5])


async def test_a_launch_that_the_service_refuses_stops_the_plan_before_the_next_one(
    launches: Launches,
) -> None:
    launches.night.sandbox.faults.add(
        Fault(Effect.REFUSAL, "manage_migration_task", times=1, code="SMS.6526")
    )
    async with launches.night.client() as client:
        plan = await launches.plan(client)
        answer = await launches.to_its_end(client, plan["plan_id"])
    assert results(answer) == ["failed", *["not reached"] * (FEW - 1)]
    assert launches.launched == []


async def test_nothing_is_launched_of_which_the_gates_cannot_be_read(launches: Launches) -> None:
    async with launches.night.client() as client:
        plan = await launches.plan(client)
        order = tasks_of(plan)

        async def while_waiting(_: float) -> None:
            launches.night.sandbox.faults.add(Fault(Effect.STATUS, "get_consistency_results"))

        launches.night.during = while_waiting
        answer = await launches.to_its_end(client, plan["plan_id"])
    found = by_step(plan, answer)
    assert found[:5] == ["done and seen"] * 5
    assert set(found[5:]) <= {"skipped", "not reached"}
    assert set(launches.launched) <= set(order[:5])


async def test_a_server_that_is_gone_by_then_holds_up_no_other(launches: Launches) -> None:
    async with launches.night.client() as client:
        plan = await launches.plan(client)
        order = tasks_of(plan)
        gone = launches.night.sandbox.cloud.tasks[order[5]].source

        async def while_waiting(_: float) -> None:
            launches.night.sandbox.cloud.sources.pop(gone.id, None)

        launches.night.during = while_waiting
        answer = await launches.to_its_end(client, plan["plan_id"])
    found = by_step(plan, answer)
    assert found.pop(5) == "skipped"
    assert set(found) == {"done and seen"}
    assert launches.launched == [each for each in order if each != order[5]]


async def test_a_refused_reading_before_a_launch_ends_the_plan(launches: Launches) -> None:
    async with launches.night.client() as client:
        plan = await launches.plan(client)
        order = tasks_of(plan)
        sixth = launches.night.sandbox.cloud.tasks[order[5]].source

        async def while_waiting(_: float) -> None:
            launches.service.refuses = sixth.id

        launches.night.during = while_waiting
        answer = await launches.to_its_end(client, plan["plan_id"])
    found = by_step(plan, answer)
    assert found[:6] == [*["done and seen"] * 5, "skipped"]
    assert set(found[6:]) == {"not reached"}
    assert launches.launched == order[:5]
