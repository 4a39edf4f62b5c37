"""``plan_migration``: tasks for many servers, from rows or from a sheet as people paste it.

The plan creates each task without starting it, sets its limits and options, and starts it only
where that was asked for. It is kept, shown, approved, applied and taken up again like any other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final

from pydantic import Field

from sms_tools.canonical import short_id
from sms_tools.diagnosis.answer import CONCISE_BYTES, Action, Draft, compact_bytes, iso
from sms_tools.diagnosis.question import Question
from sms_tools.errors import RequestRefused
from sms_tools.fleet.desk import Desk
from sms_tools.fleet.effect import effect_of_creation
from sms_tools.fleet.grouping import Group, Grouping
from sms_tools.fleet.reading import Fleet, read_fleet
from sms_tools.fleet.server import Server
from sms_tools.knowledge.facts import TEMPORARY_DISK_GB
from sms_tools.operation import JSON, Kind
from sms_tools.operations.common import JsonObject
from sms_tools.operations.options import ConfigureMigrationOptions, OptionSetting
from sms_tools.operations.tasks import ManageMigrationTask, SetMigrationRateLimits
from sms_tools.redaction import redact
from sms_tools.remediation.consent import MIGRATE
from sms_tools.remediation.placed import Placed
from sms_tools.remediation.plan import Before, Plan, Step
from sms_tools.remediation.planning import LIFETIME, bill_of, show_calls
from sms_tools.remediation.rows import place_rows, read_world
from sms_tools.remediation.sheet import (
    MOST_ROWS,
    Problem,
    Sheet,
    Wish,
    sheet_of_csv,
    sheet_of_rows,
)
from sms_tools.remediation.store import Store
from sms_tools.remediation.writing import Words, Writer
from sms_tools.text import one_line
from sms_tools.wording import count_of, listed, named

_MOST: Final = 50
_LONGEST_SHEET: Final = 500_000
_SHOWN_STEPS: Final = 3
_NO_TASK: Final = Before(phases=("waiting",), task_id=None)
_NOT_STARTED: Final = Before(phases=("waiting",), task_id="")
"""Of the new task, whose id is known when it is there."""

_CREATE: Final = Words(
    does="Creates the task without starting it.",
    verified_by="get_source_server: it has a task.",
    undo="Deleting the task.",
)
_LIMITS: Final = Words(
    does="Sets the hourly rate limits; the hours are the source's local time.",
    verified_by="get_migration_rate_limits: these segments and no others.",
    undo="Setting other segments.",
)
_OPTIONS: Final = Words(
    does="Sets which paths the task leaves out, synchronises alone or verifies.",
    verified_by="get_migration_options: these values.",
    undo="Setting other values.",
)
_VERIFIED: Final = "get_migration_task: the task runs."


class PlanMigration(Question):
    """Set up many servers at once (in bulk): plan up to 50 migration tasks from a list or a pasted
    CSV (Excel) sheet (批量创建任务, 表格导入). Per row planned, or rejected with what is wrong, by
    line and column. Steps: create, limits, options, and start only with start. Changes nothing;
    show the plan, then apply_plan. Columns: server, template (or vm_id, target_disks,
    migration_ip), type, syncing (default true), limits (08:00-20:00=20;20:00-08:00=100), exclude,
    only, consistency_paths (several: |), consistency, consistency_mode, project (the wave it is
    in), group, order (1 first), network_check, use_public_ip, start_target_server.
    """

    rows: Annotated[
        list[JsonObject] | None,
        Field(max_length=MOST_ROWS, description="One object per server; keys as the columns."),
    ] = None
    csv: Annotated[
        str | None, Field(max_length=_LONGEST_SHEET, description="Instead: text with a header.")
    ] = None
    defaults: Annotated[JsonObject | None, Field(description="For cells that are left empty.")] = (
        None
    )
    start: Annotated[bool, Field(description="Start the tasks too.")] = False

    async def answer(self, desk: Desk) -> dict[str, Any]:
        """The plan, kept for a day under its ``plan_id``, and the verdict on every row.

        Raises:
            RequestRefused: there are no rows, or no header.
            SmsToolsError: the servers could not be read.
            StateError: the plan or the groups of its rows could not be kept.
        """
        sheet = self._sheet()
        fleet = await read_fleet(desk, fresh=True)
        world = await read_world(desk, fleet, sheet)
        placed = await place_rows(desk, world, sheet, start=self.start)
        write = Writer(fleet.observed_at, most=_MOST)
        placed = _written(placed, write, start=self.start)
        await show_calls(desk, write, by_name=True)
        placed = _as_shown(placed, write)
        made = Plan(
            id=f"P{short_id()}",
            goal=MIGRATE,
            made_at=desk.now(),
            expires_at=desk.now() + LIFETIME,
            steps=tuple(write.steps),
            stops_at_failure=False,
            first=tuple(write.first),
            account=desk.api.settings.account.key,
            asked={"start": self.start},
        ).without(desk.api.secret_values())
        if made.calls:
            await Store(desk.state).keep(made)
        await Grouping(desk).keep(_groups(placed, desk.api.secret_values()))
        return _told(fleet, made, placed, sheet.notes, world.gaps)

    def _sheet(self) -> Sheet:
        has_csv = self.csv is not None and bool(self.csv.strip())
        if has_csv and self.rows:
            raise RequestRefused(
                "Give the servers once: as rows, or as csv.",
                advice="csv is the text of a sheet whose first line names the columns.",
            )
        if not has_csv:
            return sheet_of_rows(self.rows or [], self.defaults)
        sheet = sheet_of_csv(self.csv or "", self.defaults)
        if not sheet.rows:
            raise RequestRefused("The sheet has a header but no rows.")
        if len(sheet.rows) > MOST_ROWS:
            raise RequestRefused(
                f"The sheet has {len(sheet.rows):,} rows; at most {MOST_ROWS:,} are read.",
                advice="Plan wave by wave.",
            )
        return sheet


def _written(placed: Sequence[Placed], write: Writer, *, start: bool) -> Sequence[Placed]:
    """The steps of all rows that are planned, in the rows' own order; a full plan says so."""
    ordered = sorted(placed, key=lambda each: (each.row.wish.order is None, _order(each)))
    done: dict[int, Placed] = {}
    for each in ordered:
        server = each.server
        if each.problems or server is None:
            done[each.row.line] = each
        elif write.has_room_for(server):
            _steps(each, server, write, start=start)
            done[each.row.line] = each
        else:
            says = f"left for a later plan: this one is full with {_MOST} servers"
            done[each.row.line] = replace(each, problems=[Problem("", says)])
    _say_first(list(done.values()), write, start=start)
    return [done[each.row.line] for each in placed]


