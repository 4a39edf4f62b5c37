"""The sheet of a migration: what each row asks for, from CSV as people paste it or from objects.

Every row is read by itself: what is wrong in one is said with its line and column, and hides no
other. A cell and a JSON value of the same meaning give the same wish.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final

from pydantic import ValidationError

from sms_tools.errors import RequestRefused
from sms_tools.operation import JSON
from sms_tools.operations.tasks.progress import RateLimitSetting, SetMigrationRateLimits
from sms_tools.text import one_line

MOST_ROWS: Final = 1_000
"""Rows that are looked at; a plan holds 50 servers."""
COLUMNS: Final = (
    *("server", "template", "vm_id", "target_disks", "network_check", "group", "order", "type"),
    *("syncing", "exclude", "only", "migration_ip", "use_public_ip", "start_target_server"),
    *("project", "limits", "consistency", "consistency_paths", "consistency_mode", "id"),
)
"""What a sheet may have. `project` is the migration project (wave) that the server is in: it tells
servers of one name apart, and a row that names another project is rejected. `id` is the server's
id, as the assessment writes it: it counts where several servers have the row's name."""
_DELIMITERS: Final = ",;\t"
_GUARDED: Final = re.compile(r"'(?=[=+\-@\t\r])")
_LONGEST: Final = 1_024
_CLOCK: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_MOST_LIMIT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, in which column; an empty column is the whole row."""

    column: str
    says: str

    def as_data(self) -> dict[str, JSON]:
        """The problem as it stands in an answer."""
        row: dict[str, JSON] = {"column": self.column} if self.column else {}
        return {**row, "problem": one_line(self.says, 240)}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a row asks for; None is not said."""

    server: str = ""
    template: str | None = None
    vm_id: str | None = None
    target_disks: Sequence[str] = ()
    network_check: bool | None = None
    group: str | None = None
    order: int | None = None
    type: str | None = None
    syncing: bool = True
    exclude: Sequence[str] = ()
    only: Sequence[str] = ()
    migration_ip: str | None = None
    use_public_ip: bool | None = None
    start_target_server: bool | None = None
    project: str | None = None
    limits: Sequence[RateLimitSetting] = ()
    consistency: bool | None = None
    """Whether each copy and synchronisation is verified."""
    consistency_paths: Sequence[str] = ()
    consistency_mode: str | None = None
    id: str | None = None

    @property
    def named(self) -> str:
        """What names the server: its name or address, else its id."""
        return self.server or self.id or ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line in the sheet (the header is 1), what it asks for, what is wrong with it."""

    line: int
    wish: Wish
    problems: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """All rows, and what is to be said of the sheet itself."""

    rows: Sequence[Row]
    notes: Sequence[str] = field(default_factory=tuple)


def sheet_of_rows(
    rows: Sequence[Mapping[str, JSON]], defaults: Mapping[str, JSON] | None = None
) -> Sheet:
    """The sheet that *rows* are, the first on line 2 as if there were a header."""
    notes = _unknown({key for row in rows for key in row})
    return Sheet([_row(2 + n, row, defaults or {}, ()) for n, row in enumerate(rows)], notes)


def sheet_of_csv(text: str, defaults: Mapping[str, JSON] | None = None) -> Sheet:
    """The sheet that a CSV text is: header by name; comma, semicolon or tab; BOM; quotes.

    Raises:
        RequestRefused: there is no header with a column ``server``.
    """
    body = text.lstrip("\ufeff")
    first, _, rest = body.partition("\n")
    if re.fullmatch(r"sep=.\s*", first):
        body = rest  # how a spreadsheet is told its delimiter: no line of the sheet
    head = next((line for line in body.splitlines() if line.strip()), "")
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=_delimiter(head))
    lines = _lines(reader)
    header_line, header = next(lines, (1, []))
    names = [_column(cell) for cell in header]
    if not {"server", "id"}.intersection(names):
        shown = one_line(", ".join(header), 200) or "nothing"
        raise RequestRefused(
            f"The first line has to name the columns, one of them server; it says: {shown}.",
            advice=f"Columns: {', '.join(COLUMNS)}.",
        )
    notes = _unknown(name for name in names if name)
    notes += [
        f"Column {name} occurs more than once; the first one counts."
        for name in dict.fromkeys(names)
        if name and names.count(name) > 1
    ]
    rows = []
    for line, cells in lines:
        given: dict[str, JSON] = {}
        for name, cell in zip(names, cells, strict=False):
            if name and cell.strip():
                given.setdefault(name, _unguarded(cell))
        extra = [cell for cell in cells[len(names) :] if cell.strip()]
        wrong = [Problem("", _too_many(extra))] if extra else []
        rows.append(_row(line - header_line + 1, given, defaults or {}, wrong))
    return Sheet(rows, notes)


def _too_many(extra: Sequence[str]) -> str:
    return (
        f"{len(extra)} more cells than the header has columns, such as “{one_line(extra[0], 40)}”: "
        "a cell that holds the delimiter needs quotation marks."
    )


def _lines(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not empty with the line on which it begins."""
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise RequestRefused(
            f"The sheet cannot be read from line {begins} on: {error}.",
            advice="Look at the quotation marks there; save the sheet as CSV again.",
        ) from error


