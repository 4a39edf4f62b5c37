"""What was done, by whom, and who allowed it: one JSON line per event, chained.

Each line carries the SHA-256 of the line before it, so a changed, removed or inserted line breaks
the chain. The database keeps how many lines there are, where the last one ends and its hash; it
decides. A line is written and synced before the call it tells of is made, and confirmed by the
database right after, so a process that dies in between leaves one line that the database does not
know. The next line follows from the database's head all the same and names the one it passes over;
anything else after the head was not written here, and the check says so. Where several machines
share a state, the lines stand in its database, written with the head in one transaction.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Final

import anyio.to_thread

from sms_tools.errors import SmsToolsError
from sms_tools.moment import Clock
from sms_tools.operation import JSON
from sms_tools.redaction import redact
from sms_tools.state import Database, Row, State, StateError, private_file
from sms_tools.wording import count_of

_FILE: Final = "audit.jsonl"
_START: Final = "0" * 64
_LONGEST: Final = 16_384
"""Characters of arguments that one line keeps."""
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_PASSED: Final = "unconfirmed_line"
"""Under this a line names the one before it, where the database did not know that one."""
_ALWAYS: Final = ("account", "caller", "plan_id", "request_id")
_SCHEMA: Final = (
    "CREATE TABLE audit_head (only_one INTEGER PRIMARY KEY CHECK (only_one = 1),"
    " lines INTEGER NOT NULL, hash TEXT NOT NULL)",
    "ALTER TABLE audit_head ADD COLUMN size INTEGER",
    # Where several machines share a state, no file is everybody's: the lines stand here.
    "CREATE TABLE audit_lines (number INTEGER PRIMARY KEY, line TEXT NOT NULL)",
)


class AuditError(SmsToolsError):
    """A line could not be written; what it was to tell of must not be done."""

    advice = StateError.advice


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the audit as the database knows it: to be kept elsewhere, and compared later."""

    lines: int
    hash: str


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """What a check of the whole chain found. `problems` is empty when all is well."""

    lines: int
    problems: Sequence[str]
    notes: Sequence[str] = ()
    """What may have an innocent cause, such as a process that died while it wrote."""


class Audit:
    """The audit in a state folder. Safe across threads and processes."""

    def __init__(
        self,
        state: State,
        clock: Clock,
        secrets: Sequence[str] | Callable[[], Sequence[str]] = (),
    ) -> None:
        """Write beside *state*'s database; *secrets* never appear in a line."""
        self._state = state
        self._clock = clock
        self._secrets = secrets
        self.path: Path = state.folder / _FILE
        self.listeners: list[Callable[[Mapping[str, JSON]], None]] = []
        """Told of every line that this process writes, once it is safely there."""
        state.prepare("audit", _SCHEMA)

    async def record(self, event: str, /, **facts: JSON) -> None:
        """Append one line: *event* and its *facts*, secrets taken out.

        Every line has ``account``, ``caller``, ``plan_id`` and ``request_id``, null where there
        is none.

        Raises:
            AuditError: the line is not safely on the disk.
        """
        moment = self._clock().astimezone(UTC).isoformat(timespec="milliseconds")
        whole = {**dict.fromkeys(_ALWAYS), **_bounded(facts)}
        secrets = self._secrets() if callable(self._secrets) else self._secrets
        entry = {"time": moment, "event": event, **redact(whole, secrets)}
        try:
            # The transaction is the lock between processes, and keeps the head in step.
            await self._state.write(lambda database: self._append(database, entry))
        except (StateError, ValueError) as error:
            raise AuditError(f"the audit cannot be written: {error}") from error
        for listener in self.listeners:
            listener(entry)

    async def read(
        self, last: int | None = None, account: str | None = None
    ) -> Sequence[Mapping[str, JSON]]:
        """The events, oldest first; only the *last* ones if given. Damaged lines say so.

        With *account*, as lines name it, only those of that account.

        Raises:
            AuditError: the file cannot be read.
        """
        lines = await self._all()
        if account is None:
            lines = lines[-last:] if last else lines
        events = [_parsed(line) or {"event": "damaged line"} for line in lines]
        if account is not None:
            events = [event for event in events if event.get("account") == account]
        return events[-last:] if last else events

    async def head(self) -> Head:
        """How many lines the database knows, and the hash of the last.

        Raises:
            StateError: the database cannot be read.
        """
        row = await self._state.read(_head)
        return Head(row["lines"], row["hash"]) if row else Head(0, _START)

    async def verify(self) -> ChainCheck:
        """Check every line against the one before it, and the end against the database.

        Raises:
            AuditError, StateError: file or database cannot be read.
        """

        def read(database: Database) -> tuple[Row | None, Sequence[bytes]]:
            lines = _kept_lines(database) if self._state.shared else self._lines()
            return _head(database), lines

        try:
            # Nobody writes meanwhile, or a line of this moment would look like a forged one.
            head, lines = await self._state.write(read)
        except StateError:
            head, lines = await self._state.read(read)
        problems, notes, passed = _check_chain(lines)
        wrong, ahead = _check_head(lines, head, passed)
        return ChainCheck(len(lines), [*problems, *wrong], [*notes, *ahead])

    async def _all(self) -> Sequence[bytes]:
        if self._state.shared:
            try:
                return await self._state.read(_kept_lines)
            except StateError as error:
                raise AuditError(f"the audit cannot be read: {error}") from error
        return await anyio.to_thread.run_sync(self._lines)

    def _append(self, database: Database, entry: Mapping[str, JSON]) -> None:
        head = _head(database)
        if self._state.shared:
            previous, known = (head["hash"], head["lines"]) if head else (_START, 0)
            line = _line(entry, previous)
            values = (known + 1, line.decode())
            database.execute("INSERT INTO audit_lines VALUES (?, ?)", values)
            _move_head(database, line, None)
            return
        private_file(self.path)
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | _NO_FOLLOW)
        try:
            known = _end_of(head, self.path)
            size = os.lseek(descriptor, 0, os.SEEK_END)
            beyond = _read(descriptor, known, size)
            if not _ends_a_line(descriptor, size):  # torn: whoever wrote it died over it
                _write(descriptor, b"\n")
                beyond += b"\n"
            passed = {_PASSED: _hash(beyond)} if beyond.count(b"\n") == 1 else {}
            previous = head["hash"] if head else _START
            line = _line({**entry, **passed}, previous)
            _write(descriptor, line)
            size = os.lseek(descriptor, 0, os.SEEK_END)
        finally:
            os.close(descriptor)
        _move_head(database, line, size)

    def _lines(self) -> list[bytes]:
        def opener(path: str, flags: int) -> int:
            return os.open(path, flags | _NO_FOLLOW)

        try:
            with open(self.path, "rb", opener=opener) as file:
                return file.read().splitlines(keepends=True)
        except FileNotFoundError:
            return []
        except OSError as error:
            link = " (a link is not followed)" if self.path.is_symlink() else ""
            raise AuditError(f"the audit cannot be read: {error.strerror}{link}.") from error


