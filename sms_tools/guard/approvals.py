"""Who said yes to what: approvals that are asked for, given, and used once.

An approval is bound to a caller, a tool and its exact arguments, and to the state that was shown.
It lives ten minutes from the moment it was first shown. The rows live in the state's database, so
that a page, a command and several servers see the same, and a restart loses nothing.
"""

import json
import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

from sms_tools.canonical import short_id
from sms_tools.guard.audit import Audit
from sms_tools.guard.caller import Caller
from sms_tools.guard.people import Person, Terms
from sms_tools.guard.subject import Preview, Subject
from sms_tools.guard.timekeeping import TimedState
from sms_tools.moment import Clock
from sms_tools.operation import JSON, Kind
from sms_tools.state import Database, Row, State

LIFETIME: Final = timedelta(minutes=10)
DISMISSED: Final = "dialog dismissed"
_KEPT: Final = timedelta(days=1)

_SCHEMA: Final = (
    """CREATE TABLE approvals (
        id TEXT PRIMARY KEY, token TEXT UNIQUE NOT NULL, caller TEXT NOT NULL, tool TEXT NOT NULL,
        kind TEXT NOT NULL, digest TEXT NOT NULL, arguments TEXT NOT NULL, preview TEXT NOT NULL,
        created REAL NOT NULL, expires REAL NOT NULL, status TEXT NOT NULL, how TEXT)""",
    "CREATE INDEX approvals_by_call ON approvals (caller, tool, digest, status)",
    """CREATE TABLE deliveries (
        id TEXT PRIMARY KEY, token TEXT UNIQUE NOT NULL, tool TEXT NOT NULL, origin TEXT NOT NULL,
        expires REAL NOT NULL)""",
    "ALTER TABLE approvals ADD COLUMN caller_key TEXT",
    "ALTER TABLE approvals ADD COLUMN decided REAL",
    "CREATE INDEX approvals_by_caller ON approvals (caller_key, tool, digest, status)",
    "ALTER TABLE deliveries ADD COLUMN proof TEXT",
    "ALTER TABLE approvals ADD COLUMN terms TEXT",
    "ALTER TABLE approvals ADD COLUMN decided_by TEXT",
)


class Status(StrEnum):
    """Where an approval stands. Used and closed are final; a no can become a yes in its time."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    USED = "used"
    CLOSED = "closed"


_ANSWERABLE: Final = (Status.PENDING, Status.APPROVED, Status.DENIED)


class Verdict(StrEnum):
    """What became of a person's answer."""

    APPROVED = "approved"
    WRONG_TEXT = "wrong_text"
    TOO_LATE = "too_late"
    DENIED = "denied"
    NOT_ALLOWED = "not_allowed"
    """It has to be somebody else's yes, or somebody's who says who they are."""


@dataclass(frozen=True, slots=True)
class Approval:
    """One call that waits, or waited, for a person."""

    id: str
    token: str
    """The unguessable part of its link. Whoever holds it sees the preview."""
    caller: str
    """Who asked, in a person's words: clean and bounded."""
    tool: str
    kind: Kind
    arguments: JSON
    """Without secrets, for showing."""
    preview: Preview
    created_at: datetime
    expires_at: datetime
    status: Status
    how: str | None
    """Where it was decided: ``dialog``, ``page`` or ``command``."""
    decided_at: datetime | None = None
    """When a person said yes or no."""
    terms: Terms = field(default_factory=Terms)
    """Whose yes it needs."""
    decided_by: str | None = None
    """Who said yes, where that was proved."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where a secret waits for a person. The secret itself is never written down."""

    id: str
    token: str
    tool: str
    origin: str
    expires_at: datetime
    proof: str
    """Known to whoever can read the state alone, and in no result: the command's way to it."""


