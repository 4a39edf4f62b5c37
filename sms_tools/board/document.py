"""The board's data: a picture as compact JSON of at most a megabyte.

Rows are lists under named columns, most urgent first; times are epoch seconds. Where the whole does
not fit, rows lose their rates, then the last rows go; what went is said under ``left_out``.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sms_tools.board.rates import Window, rates_in, window_of
from sms_tools.diagnosis.causes import Group
from sms_tools.diagnosis.course import whole_eta
from sms_tools.diagnosis.eta import Eta, NoEta
from sms_tools.diagnosis.overview import bytes_of
from sms_tools.diagnosis.picture import Picture, Subject
from sms_tools.fleet.gates import Gates
from sms_tools.knowledge import PHASES
from sms_tools.text import one_line

MOST_BYTES: Final = 1_000_000
COLUMNS: Final = (
    *("name", "id", "phase", "needs", "offline", "step", "step_percent", "done", "total"),
    *("rate", "rates", "earliest", "latest", "confidence", "no_estimate", "fit"),
    *("verification", "verified_at", "wave", "code", "why"),
)
"""What a row holds, in this order. ``done`` and ``total`` are MiB; ``rate`` is Mbit/s;
``rates`` is one character for each piece of the window: 0 to 9 and a to z of the peak, a dot where
nobody looked. Null is always *not known*.
"""
_LONGEST_NAME: Final = 64
_GATES: Final = {"pass": "p", "fail": "f", "unknown": "u"}
_GROUPS: Final = 60
_GATE_ROWS: Final = 1_000
_MEBIBYTE: Final = 2**20


def document_of(picture: Picture) -> dict[str, Any]:
    """The document of *picture*, within :data:`MOST_BYTES` as compact JSON."""
    window = window_of([each.samples for each in picture.subjects], picture.observed_at)
    rows = [_row(each, picture.deadline, window) for each in picture.subjects]
    left_out: list[str] = []
    document = {
        "version": 1,
        "tool": picture.tool,
        "read_at": _seconds(picture.observed_at),
        "deadline": _seconds(picture.deadline) if picture.deadline else None,
        **_totals(picture),
        "window": [_seconds(window.begin), _seconds(window.end)] if window else None,
        "groups": [_group(each) for each in picture.groups[:_GROUPS]],
        "gates": _gates(picture),
        "launch": picture.launch,
        "gaps": [*picture.fleet.incomplete, *picture.gaps],
        "columns": list(COLUMNS),
        "rows": rows,
        "left_out": left_out,
    }
    _fit(document, rows, left_out)
    return document


def _fit(document: dict[str, Any], rows: list[list[Any]], left_out: list[str]) -> None:
    """Shorten *rows* until the document fits, and say so."""
    if (excess := _bytes(document) - MOST_BYTES + 500) <= 500:
        return
    place = COLUMNS.index("rates")
    without = [row for row in rows if row[place] is not None]
    for row in without:
        excess -= len(row[place]) - 2
        row[place] = None
    left_out.append(f"the rates over time of {len(without)} servers: the board has no room for all")
    gone = 0
    while excess > 0 and rows:
        excess -= _bytes(rows.pop()) + 1
        gone += 1
    if gone:
        left_out.append(f"{gone} servers, the least urgent: name a project or servers to see them")


def _bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _totals(picture: Picture) -> dict[str, Any]:
    fleet = picture.fleet
    phases = dict.fromkeys(PHASES, 0)
    for server in fleet.servers:
        phases[server.phase] += 1
    copied = bytes_of(fleet.servers)
    whole = whole_eta(picture.progress.courses) if picture.progress else NoEta("not read")
    return {
        "project": one_line(fleet.project.name or "", 60) if fleet.project else None,
        "count": fleet.count,
        "phases": {phase: count for phase, count in phases.items() if count},
        "done": copied.done // _MEBIBYTE if copied.counted else None,
        "total": copied.total // _MEBIBYTE if copied.counted else None,
        "counted": copied.counted,
        "estimate": [
            _seconds(whole.earliest) if whole.earliest else None,
            _seconds(whole.latest),
            whole.confidence,
        ]
        if isinstance(whole, Eta)
        else None,
        "no_estimate": whole.reason if isinstance(whole, NoEta) else None,
    }


def _row(subject: Subject, deadline: datetime | None, window: Window | None) -> list[Any]:
    server, course = subject.server, subject.course
    step = server.step
    eta = course.eta if course else None
    found = subject.consistency
    known = isinstance(eta, Eta)
    done = server.done_bytes
    values: dict[str, Any] = {
        "name": one_line(server.name, _LONGEST_NAME),
        "id": server.id,
        "phase": server.phase,
        "needs": subject.needs,
        "offline": 1 if server.offline else 0 if server.connected else None,
        "step": one_line(server.step_name, 40) if server.step_name else None,
        "step_percent": step.progress if step else None,
        "done": None if done is None else done // _MEBIBYTE,
        "total": -(-server.total_bytes // _MEBIBYTE) if server.total_bytes else None,
        "rate": course.rate_mbit_s if course else None,
        "rates": rates_in(subject.samples, window) if window else None,
        "earliest": _seconds(eta.earliest) if isinstance(eta, Eta) and eta.earliest else None,
        "latest": _seconds(eta.latest) if isinstance(eta, Eta) else None,
        "confidence": eta.confidence if isinstance(eta, Eta) else None,
        "no_estimate": None if known or not isinstance(eta, NoEta) else one_line(eta.reason, 60),
        "fit": course.fit(deadline) if course and deadline else None,
        "verification": found.verdict if found else None,
        "verified_at": _seconds(found.verified_at) if found and found.verified_at else None,
        "wave": one_line(server.wave, 40) if server.wave else None,
        "code": one_line(server.error.code, 24) if server.error and server.error.code else None,
        "why": _why(subject),
    }
    return [values[column] for column in COLUMNS]


def _why(subject: Subject) -> str | None:
    """What is behind the need, where it is about the pace: the finding's own sentence."""
    paces = ("stuck", "perhaps_stuck", "not_converging", "throttled")
    if subject.course and subject.needs in paces:
        return one_line(subject.course.moves.says, 120)
    return None


