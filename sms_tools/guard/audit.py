"""What was done, by whom, and who allowed it: one JSON line per event, chained.

Each line carries the SHA-256 of the line before it, so a changed, removed or inserted line breaks
the chain. The database keeps how many lines there are and the hash of the last, so a cut-off tail
shows as well. A line is written and synced before the call it tells of is made.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
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

_FILE: Final = "audit.jsonl"
_START: Final = "0" * 64
_LONGEST: Final = 16_384
"""Characters of arguments that one line keeps."""
_SCHEMA: Final = (
    "CREATE TABLE audit_head (only_one INTEGER PRIMARY KEY CHECK (only_one = 1),"
    " lines INTEGER NOT NULL, hash TEXT NOT NULL)",
)


class AuditError(SmsToolsError):
    """A line could not be written; what it was to tell of must not be done."""

    advice = StateError.advice


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of the whole chain found. `problems` is empty when all is well."""

    lines: int
    problems: Sequence[str]


class Audit:
    """The audit in a state folder. Safe across threads and processes."""

    def __init__(self, state: State, clock: Clock, secrets: Sequence[str] = ()) -> None:
        """Write beside *state*'s database; *secrets* never appear in a line."""
        self._state = state
        self._clock = clock
        self._secrets = tuple(secrets)
        self.path: Path = state.folder / _FILE
        state.prepare("audit", _SCHEMA)

    async def record(self, event: str, /, **facts: JSON) -> None:
        """Append one line: *event* and its *facts*, secrets taken out.

        Raises:
            AuditError: the line is not safely on the disk.
        """
        moment = self._clock().astimezone(UTC).isoformat(timespec="milliseconds")
        entry = {"time": moment, "event": event, **redact(_bounded(facts), self._secrets)}

        def record(database: Database) -> None:
            # The transaction is the lock between processes, and keeps the head in step.
            with self._open() as descriptor:
                previous = _last_hash(descriptor)
                line = json.dumps({**entry, "previous": previous}, ensure_ascii=False) + "\n"
                _append(descriptor, line.encode())
                database.execute(
                    "INSERT INTO audit_head VALUES (1, 1, ?) ON CONFLICT (only_one)"
                    " DO UPDATE SET lines = audit_head.lines + 1, hash = excluded.hash",
                    (_hash(line.encode()),),
                )

        try:
            await self._state.write(record)
        except (StateError, ValueError) as error:
            raise AuditError(f"the audit cannot be written: {error}") from error

    async def read(self, last: int | None = None) -> Sequence[Mapping[str, JSON]]:
        """The events, oldest first; only the *last* ones if given. Damaged lines say so."""
        lines = await anyio.to_thread.run_sync(self._lines)
        chosen = lines[-last:] if last else lines
        return [_parsed(line) or {"event": "damaged line"} for line in chosen]

    async def verify(self) -> Verification:
        """Check every line against the one before it, and the end against the database."""

        def read(database: Database) -> tuple[Sequence[bytes], Row | None]:
            head = database.execute("SELECT lines, hash FROM audit_head").first
            return self._lines(), head

        lines, head = await self._state.read(read)
        problems = []
        previous = _START
        for number, line in enumerate(lines, 1):
            entry = _parsed(line)
            if entry is None:
                problems.append(f"line {number} cannot be read")
            elif entry.get("previous") != previous:
                problems.append(f"line {number} does not follow from the line before it")
            previous = _hash(line)
        problems += _check_head(lines, head)
        return Verification(len(lines), problems)

    def _lines(self) -> list[bytes]:
        try:
            return self.path.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise AuditError(f"the audit cannot be read: {error.strerror}") from error

    @contextlib.contextmanager
    def _open(self) -> Iterator[int]:
        private_file(self.path)
        flags = os.O_RDWR | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self.path, flags)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _check_head(lines: Sequence[bytes], head: Row | None) -> Sequence[str]:
    if head is None:
        return ["the file has lines that the database knows nothing of"] if lines else []
    if len(lines) < head["lines"]:
        return [f"{head['lines'] - len(lines)} lines are missing"]
    # A crash between the line and the commit leaves one line more than the head knows.
    if head["hash"] not in {_hash(line) for line in lines[head["lines"] - 1 :]}:
        return ["the last line is not the one that was written last"]
    return []


def _append(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]
    os.fsync(descriptor)


def _last_hash(descriptor: int) -> str:
    """The hash of the file's last line; a torn last line is ended first."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    tail = b""
    position = end
    while position > 0 and tail.rstrip(b"\n").count(b"\n") == 0:
        step = min(65_536, position)
        position -= step
        os.lseek(descriptor, position, os.SEEK_SET)
        tail = os.read(descriptor, step) + tail
    if not tail:
        return _START
    if not tail.endswith(b"\n"):
        _append(descriptor, b"\n")
        tail += b"\n"
    return _hash(tail.splitlines(keepends=True)[-1])


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