def _delimiter(head: str) -> str:
    outside = re.sub(r'"[^"]*"', "", head)
    return max(_DELIMITERS, key=outside.count)


def _column(cell: str) -> str:
    return re.sub(r"[\s\-]+", "_", _unguarded(cell).casefold()).strip("_")


def _unguarded(cell: str) -> str:
    """The cell without the sign that keeps a spreadsheet from running it as a formula."""
    text = cell.strip(" \u00a0\r\n")
    return text[1:] if _GUARDED.match(text) else text


def _unknown(names: Iterable[str]) -> list[str]:
    unknown = [name for name in dict.fromkeys(names) if name not in COLUMNS]
    if not unknown:
        return []
    shown = one_line(", ".join(unknown), 200)
    return [f"Unknown columns are ignored: {shown}."]


def _row(
    line: int,
    given: Mapping[str, JSON],
    defaults: Mapping[str, JSON],
    wrong: Sequence[Problem],
) -> Row:
    values: dict[str, Any] = {}
    problems = list(wrong)
    for column, read in _READERS.items():
        value = given.get(column)
        if _is_blank(value):
            value = defaults.get(column)
        if _is_blank(value):
            continue
        try:
            values[column] = read(value)
        except ValueError as error:
            problems.append(Problem(column, f"{_shown(value)}: {error}"))
    named = "server" in values or "id" in values
    if not named and not any(p.column == "server" for p in problems):
        problems.append(Problem("server", "missing: name, address or id of the source server"))
    return Row(line, Wish(**values), problems)


def _is_blank(value: JSON) -> bool:
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


def _shown(value: JSON) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"“{one_line(text, 60)}”"


def _text(value: JSON) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("is no text")
    text = str(value).strip()
    if len(text) > _LONGEST:
        raise ValueError(f"is longer than {_LONGEST} characters")
    return text


def _word(value: JSON) -> str:
    text = _text(value)
    if not re.fullmatch(r"[\w.\-]{1,64}", text, re.ASCII):
        raise ValueError("is not a word that the service knows, such as a mode of its console")
    return text


_YES: Final = frozenset({"true", "yes", "y", "1", "on", "x"})
_NO: Final = frozenset({"false", "no", "n", "0", "off"})


def _flag(value: JSON) -> bool:
    if isinstance(value, bool):
        return value
    word = _text(value).casefold()
    if word in _YES or word in _NO:
        return word in _YES
    raise ValueError("is neither true nor false")


def _number(value: JSON) -> int:
    text = _text(value)
    if not re.fullmatch(r"\d{1,4}", text, re.ASCII):
        raise ValueError("is not a whole number from 0 to 9999")
    return int(text)


def _list(value: JSON) -> tuple[str, ...]:
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError("is not a list; separate several by |") from None
    parts = value if isinstance(value, list) else _text(value).split("|")
    return tuple(part for part in (_text(each) for each in parts) if part)