def _group(each: Group) -> dict[str, Any]:
    known = each.knowledge()
    return {
        "codes": list(each.codes[:4]),
        "count": len(each.servers),
        "servers": [server.id for server in each.servers[:200]],
        "one_cause": each.likely_one_cause,
        "cause": one_line(known.cause, 300) if known else None,
        "first_step": one_line(known.first_step, 300) if known else None,
        "actor": known.actor if known else None,
        "full_copy_again": known.full_copy_again if known else None,
        "known": known.known if known else False,
    }


def _gates(picture: Picture) -> dict[str, Any] | None:
    """The grid: which gates, and for each server one letter a gate; None where nobody asked."""
    if not picture.judged:
        return None
    judged = [(each.server.id, each.gates) for each in picture.subjects if each.gates]
    judged.sort(key=lambda each: -sum(f.verdict == "pass" for f in each[1].findings.values()))
    names = list(next((gates.findings for _, gates in judged), {}))
    verdicts = [gates.verdict for _, gates in judged]
    return {
        "names": names,
        "verdicts": {verdict: verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)},
        "count": len(judged),
        "rows": [
            [source, gates.verdict, _letters(gates, names), _says(gates)]
            for source, gates in judged[:_GATE_ROWS]
        ],
    }


def _letters(gates: Gates, names: Sequence[str]) -> str:
    return "".join(_GATES[gates.findings[name].verdict] for name in names)


def _says(gates: Gates) -> list[str]:
    """Why the first gates that do not pass do not."""
    return [one_line(finding.says, 120) for finding in list(gates.open.values())[:2]]


def _seconds(moment: datetime) -> int:
    return round(moment.timestamp())