def _groups(placed: Sequence[Placed], secrets: Sequence[str]) -> Mapping[str, Group]:
    """What the rows say of who belongs together and who goes first, in the plan or not."""
    found = {}
    for each in placed:
        wish = each.row.wish
        if each.server and (wish.group or wish.order is not None):
            name = one_line(redact(wish.group, secrets), 80) if wish.group else None
            found[each.server.id] = Group(name, wish.order)
    return found


def _order(placed: Placed) -> int:
    return placed.row.wish.order or 0


def _steps(placed: Placed, server: Server, write: Writer, *, start: bool) -> None:
    if placed.task is None:
        begin = ManageMigrationTask(task_id=placed.starts_task or "", operation="start")
        words = Words("Starts the task that is there.", _VERIFIED, "stop pauses it.")
        write.call(begin, server, "running", words)
        return
    wish = placed.row.wish
    created = write.call(placed.task, server, "created", _CREATE, before=_NO_TASK)
    task_id, after = f"new-task-of-step-{created}", created
    more: dict[str, Any] = {"before": _NOT_STARTED, "task_of": created}
    if wish.limits:
        setting = SetMigrationRateLimits(task_id=task_id, speed_limit=list(wish.limits))
        after = write.call(setting, server, "limits", _LIMITS, after=(after,), **more)
    if options := _options(wish):
        putting = ConfigureMigrationOptions(task_id=task_id, configurations=options)
        words = replace(_OPTIONS, loses=_left_out(wish.exclude, wish.only))
        after = write.call(putting, server, "options", words, after=(after,), **more)
    if start:
        effect = effect_of_creation(
            starts=True, syncing=wish.syncing, existing_target=bool(wish.vm_id)
        )
        begin = ManageMigrationTask(task_id=task_id, operation="start")
        words = _start_words(placed, server)
        write.call(begin, server, "running", words, after=(after,), launch=effect.launch, **more)
        if effect.launches:
            write.first.append(f"{server.name}: {effect.words()}")


def _options(wish: Wish) -> list[OptionSetting]:
    pairs: dict[str, str] = {}
    if wish.exclude:
        excluded = ",".join(wish.exclude)
        pairs |= dict.fromkeys(("EXCLUDE_MIGRATE_PATH", "SYNC_EXCLUDE_PATH"), excluded)
    if wish.only:
        pairs["ONLY_SYNC_PATH"] = ",".join(wish.only)
    if wish.consistency_paths:
        pairs["CONSISTENCY_DIR"] = ",".join(wish.consistency_paths)
    if wish.consistency_mode:
        pairs["CONSISTENCY_MODE"] = wish.consistency_mode
    return [OptionSetting(config_key=key, config_value=value) for key, value in pairs.items()]


def _left_out(exclude: Sequence[str], only: Sequence[str]) -> str:
    says = []
    if exclude:
        says.append(f"Not copied, and missing on the target: {', '.join(exclude)}.")
    if only:
        says.append(f"Only this is synchronised after the first copy: {', '.join(only)}.")
    return " ".join(says)


