"""Plans and the journal of their steps, in the state's database.

A step is written down as intended before its call is made, and its outcome after. A step that is
found intended without an outcome was interrupted: whether it happened must be read, not assumed.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sms_tools.account import Account
from sms_tools.errors import RequestRefused
from sms_tools.operation import JSON
from sms_tools.remediation.plan import Plan, Result
from sms_tools.state import Database, State

_KEPT_SECONDS: Final = 30 * 24 * 3600
_SCHEMA: Final = (
    "CREATE TABLE plans (id TEXT PRIMARY KEY, expires REAL NOT NULL, body TEXT NOT NULL)",
    """CREATE TABLE plan_steps (
        plan TEXT NOT NULL, number INTEGER NOT NULL, result TEXT, evidence TEXT NOT NULL,
        tried INTEGER NOT NULL, at REAL NOT NULL, PRIMARY KEY (plan, number))""",
    """CREATE TABLE plan_consents (
        plan TEXT PRIMARY KEY, approval TEXT NOT NULL, caller TEXT NOT NULL)""",
)
_PLAN_AGAIN: Final = "plan_remediation makes a new plan from the current state."


@dataclass(frozen=True, slots=True)
class Entry:
    """What the journal says of one step."""

    result: str | None
    """None while the step is intended and its outcome is not known."""
    evidence: Sequence[Mapping[str, JSON]] = field(default_factory=list)
    tried: bool = True
    """Whether its call was made, or about to be made, at any time."""

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do: seen to be done, needless, or never to be seen."""
        final = any(row.get("final") for row in self.evidence)
        return final or self.result in (Result.SEEN, Result.NOT_NEEDED)


class Store:
    """The plans of a state folder."""

    def __init__(self, state: State) -> None:
        """Use *state*'s database."""
        self._state = state
        state.prepare("plans", _SCHEMA)

    async def keep(self, plan: Plan) -> None:
        """Keep *plan*; those that ended a month ago are forgotten."""
        oldest = plan.made_at.timestamp() - _KEPT_SECONDS
        row = (plan.id, plan.expires_at.timestamp(), plan.to_json())

        def keep(database: Database) -> None:
            database.execute(
                "DELETE FROM plan_steps WHERE plan IN (SELECT id FROM plans WHERE expires < ?)",
                (oldest,),
            )
            database.execute(
                "DELETE FROM plan_consents WHERE plan IN (SELECT id FROM plans WHERE expires < ?)",
                (oldest,),
            )
            database.execute("DELETE FROM plans WHERE expires < ?", (oldest,))
            database.execute("INSERT INTO plans VALUES (?, ?, ?)", row)

        await self._state.write(keep)

    async def get(self, plan_id: str, now: datetime, account: Account) -> Plan:
        """The plan of this id, made on *account*.

        Raises:
            RequestRefused: there is none, it is of another account, or its time is over.
            StateError: the plans cannot be read.
        """
        query, wanted = "SELECT body FROM plans WHERE id = ?", plan_id.strip().upper()
        row = (await self._state.read(lambda database: database.execute(query, (wanted,)))).first
        if row is None:
            raise RequestRefused("There is no plan with this id.", advice=_PLAN_AGAIN)
        plan = Plan.from_json(row["body"])
        if plan.account != account.key:
            raise RequestRefused(
                f"Plan {plan.id} was made on another account; this is {account}. Nothing was done.",
                advice="Apply it where it was made, or make one here with plan_remediation.",
            )
        if plan.expires_at <= now:
            raise RequestRefused(
                f"Plan {plan.id} ended on {plan.expires_at:%Y-%m-%d %H:%M} UTC; nothing was done.",
                advice=_PLAN_AGAIN,
            )
        return plan

    async def every(self, account: Account) -> Sequence[Plan]:
        """The plans of *account* that are still kept, oldest first; also those that have ended.

        Raises:
            StateError: the plans cannot be read.
        """
        query = "SELECT body FROM plans ORDER BY expires"
        rows = await self._state.read(lambda database: list(database.execute(query)))
        plans = [Plan.from_json(row["body"]) for row in rows]
        return [plan for plan in plans if plan.account == account.key]

    async def journal(self, plan: Plan) -> dict[int, Entry]:
        """What is written of the steps of *plan*, by number.

        Raises:
            StateError: the journal cannot be read.
        """
        query = "SELECT * FROM plan_steps WHERE plan = ?"
        rows = await self._state.read(lambda database: database.execute(query, (plan.id,)))
        return {
            row["number"]: Entry(row["result"], json.loads(row["evidence"]), bool(row["tried"]))
            for row in rows
        }

    async def begin(self, plan: Plan, approval: str, caller: str) -> None:
        """Write down that *plan* was begun, by whose approval and for which caller."""
        statement = (
            "INSERT INTO plan_consents VALUES (?, ?, ?) ON CONFLICT (plan)"
            " DO UPDATE SET approval = excluded.approval, caller = excluded.caller"
        )
        row = (plan.id, approval, caller)
        await self._state.write(lambda database: database.execute(statement, row))

    async def consent(self, plan: Plan, caller: str) -> str | None:
        """The approval under which *plan* was begun for this *caller*; None without one.

        Raises:
            StateError: it cannot be read.
        """
        query = "SELECT approval FROM plan_consents WHERE plan = ? AND caller = ?"
        row = (
            await self._state.read(lambda database: database.execute(query, (plan.id, caller)))
        ).first
        return str(row["approval"]) if row else None

    async def intend(self, plan: Plan, number: int, at: datetime) -> None:
        """Write down that the call of step *number* is about to be made."""
        await self._write(plan, number, None, [], tried=True, at=at)

    async def conclude(
        self,
        plan: Plan,
        number: int,
        result: str,
        evidence: Sequence[Mapping[str, JSON]],
        *,
        tried: bool,
        at: datetime,
    ) -> None:
        """Write down what became of step *number*."""
        await self._write(plan, number, result, evidence, tried=tried, at=at)

    async def _write(
        self,
        plan: Plan,
        number: int,
        result: str | None,
        evidence: Sequence[Mapping[str, JSON]],
        *,
        tried: bool,
        at: datetime,
    ) -> None:
        row = (plan.id, number, result, json.dumps(list(evidence)), int(tried), at.timestamp())
        statement = (
            "INSERT INTO plan_steps VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (plan, number)"
            " DO UPDATE SET result = excluded.result, evidence = excluded.evidence,"
            " tried = excluded.tried, at = excluded.at"
        )
        await self._state.write(lambda database: database.execute(statement, row))

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Be the only one who applies a plan, in all processes that share the state.

        The lock goes with the process that holds it, however that ends.

        Raises:
            RequestRefused: a plan is being applied already.
            StateError: the lock cannot be had.
        """
        async with self._state.alone("plans") as ours:
            if not ours:
                raise RequestRefused(
                    "A plan is being applied at this moment; one at a time.",
                    advice="Wait for its result, or call apply_plan again in a minute.",
                )
            yield