class Approvals:
    """The approvals in a state's database."""

    def __init__(self, state: State, clock: Clock, audit: Audit | None = None) -> None:
        """Use *state*; *clock* gives the time with its zone; *audit* is told if it goes back."""
        self._state = TimedState(state, clock, _end_all, audit, component="approvals")
        self._clock: Clock = self._state.now
        state.prepare("approvals", _SCHEMA)

    async def current(self, subject: Subject, caller: Caller) -> Approval | None:
        """The approval of this very call that is pending, approved or denied and not yet over."""
        return await self._state.read(lambda database: self._current(database, subject, caller))

    async def ask(
        self, subject: Subject, caller: Caller, preview: Preview, terms: Terms | None = None
    ) -> Approval:
        """The pending approval of this call: the one there is, or a new one with *preview*."""

        def ask(database: Database) -> Approval:
            now = self._now()
            database.execute(
                "DELETE FROM approvals WHERE expires < ?", ((now - _KEPT.total_seconds()),)
            )
            if (found := self._current(database, subject, caller)) is not None:
                return found
            approval_id = short_id()
            row = (
                approval_id,
                secrets.token_urlsafe(32),
                str(caller),
                caller.key,
                subject.tool,
                str(subject.kind),
                subject.arguments_digest,
                json.dumps(subject.shown_arguments, ensure_ascii=False),
                json.dumps(
                    replace(preview, typed=preview.typed or approval_id).to_dict(),
                    ensure_ascii=False,
                ),
                now,
                now + LIFETIME.total_seconds(),
                str(Status.PENDING),
                json.dumps(asdict(terms or Terms())),
            )
            database.execute(
                "INSERT INTO approvals (id, token, caller, caller_key, tool, kind, digest,"
                " arguments, preview, created, expires, status, terms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            return _approval(_rows_of(database, "id", row[0])[0])

        return await self._state.write(ask)

    async def approve(
        self, approval_id: str, typed: str | None, how: str, by: Person | None = None
    ) -> Verdict:
        """Record that a person agreed, if what they typed says so; a no of theirs gives way.

        *by* is who it was, where they proved it.
        """

        def approve(database: Database) -> Verdict:
            approval = self._open(database, approval_id)
            if approval is None:
                return Verdict.TOO_LATE
            if approval.status is Status.DENIED and how == "dialog":
                return Verdict.TOO_LATE  # a dialog is the client's: it cannot take a no back
            if approval.terms.fault(by):
                return Verdict.NOT_ALLOWED
            if not is_consent(approval.preview, typed):
                return Verdict.WRONG_TEXT
            _set(database, approval_id, Status.APPROVED, how, self._now())
            database.execute(
                "UPDATE approvals SET decided_by = ? WHERE id = ?",
                (by.name if by else None, approval_id),
            )
            return Verdict.APPROVED

        return await self._state.write(approve)

    async def deny(self, approval_id: str, how: str) -> Verdict:
        """Record that a person said no; an approval not yet used is taken back.

        The no holds for ten minutes, in which the same call is not put before them again. They
        themselves can still say yes, on the page or with the command.
        """

        def deny(database: Database) -> Verdict:
            approval = self._open(database, approval_id)
            if approval is None:
                return Verdict.TOO_LATE
            if approval.status is not Status.DENIED:
                now = self._now()
                _set(database, approval_id, Status.DENIED, how, now)
                database.execute(
                    "UPDATE approvals SET expires = ? WHERE id = ?",
                    (now + LIFETIME.total_seconds(), approval_id),
                )
            return Verdict.DENIED

        return await self._state.write(deny)

    async def claim(self, approval_id: str) -> bool:
        """Use an approval. True for exactly one of all who try, and only in time."""

        def claim(database: Database) -> bool:
            tried = database.execute(
                "UPDATE approvals SET status = ? WHERE id = ? AND status = ? AND expires > ?",
                (str(Status.USED), approval_id, str(Status.APPROVED), self._now()),
            )
            return tried.changed == 1

        return await self._state.write(claim)

    async def close(self, approval_id: str, how: str | None = None) -> None:
        """End an approval that must not be used any more."""
        statement = (
            "UPDATE approvals SET status = ?, how = coalesce(?, how) WHERE id = ? AND status != ?"
        )
        values = (str(Status.CLOSED), how, approval_id, str(Status.USED))
        await self._state.write(lambda database: database.execute(statement, values))

    async def dialog_was_dismissed(self, subject: Subject, caller: Caller) -> bool:
        """Whether a dialog about this very call was closed unanswered in the last ten minutes."""
        query = (
            "SELECT 1 FROM approvals WHERE caller_key = ? AND tool = ? AND digest = ?"
            " AND status = ? AND how = ? AND expires > ?"
        )
        values = (
            caller.key,
            subject.tool,
            subject.arguments_digest,
            str(Status.CLOSED),
            DISMISSED,
            self._now(),
        )
        return bool(await self._state.read(lambda database: database.execute(query, values)))

    async def waiting(self) -> Sequence[Approval]:
        """The approvals that wait for a person, oldest first."""
        query = "SELECT * FROM approvals WHERE status = ? AND expires > ? ORDER BY created"
        values = (str(Status.PENDING), self._now())
        rows = await self._state.read(lambda database: database.execute(query, values))
        return [_approval(row) for row in rows]

    async def waiting_for(self, caller: Caller) -> tuple[int, int]:
        """How many requests wait for a person: of *caller*, and in all."""
        query = (
            "SELECT caller_key, count(*) AS waiting FROM approvals"
            " WHERE status = ? AND expires > ? GROUP BY caller_key"
        )
        values = (str(Status.PENDING), self._now())
        rows = await self._state.read(lambda database: database.execute(query, values))
        counts = {row["caller_key"]: int(row["waiting"]) for row in rows}
        return counts.get(caller.key, 0), sum(counts.values())

    async def tally(self) -> Mapping[str, int]:
        """How many requests of the last days have come to what, those without an end by now too."""
        query = (
            "SELECT CASE WHEN status IN ('pending', 'approved') AND expires <= ? THEN 'expired'"
            " ELSE status END AS outcome, count(*) AS requests FROM approvals GROUP BY 1"
        )
        values = (self._now(),)
        rows = await self._state.read(lambda database: database.execute(query, values))
        return {row["outcome"]: int(row["requests"]) for row in rows}

    async def get(self, approval_id: str) -> Approval | None:
        """The approval with this id, whatever became of it; ids are read without regard to case."""
        return await self._find("id", approval_id.strip().upper())

    async def by_token(self, token: str) -> Approval | None:
        """The approval whose link carries *token*."""
        return await self._find("token", token)

    def now(self) -> datetime:
        """The time by which approvals end."""
        return self._clock()

    def is_over(self, approval: Approval) -> bool:
        """Whether *approval* has come to its end without being used."""
        return approval.expires_at <= self._clock()

    async def announce_delivery(self, delivery_id: str, tool: str, origin: str) -> Delivery:
        """Note where a secret can be fetched: not the secret, only the way to it."""

        def announce(database: Database) -> Delivery:
            now = self._now()
            database.execute("DELETE FROM deliveries WHERE expires < ?", (now,))
            expires = now + LIFETIME.total_seconds()
            token, proof = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
            database.execute(
                "INSERT INTO deliveries (id, token, tool, origin, expires, proof)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
                " token = excluded.token, tool = excluded.tool, origin = excluded.origin,"
                " expires = excluded.expires, proof = excluded.proof",
                (delivery_id, token, tool, origin, expires, proof),
            )
            return Delivery(delivery_id, token, tool, origin, _time(expires), proof)

        return await self._state.write(announce)

    async def delivery(
        self, *, delivery_id: str | None = None, token: str | None = None
    ) -> Delivery | None:
        """The delivery with this id or token that is not yet over."""
        query = "SELECT * FROM deliveries WHERE (id = ? OR token = ?) AND expires > ?"
        values = (delivery_id, token, self._now())
        rows = await self._state.read(lambda database: database.execute(query, values))
        row = rows.first
        if row is None:
            return None
        return Delivery(
            id=row["id"],
            token=row["token"],
            tool=row["tool"],
            origin=row["origin"],
            expires_at=_time(row["expires"]),
            proof=row["proof"] or secrets.token_urlsafe(32),
        )

    def _now(self) -> float:
        return self._clock().timestamp()

    async def _find(self, column: Literal["id", "token"], value: str) -> Approval | None:
        rows = await self._state.read(lambda database: _rows_of(database, column, value))
        return _approval(rows[0]) if rows else None

    def _current(self, database: Database, subject: Subject, caller: Caller) -> Approval | None:
        rows = database.execute(
            "SELECT * FROM approvals WHERE caller_key = ? AND tool = ? AND digest = ?"
            " AND status IN ('pending', 'approved', 'denied') AND expires > ? ORDER BY created",
            (caller.key, subject.tool, subject.arguments_digest, self._now()),
        )
        return _approval(rows[0]) if rows else None

    def _open(self, database: Database, approval_id: str) -> Approval | None:
        """The approval, if a person can still say something about it."""
        rows = _rows_of(database, "id", approval_id)
        approval = _approval(rows[0]) if rows else None
        if approval is None or self.is_over(approval):
            return None
        return approval if approval.status in _ANSWERABLE else None


def is_consent(preview: Preview, typed: str | None) -> bool:
    """Whether *typed* is what the preview asks to type, spaces around it and Unicode forms aside.

    Case counts: ``web-01`` and ``WEB-01`` can be two servers.
    """
    if typed is None or not preview.typed:
        return False
    return _normal(typed) == _normal(preview.typed)


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _rows_of(database: Database, column: Literal["id", "token"], value: str) -> Sequence[Row]:
    # `column` is one of our own two words, never input.
    return database.execute(f"SELECT * FROM approvals WHERE {column} = ?", (value,))  # noqa: S608


def _end_all(database: Database, now: float) -> None:
    """End whatever is open or remembered: the clock was set back to *now*."""
    database.execute(
        "UPDATE approvals SET status = ?, how = ? WHERE status NOT IN (?, ?)",
        (str(Status.CLOSED), "clock set back", str(Status.USED), str(Status.CLOSED)),
    )
    database.execute("UPDATE approvals SET expires = ? WHERE expires > ?", (now, now))
    database.execute("DELETE FROM deliveries")


def _set(database: Database, approval_id: str, status: Status, how: str, now: float) -> None:
    database.execute(
        "UPDATE approvals SET status = ?, how = ?, decided = ? WHERE id = ?",
        (str(status), how, now, approval_id),
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _approval(row: Row) -> Approval:
    return Approval(
        id=row["id"],
        token=row["token"],
        caller=row["caller"],
        tool=row["tool"],
        kind=Kind(row["kind"]),
        arguments=json.loads(row["arguments"]),
        preview=Preview.from_dict(json.loads(row["preview"])),
        created_at=_time(row["created"]),
        expires_at=_time(row["expires"]),
        status=Status(row["status"]),
        how=row["how"],
        decided_at=_time(row["decided"]) if row["decided"] else None,
        terms=Terms(**json.loads(row["terms"])) if row["terms"] else Terms(),
        decided_by=row["decided_by"],
    )