def _start_words(placed: Placed, server: Server) -> Words:
    wish = placed.row.wish
    if wish.vm_id:
        return Words(
            does="Starts the new task: the existing target is formatted first.",
            verified_by=_VERIFIED,
            undo="Nothing brings back what was on the target's disks.",
            loses=f"ALL DATA on the {count_of(len(wish.target_disks), 'disk')} of ECS "
            f"{wish.vm_id}: they are formatted and partitioned again.",
            costs=f"A temporary {TEMPORARY_DISK_GB} GB disk until the end.",
        )
    name = named(placed.template.name if placed.template else None, server.name)
    return Words(
        does="Starts the new task: the target is made and the copy begins.",
        verified_by=_VERIFIED,
        undo="stop pauses it; what was made stays billed until somebody deletes it.",
        costs=f"A target ECS with its disks made from template {name}, and a temporary "
        f"{TEMPORARY_DISK_GB} GB disk, are billed from then on.",
    )


def _say_first(placed: Sequence[Placed], write: Writer, *, start: bool) -> None:
    planned = [each for each in placed if each.server and not each.problems]
    existing = [each for each in planned if each.row.wish.vm_id]
    if start and existing:
        write.first.append(
            f"The disks of {count_of(len(existing), 'existing ECS', 'existing ECSs')} are ERASED "
            "when their tasks start."
        )
    if existing:
        write.preconditions.append(
            "Of an existing ECS a person has checked system, firmware and disks: no read here "
            "gives them."
        )
    launching = [each for each in planned if not each.row.wish.syncing and each.task]
    if launching and not start:
        write.first.append(
            f"{count_of(len(launching), 'task')} with syncing=false: once started, each LAUNCHES "
            "its target automatically when the copy ends."
        )


def _as_shown(placed: Sequence[Placed], write: Writer) -> Sequence[Placed]:
    """Rows whose server fell out of the plan when its calls were to be shown say why."""
    why = {row["server"]["id"]: str(row["why"]) for row in write.left_out}
    return [
        replace(each, problems=[Problem("", why[each.server.id])])
        if each.server and not each.problems and each.server.id in why
        else each
        for each in placed
    ]


def _told(
    fleet: Fleet,
    made: Plan,
    placed: Sequence[Placed],
    notes: Sequence[str],
    gaps: Sequence[str],
) -> dict[str, Any]:
    rejected = [each for each in placed if each.problems]
    planned = [each for each in placed if not each.problems]
    draft = Draft(
        summary=_summary(made, planned, rejected),
        observed_at=fleet.observed_at,
        data={"goal": made.goal, "plan_id": made.id if made.calls else None},
        notes=notes,
        incomplete=[*fleet.incomplete, *gaps],
    )
    if made.calls:
        draft.data |= {"digest": made.digest, "expires_at": iso(made.expires_at)}
        why = "once the person has seen it: one approval"
        draft.actions = [Action("apply_plan", {"plan_id": made.id}, why, Kind.DESTRUCTIVE)]
    if made.first:
        draft.data["say_first"] = list(made.first[:8])
    draft.data["planned"], draft.data["rejected"] = len(planned), len(rejected)
    draft.data["by_tool"] = _by_tool(made)
    addressed = {p.template.id for p in planned if p.template and p.template.publicip}
    if billed := bill_of(made, [each for each in addressed if each]).brief:
        draft.data["billed"] = billed
    how = "all planned"
    rows = [each.as_data() for each in [*rejected, *planned]]
    shown = draft.part("rows", rows, MOST_ROWS, how)
    listing = draft.lists[-1]
    listing.keep = len(rows)
    draft.data["rows"] = shown
    steps = [_brief(step) for step in made.steps[:_SHOWN_STEPS]]
    how = "in the dialog"
    draft.data["steps"] = draft.part("steps", steps, _SHOWN_STEPS, how)
    draft.lists[-1].total = len(made.steps)
    told = draft.fit()
    if compact_bytes(told) > CONCISE_BYTES:  # what is wrong goes before what is right
        listing.keep = min(len(rows), len(rejected) + 1)
        told = draft.fit()
    return told


def _brief(step: Step) -> Mapping[str, JSON]:
    """A step without its arguments: the dialog has them all."""
    shown = step.shown()
    return {key: shown[key] for key in ("step", "tool", "server", "does", "after") if key in shown}


def _by_tool(made: Plan) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for step in made.calls:
        name = "start" if step.wanted == "running" else step.tool
        counts[name] = counts.get(name, 0) + 1
    return counts


def _summary(made: Plan, planned: Sequence[Placed], rejected: Sequence[Placed]) -> str:
    if not planned and not rejected:
        return "Nothing is planned: give the servers as rows, or as csv with a header."
    parts = [f"{count_of(len(planned), 'row')} planned", f"{len(rejected)} rejected"]
    says = f"{listed(parts)}."
    if made.calls:
        says += (
            f" Plan {made.id}: {count_of(len(made.calls), 'call')}. Nothing has been changed yet."
        )
        starts = _by_tool(made).get("start", 0)
        says += f" It STARTS {count_of(starts, 'task')}." if starts else " It starts nothing."
    return says