def _line(entry: Mapping[str, JSON], previous: str) -> bytes:
    return (json.dumps({**entry, "previous": previous}, ensure_ascii=False) + "\n").encode()


def _kept_lines(database: Database) -> Sequence[bytes]:
    rows = database.execute("SELECT line FROM audit_lines ORDER BY number")
    return [row["line"].encode() for row in rows]


def _move_head(database: Database, line: bytes, size: int | None) -> None:
    """*line* is the last one now, and the file, where there is one, ends at *size*."""
    database.execute(
        "INSERT INTO audit_head (only_one, lines, hash, size) VALUES (1, 1, ?, ?)"
        " ON CONFLICT (only_one) DO UPDATE SET lines = audit_head.lines + 1,"
        " hash = excluded.hash, size = excluded.size",
        (_hash(line), size),
    )


def _head(database: Database) -> Row | None:
    return database.execute("SELECT lines, hash, size FROM audit_head").first


def _end_of(head: Row | None, path: Path) -> int:
    """Where the last line that the database knows ends; the file may end elsewhere."""
    if head is None:
        return 0
    if head["size"] is not None:
        return int(head["size"])
    end = known = 0  # an older version kept no place: it is where the line is
    for line in path.read_bytes().splitlines(keepends=True):
        end += len(line)
        known = end if _hash(line) == head["hash"] else known
    return known or end


def _check_chain(lines: Sequence[bytes]) -> tuple[list[str], list[str], int]:
    """What is wrong with the lines, what is worth a note, and how many were passed over."""
    problems, notes, passed = [], [], 0
    hashes = [_START, _START, *map(_hash, lines)]
    for number, line in enumerate(lines, 1):
        entry, before = _parsed(line), hashes[number]
        if entry is None:
            problems.append(f"line {number} cannot be read")
        elif number > 1 and entry.get(_PASSED) == before:
            passed += 1
            notes.append(_unconfirmed(number - 1))
            if entry.get("previous") != hashes[number - 1]:
                problems.append(f"line {number} does not follow from line {number - 2}")
        elif entry.get("previous") != before:
            problems.append(f"line {number} does not follow from the line before it")
    return problems, notes, passed


def _check_head(
    lines: Sequence[bytes], head: Row | None, passed: int
) -> tuple[Sequence[str], Sequence[str]]:
    """What the database says against the file's end, and what is worth a note."""
    known, last = (head["lines"], head["hash"]) if head else (0, _START)
    written = len(lines) - passed
    if written < known:
        return [f"{known - written} lines are missing"], []
    ends = [_START, *map(_hash, lines)]
    if written == known:
        wrong = "the last line is not the one that was written last"
        return ([] if ends[-1] == last else [wrong]), []
    follows = (_parsed(lines[-1]) or {}).get("previous") in (last, None)
    if written == known + 1 and ends[-2] == last and follows:
        return [], [_unconfirmed(len(lines))]
    extra = count_of(written - known, "line")
    return [f"{extra} at the end not known to the database: not written by sms-tools"], []


def _unconfirmed(number: int) -> str:
    return (
        f"line {number} is not confirmed by the database: a process died while it wrote it, or "
        "it was written by hand"
    )


def _write(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]
    os.fsync(descriptor)


def _ends_a_line(descriptor: int, size: int) -> bool:
    return _read(descriptor, size - 1, size) in (b"", b"\n")


def _read(descriptor: int, start: int, end: int) -> bytes:
    """What stands from *start* to *end*; nothing where there is nothing."""
    if not 0 <= start < end:
        return b""
    os.lseek(descriptor, start, os.SEEK_SET)
    return os.read(descriptor, end - start)


def _bounded(facts: Mapping[str, JSON]) -> dict[str, JSON]:
    """The facts, with arguments that would fill pages replaced by their size and digest."""
    text = json.dumps(facts.get("arguments"), default=str)
    if len(text) <= _LONGEST:
        return dict(facts)
    names = sorted(facts["arguments"]) if isinstance(facts["arguments"], Mapping) else []
    short = {"left_out_characters": len(text), "sha256": _hash(text.encode()), "names": names}
    return {**facts, "arguments": short}


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _parsed(line: bytes) -> Mapping[str, JSON] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
