"""Carrying out a plan, step by step: read, stop at drift, act once, verify with a read.

Whoever applies the plan brings the way to act, so that the guard's policy holds for every single
call and the audit knows of it. A step is journalled as intended before its call: one that was
interrupted is looked at first, and its call is made only if nothing has come of it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sms_tools.errors import ServiceError, ServiceUnreachable, SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.operation import JSON, Operation
from sms_tools.remediation.cutover import gates, not_ready
from sms_tools.remediation.looking import Facts, Verdict, drift, forbidden, judge, look
from sms_tools.remediation.plan import Plan, Result, Step
from sms_tools.remediation.store import Entry, Store
from sms_tools.text import one_line

Act = Callable[[Step, Operation[Any]], Awaitable[str | None]]
"""Makes one call through the guard; gives why it was held back, or None when it was made."""
Note = Callable[[Step, str], Awaitable[None]]
"""Writes into the audit what became of a step."""

POLLS: Final = (2.0, 5.0, 10.0, 15.0, 30.0)
"""Seconds between the looks after a call."""
SETTLE: Final = 30.0
"""Seconds that started tasks are given before they are looked at once more."""
LAST_POLLS: Final[Mapping[str, Sequence[float]]] = {
    "launched": (30.0,) * 20,
    "cloned": (30.0,) * 20,
    "task_gone": (15.0,) * 8,
    "paused": (15.0,) * 8,
    "running": (30.0,) * 2,
    "rebuilt": (30.0,) * 2,
}
"""Seconds between the looks at the end of a plan, where something still goes on."""

Outcome = tuple[str, Sequence[Mapping[str, JSON]]]


@dataclass
class Application:
    """One run of a plan."""

    plan: Plan
    store: Store
    desk: Desk
    act: Act
    note: Note
    entries: dict[int, Entry] = field(default_factory=dict)
    stopped: str = ""
    """Why no further step is begun."""

    async def run(self) -> Mapping[int, Entry]:
        """Do what is left of the plan; gives what became of every call, by its number.

        Raises:
            RequestRefused: a plan is being applied at this moment.
        """
        with self.store.alone():
            self.entries = await self.store.journal(self.plan)
            calls = self.plan.calls
            for done, step in enumerate(calls):
                await self._report(done, f"step {step.number}: {step.tool} on {step.server}")
                entry = self.entries.get(step.number)
                if entry is None or not entry.is_over:
                    await self._step(step, entry)
            await self._look_again()
            await self._report(len(calls), "all steps have been gone through")
        return self.entries

    async def _step(self, step: Step, entry: Entry | None) -> None:
        if self.stopped:
            await self._conclude(step, Result.NOT_REACHED, [_said(self.stopped)], entry)
            return
        if waits := self._unfinished(step):
            says = f"Step {waits} is not seen to be done."
            await self._conclude(step, Result.NOT_REACHED, [_said(says)], entry)
            return
        try:
            result, evidence = await self._tried(step, entry)
        except SmsToolsError as error:
            # Nothing was sent: this is the reading before the call.
            result, evidence = Result.SKIPPED, [_words(error)]
        await self._conclude(step, result, evidence, entry)
        if self.plan.stops_at_failure and result in (Result.FAILED, Result.SKIPPED):
            self.stopped = f"Step {step.number} {result}; this plan stops there."

    def _unfinished(self, step: Step) -> int | None:
        """The first step that must be seen to be done before *step*, and is not."""
        calls = {each.number for each in self.plan.calls}
        for number in step.after:
            entry = self.entries.get(number)
            if number in calls and (entry is None or not entry.is_over):
                return number
        return None

    async def _tried(self, step: Step, entry: Entry | None) -> Outcome:
        facts = await self._look(step)
        if entry is not None and entry.tried:
            verdict, facts = await self._wait(step, POLLS, facts)
            if verdict != "not_yet" or entry.result == Result.NOT_SEEN:
                before = "Its call was made earlier; it is not made again."
                return _result(verdict), [_said(before), *facts.evidence()]
        elif judge(step, facts) == "seen" and drift(step.before, facts):
            return Result.SKIPPED, [_said("It is so already."), *facts.evidence()]
        if why := drift(step.before, facts) or forbidden(step, facts):
            return Result.SKIPPED, [_said(why), *facts.evidence()]
        if step.wanted == "launched" and facts.server is not None:
            closed = not_ready(await gates(self.desk, facts.server))
            if closed:
                return Result.SKIPPED, [_said(closed), *facts.evidence()]
        return await self._called(step)

    async def _called(self, step: Step) -> Outcome:
        """Make the call, once, and look what comes of it."""
        await self.store.intend(self.plan, step.number, self.desk.now())
        first: list[Mapping[str, JSON]] = []
        try:
            held = await self.act(step, step.operation)
        except SmsToolsError as error:
            first = [_words(error)]
            if not (isinstance(error, ServiceUnreachable) and error.outcome_unknown):
                return Result.FAILED, first
        else:
            if held is not None:
                return Result.SKIPPED, [_said(held)]
        verdict, facts = await self._wait(step, POLLS)
        if first and verdict == "not_yet":
            return Result.FAILED, [*first, *facts.evidence()]
        return _result(verdict), [*first, *facts.evidence()]

    async def _wait(
        self, step: Step, pauses: Sequence[float], facts: Facts | None = None
    ) -> tuple[Verdict, Facts]:
        """Look until what was wanted is seen, has failed, or *pauses* are used up."""
        facts = facts or await self._look_or_unknown(step)
        for pause in pauses:
            verdict = judge(step, facts)
            if verdict in ("seen", "failed"):
                return verdict, facts
            await self.desk.sleep(pause)
            facts = await self._look_or_unknown(step)
        return judge(step, facts), facts

    async def _look(self, step: Step) -> Facts:
        return await look(self.desk.api, step, self.desk.now())

    async def _look_or_unknown(self, step: Step) -> Facts:
        """What is there now; where it cannot be read after a call, nothing is claimed."""
        try:
            return await self._look(step)
        except SmsToolsError:
            return Facts(self.desk.now())

    async def _look_again(self) -> None:
        """At the end: is it still so, and has become true what took its time?"""
        open_steps = [step for step in self.plan.calls if not self._was_followed(step)]
        settling = [step for step in open_steps if self._settles(step)]
        late = [s for s in open_steps if self.entries[s.number].result == Result.NOT_SEEN]
        if settling:
            await self.desk.sleep(SETTLE)
        for step in (*settling, *late):
            await self._report(len(self.plan.calls), f"looking again at {step.server}")
            pauses = () if step in settling else LAST_POLLS.get(step.wanted, ())
            verdict, facts = await self._wait(step, pauses)
            if facts.server is not None or not facts.there:
                entry = self.entries[step.number]
                said = [row for row in entry.evidence if "says" in row]
                await self._conclude(step, _result(verdict), [*said, *facts.evidence()], entry)

    def _settles(self, step: Step) -> bool:
        """Whether *step* has started a task, which can fail again at once."""
        over = self.entries[step.number].is_over
        return over and step.wanted in ("running", "rebuilt")

    def _was_followed(self, step: Step) -> bool:
        """Whether a later step has changed what *step* had brought about."""
        return any(
            later.source_id == step.source_id and self.entries[later.number].tried
            for later in self.plan.calls
            if later.number > step.number
        )

    async def _conclude(
        self,
        step: Step,
        result: str,
        evidence: Sequence[Mapping[str, JSON]],
        entry: Entry | None,
    ) -> None:
        held = result in (Result.NOT_REACHED, Result.SKIPPED)
        tried = bool(entry and entry.tried) if held else True
        if held and entry is not None and entry.result == Result.NOT_SEEN:
            result = Result.NOT_SEEN  # its call was made; that must not be forgotten
        await self.store.conclude(
            self.plan, step.number, result, evidence, tried=tried, at=self.desk.now()
        )
        self.entries[step.number] = Entry(result, list(evidence), tried)
        await self.note(step, result)

    async def _report(self, done: int, message: str) -> None:
        await self.desk.report(done, len(self.plan.calls), message)


def left(plan: Plan, entries: Mapping[int, Entry]) -> Sequence[Step]:
    """The calls of *plan* that are not seen to be done."""
    return [
        step
        for step in plan.calls
        if step.number not in entries or not entries[step.number].is_over
    ]


def _result(verdict: Verdict) -> str:
    if verdict == "seen":
        return Result.SEEN
    return Result.FAILED if verdict == "failed" else Result.NOT_SEEN


def _said(text: str) -> dict[str, JSON]:
    return {"says": text}


def _words(error: SmsToolsError) -> dict[str, JSON]:
    """What the service said, in its own words."""
    said: dict[str, JSON] = {"says": one_line(str(error), 400)}
    if isinstance(error, ServiceError):
        said |= {"error_code": error.code, "request_id": error.request_id}
    if isinstance(error, ServiceUnreachable) and error.outcome_unknown:
        said["unknown"] = "whether the service has carried it out"
    return {key: value for key, value in said.items() if value}
