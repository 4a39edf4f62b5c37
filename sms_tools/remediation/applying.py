"""Carrying out a plan, step by step: read, stop at drift, act once, verify with a read.

Whoever applies the plan brings the way to act, so that the guard's policy holds for every single
call and the audit knows of it. A step is journalled as intended before its call: one that was
interrupted is looked at first, and its call is made only if nothing has come of it.

One run takes no longer than a client waits. What is left then goes on in the next run, under the
consent already given; a step that failed does not: that takes a person again.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sms_tools.errors import ServiceUnreachable, SmsToolsError
from sms_tools.fleet.desk import Desk
from sms_tools.guard.subject import HANGS, Target
from sms_tools.knowledge import explain
from sms_tools.knowledge.facts import NETWORK_EVENT_CODES
from sms_tools.operation import JSON, Operation
from sms_tools.redaction import redact
from sms_tools.remediation.cutover import closed
from sms_tools.remediation.looking import Verdict, drift, forbidden, judge
from sms_tools.remediation.patience import (
    BUDGET,
    ENDED,
    LAST_BEGINNING,
    LAST_POLLS,
    POLLS,
    SETTINGS,
    SETTLE,
    Patience,
)
from sms_tools.remediation.plan import Plan, Result, Step
from sms_tools.remediation.recreating import no_longer_fits
from sms_tools.remediation.showing import Shown, moved, show
from sms_tools.remediation.store import Entry, Store
from sms_tools.remediation.witness import (
    NEW_TASK,
    asked_for,
    evidence_of,
    is_a_refusal,
    result_of,
    saying,
    words_of,
)
from sms_tools.text import one_line
from sms_tools.wording import iso

Act = Callable[[Step, Operation[Any], Sequence[Target]], Awaitable[str | None]]
"""Makes one call through the guard, on targets with the names of now; gives why it was held back,
or None when it was made."""
Note = Callable[[Step, str], Awaitable[None]]
"""Writes into the audit what became of a step."""

Outcome = tuple[str, Sequence[Mapping[str, JSON]]]


@dataclass
class Application:
    """One run of a plan."""

    plan: Plan
    store: Store
    desk: Desk
    act: Act
    note: Note
    only: Collection[int] | None = None
    """The steps that the consent of an earlier run covers; None where a person has just agreed."""
    began: float = 0.0
    """When this run began, in the desk's `elapsed`: the person's time to answer is not in it."""
    entries: dict[int, Entry] = field(default_factory=dict)
    stopped: str = ""
    """Why no further step is begun."""
    _made: set[int] = field(default_factory=set)
    """The steps whose calls this run has made: not those of an earlier one."""
    _patience: Patience = field(init=False)

    def __post_init__(self) -> None:
        self._patience = Patience(self.desk, self.began)

    async def run(self) -> Mapping[int, Entry]:
        """Do what is left of the plan; gives what became of every call, by its number.

        Raises:
            RequestRefused: a plan is being applied at this moment.
        """
        async with self.store.alone():
            self.entries = await self.store.journal(self.plan)
            calls = self.plan.calls
            for done, step in enumerate(calls):
                if self._patience.left < BUDGET - LAST_BEGINNING:
                    break
                await self._report(done, f"step {step.number}: {step.tool} on {step.server}")
                entry = self.entries.get(step.number)
                if (entry is None or not entry.is_over) and self._is_covered(step):
                    with self.desk.within(max(self._patience.left, 0)) as scope:
                        await self._step(step, entry)
                    if scope.cancelled_caught:
                        await self._cut_off(step)
                        return self.entries
            with self.desk.within(max(self._patience.left, 0)):
                await self._look_again()
            await self._report(len(calls), "all steps have been worked through")
        return self.entries

    async def _cut_off(self, step: Step) -> None:
        """The time was over while *step* was under way: what was sent is never sent again."""
        self.entries = await self.store.journal(self.plan)
        entry = self.entries.get(step.number)
        if entry is not None and entry.tried and entry.result is None:
            says = "Its call was begun, and there was no answer within the time of one run."
            cut: Mapping[str, JSON] = {"says": says, "cut": True}
            await self._conclude(step, Result.NOT_SEEN, [cut], entry)

    def _is_covered(self, step: Step) -> bool:
        return self.only is None or step.number in self.only

    async def _step(self, step: Step, entry: Entry | None) -> None:
        if self.stopped:
            await self._conclude(step, Result.NOT_REACHED, [saying(self.stopped)], entry)
            return
        if self._is_needless(step):
            says = f"Step {step.unless} was accepted, so there is nothing to pause for."
            await self._conclude(step, Result.NOT_NEEDED, [saying(says)], entry)
            return
        if says := await self._not_yet(step):
            await self._conclude(step, Result.NOT_REACHED, [saying(says)], entry)
            return
        try:
            result, evidence = await self._tried(self._resolved(step), entry)
        except SmsToolsError as error:
            # Nothing was sent: this is the reading before the call.
            result, evidence = Result.SKIPPED, [words_of(error)]
        if self.plan.stops_at_failure and not self._is_its_own(step, result, evidence):
            self.stopped = f"Step {step.number} {result}; this plan stops there."
            evidence = [*evidence, {"says": "The plan stops here.", "stops": True}]
        await self._conclude(step, result, evidence, entry)

    def _is_its_own(self, step: Step, result: str, evidence: Sequence[Mapping[str, JSON]]) -> bool:
        """Whether what became of *step* says nothing about the servers that follow."""
        if result == Result.SKIPPED:
            # What was read about this server held it back; nothing was tried.
            return not any("error_code" in row or "unknown" in row for row in evidence)
        if result != Result.FAILED:
            return True
        before = [e for n, e in self.entries.items() if n != step.number]
        codes = [str(row["value"]) for row in evidence if row.get("field") == "error code"]
        on_the_source = [
            code
            for code in codes
            if explain(code).actor == "source" and code not in NETWORK_EVENT_CODES
        ]
        return bool(on_the_source) and not any(e.result == Result.FAILED for e in before)

    def _is_needless(self, step: Step) -> bool:
        first = self.entries.get(step.unless) if step.unless else None
        return first is not None and first.result in (Result.SEEN, Result.NOT_SEEN)

    async def _not_yet(self, step: Step) -> str:
        """Why *step* is not reached; empty where all that it waits for is done."""
        waits = await self._awaited(step)
        if self.stopped:  # what was waited for has failed
            return self.stopped
        return f"Step {waits} is not seen to be done." if waits else ""

    async def _awaited(self, step: Step) -> int | None:
        """The first step that must be seen to be done before *step*, and is not."""
        for number in step.after:
            earlier = next((each for each in self.plan.calls if each.number == number), None)
            if earlier is None:
                continue  # a person's work
            await self._catch_up(earlier)
            entry = self.entries.get(number)
            if entry is None or not entry.is_over:
                return number
        if step.unless and not self._has_ended(step.unless):
            return step.unless
        for earlier in self.plan.calls:
            if 0 < earlier.batch < step.batch:
                await self._catch_up(earlier)
                if not self._has_ended(earlier.number):
                    return earlier.number
        return None

    def _has_ended(self, number: int) -> bool:
        """Whether nothing of a step still goes on: it is done, or this server is out of it."""
        entry = self.entries.get(number)
        ended = (Result.FAILED, Result.SKIPPED)
        return entry is not None and (entry.is_over or entry.result in ended)

    async def _catch_up(self, step: Step) -> None:
        """Look after a call that was made, until it is seen what came of it."""
        entry = self.entries.get(step.number)
        if entry is None or entry.result != Result.NOT_SEEN:
            return
        await self._report(len(self.plan.calls), f"looking again at {step.server}")
        own = self._resolved(step)
        verdict, found = await self._patience.wait(own, LAST_POLLS.get(step.wanted, ()))
        if found.is_known:
            said = [row for row in entry.evidence if "says" in row]
            result = result_of(verdict)
            _, begun = asked_for(said)
            evidence = [*said, *evidence_of(own, found, begun)]
            if self.plan.stops_at_failure and not self._is_its_own(step, result, evidence):
                self.stopped = f"Step {step.number} {result}; this plan stops there."
                evidence.append({"says": "The plan stops here.", "stops": True})
            await self._conclude(step, result, evidence, entry)

    def _resolved(self, step: Step) -> Step:
        """*step* with the id of the task that an earlier step has created."""
        if step.task_of is None:
            return step
        created = self.entries.get(step.task_of)
        rows = created.evidence if created else ()
        ids = [str(row["value"]) for row in rows if row.get("field") == NEW_TASK]
        if not ids:
            return step
        before = replace(step.before, task_id=ids[-1]) if step.before else None
        return replace(step.on_task(ids[-1]), before=before, task_of=None)

    async def _tried(self, step: Step, entry: Entry | None) -> Outcome:
        found = await self._patience.look(step)
        if entry is not None and entry.tried:
            verdict, found = await self._patience.wait(step, POLLS, found)
            if verdict == "not_yet" and found.is_known and any("cut" in e for e in entry.evidence):
                says = "Nothing has come of its call; it takes a person to make it again."
                return Result.FAILED, [saying(says), *evidence_of(step, found)]
            if verdict != "not_yet" or entry.result == Result.NOT_SEEN:
                before = "Its call was made earlier; it is not made again."
                kept, begun = asked_for(entry.evidence)
                return result_of(verdict), [*kept, saying(before), *evidence_of(step, found, begun)]
        elif judge(step, found) == "seen" and drift(step.before, found):
            return Result.SKIPPED, [saying("Already in the wanted state."), *found.evidence()]
        if why := drift(step.before, found) or forbidden(step, found):
            return Result.SKIPPED, [saying(why), *found.evidence()]
        shown = (await show(self.desk, [step])).get(step.number, Shown(None, "It is not read."))
        if why := await self._held_back(step, shown):
            return Result.SKIPPED, [saying(why), *found.evidence()]
        return await self._called(step, shown.preview.targets if shown.preview else ())

    async def _held_back(self, step: Step, shown: Shown) -> str | None:
        """Why what was agreed to does not hold any more; None if it does."""
        if shown.preview is None:
            return shown.why
        if why := moved(step, shown) or shown.preview.impossible:
            return why
        if shown.launch != step.launch:
            return (
                f"Whether it launches was expected to be {step.launch!r}; it is {shown.launch!r}."
            )
        if step.launch == "now" and closed(step, shown):
            return one_line("; ".join(shown.lines(HANGS)), 400)
        return await no_longer_fits(self.plan, step, self.desk)

    async def _called(self, step: Step, targets: Sequence[Target]) -> Outcome:
        """Make the call, once, and look what comes of it."""
        now = self.desk.now()
        await self.store.intend(self.plan, step.number, now)
        first: list[Mapping[str, JSON]] = []
        if step.wanted == "measured":
            first = [{"says": f"Asked for at {iso(now)}.", "since": now.timestamp()}]
        try:
            held = await self.act(step, step.operation, targets)
        except SmsToolsError as error:
            first = [*first, words_of(error)]
            if not (isinstance(error, ServiceUnreachable) and error.outcome_unknown):
                if self._has_another_way(step) and is_a_refusal(error):
                    says = "The service refuses it for now; the steps after it do it another way."
                    return Result.NOT_NEEDED, [*first, saying(says)]
                return Result.FAILED, first
        else:
            if held is not None:
                return Result.SKIPPED, [saying(held)]
        # The launches of one batch go on side by side.
        enough: Collection[Verdict] = ("seen", "failed", "underway") if step.batch else ENDED
        pauses = SETTINGS.get(step.wanted, POLLS)
        verdict, found = await self._patience.wait(step, pauses, enough=enough)
        if first and verdict == "not_yet":
            return Result.FAILED, [*first, *found.evidence()]
        return result_of(verdict), [*first, *evidence_of(step, found)]

    def _has_another_way(self, step: Step) -> bool:
        return any(each.unless == step.number for each in self.plan.calls)

    async def _look_again(self) -> None:
        """At the end: is it still so, and has become true what took its time?"""
        open_steps = [step for step in self.plan.calls if self._may_change(step)]
        settling = [step for step in open_steps if self._settles(step)]
        late = [s for s in open_steps if self.entries[s.number].result == Result.NOT_SEEN]
        if settling and self._patience.left >= SETTLE:
            await self.desk.sleep(SETTLE)
            for step in settling:
                await self._settled(step)
        elif settling:
            for step in settling:
                says = "It runs; whether it still does half a minute later remains to be checked."
                await self._conclude(
                    step, Result.NOT_SEEN, [saying(says)], self.entries[step.number]
                )
        for step in late:
            await self._catch_up(step)

    async def _settled(self, step: Step) -> None:
        entry = self.entries[step.number]
        own = self._resolved(step)
        verdict, found = await self._patience.wait(own, ())
        if found.is_known:
            said = [row for row in entry.evidence if "says" in row]
            await self._conclude(step, result_of(verdict), [*said, *evidence_of(own, found)], entry)

    def _settles(self, step: Step) -> bool:
        """Whether *step* has started a task in this run, which can fail again at once."""
        seen = self.entries[step.number].result == Result.SEEN
        return seen and step.wanted == "running" and step.number in self._made

    def _may_change(self, step: Step) -> bool:
        """Whether *step* was done and no later step has changed what it had brought about."""
        if step.number not in self.entries:
            return False
        later = [each for each in self.plan.calls if each.number > step.number]
        return not any(
            each.source_id == step.source_id
            and each.number in self.entries
            and self.entries[each.number].tried
            for each in later
        )

    async def _conclude(
        self,
        step: Step,
        result: str,
        evidence: Sequence[Mapping[str, JSON]],
        entry: Entry | None,
    ) -> None:
        evidence = redact(list(evidence), self.desk.api.secret_values())  # it is kept as it is
        held = result in (Result.NOT_REACHED, Result.SKIPPED, Result.NOT_NEEDED)
        tried = bool(entry and entry.tried) if held else True
        if held and entry is not None and entry.result == Result.NOT_SEEN:
            result = Result.NOT_SEEN  # its call was made; that must not be forgotten
        if entry is None or not entry.tried:
            self._made.add(step.number)
        await self.store.conclude(
            self.plan, step.number, result, evidence, tried=tried, at=self.desk.now()
        )
        self.entries[step.number] = Entry(result, list(evidence), tried)
        await self.note(step, result)

    async def _report(self, done: int, message: str) -> None:
        await self.desk.report(done, len(self.plan.calls), message)