def _paths(value: JSON) -> tuple[str, ...]:
    paths = _list(value)
    for path in paths:
        if not (path.startswith("/") or re.match(r"[A-Za-z]:\\", path)):
            raise ValueError("is not an absolute path, such as /var/cache or D:\\data")
        if "," in path or "\n" in path:
            raise ValueError("a path with a comma cannot be set as an option")
    if len(",".join(paths)) > _LONGEST:
        raise ValueError(f"the paths are longer than {_LONGEST} characters together")
    return paths


_TYPES: Final = {
    "migrate_file": "MIGRATE_FILE",
    "file": "MIGRATE_FILE",
    "migrate_block": "MIGRATE_BLOCK",
    "block": "MIGRATE_BLOCK",
}


def _type(value: JSON) -> str:
    found = _TYPES.get(_text(value).casefold())
    if found is None:
        raise ValueError("is neither MIGRATE_FILE nor MIGRATE_BLOCK")
    return found


def _address(value: JSON) -> str:
    text = _text(value)
    try:
        ip_address(text)
    except ValueError:
        raise ValueError("is no IP address") from None
    return text


def _limits(value: JSON) -> tuple[RateLimitSetting, ...]:
    """``08:00-20:00=20;20:00-08:00=100`` in Mbit/s, or segments as set_migration_rate_limits."""
    rows: list[Mapping[str, JSON]] = []
    if isinstance(value, str) and not value.lstrip().startswith("["):
        for part in filter(None, (piece.strip() for piece in re.split(r"[;|]", value))):
            rows += _segment(part)
    else:
        found = _parsed(value)
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise ValueError("limits look like 08:00-20:00=20;20:00-08:00=100, in Mbit/s")
        rows = found
    try:
        checked = SetMigrationRateLimits.model_validate({"task_id": "t", "speed_limit": rows})
    except ValidationError as error:
        raise ValueError(one_line(str(error.errors()[0]["msg"]), 200)) from None
    if any(each.speed == 0 for each in checked.speed_limit):
        raise ValueError("0 means no limit at all: leave that time out instead")
    return tuple(checked.speed_limit)


def _parsed(value: JSON) -> JSON:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return None


def _segment(part: str) -> list[Mapping[str, JSON]]:
    span, equals, speed = part.partition("=")
    start, dash, end = (piece.strip() for piece in span.partition("-"))
    number = speed.strip().casefold().removesuffix("mbit/s").strip()
    if not (equals and dash and _CLOCK.fullmatch(start) and re.fullmatch(r"24:00|[\d:]+", end)):
        raise ValueError("limits look like 08:00-20:00=20;20:00-08:00=100, in Mbit/s")
    if not re.fullmatch(r"\d{1,5}", number, re.ASCII) or int(number) > _MOST_LIMIT:
        raise ValueError(f"a limit is a whole number of Mbit/s up to {_MOST_LIMIT:,}")
    end = "23:59" if end == "24:00" else end
    if not _CLOCK.fullmatch(end):
        raise ValueError("a time of day is HH:MM")
    whole = {"speed": int(number)}
    if _minutes(end) > _minutes(start):
        return [{"start": start, "end": end, **whole}]
    before: Mapping[str, JSON] = {"start": start, "end": "23:59", **whole}
    if _minutes(end) == 0:
        return [before]
    return [before, {"start": "00:00", "end": end, **whole}]


def _minutes(time: str) -> int:
    hours, _, minutes = time.partition(":")
    return int(hours) * 60 + int(minutes)


_READERS: Final[Mapping[str, Callable[[JSON], Any]]] = {
    "server": _text,
    "template": _text,
    "vm_id": _text,
    "target_disks": _list,
    "network_check": _flag,
    "group": _text,
    "order": _number,
    "type": _type,
    "syncing": _flag,
    "exclude": _paths,
    "only": _paths,
    "migration_ip": _address,
    "use_public_ip": _flag,
    "start_target_server": _flag,
    "project": _text,
    "limits": _limits,
    "consistency": _flag,
    "consistency_paths": _paths,
    "consistency_mode": _word,
    "id": _text,
}
