"""Whether copies that run at the same time depend on each other: a line that they share.

The service does not tell which servers share a line. Samples may: rates that rise and fall together
or against each other, a rate that changes where another copy begins or ends. A line that is full
of copies at even rates shows nothing, so where nothing happened, nothing can be told.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Final, Literal

from sms_tools.diagnosis.rates import Path, copy_stretch
from sms_tools.fleet.samples import Sample

Dependence = Literal["alone", "independent", "shared", "untold"]

_STEP: Final = 600.0
_AROUND: Final = 6
"""Pieces of ten minutes before and after another copy's begin or end that are compared."""
_CHANGED: Final = 0.08
_UNCHANGED: Final = 0.04
_FEWEST: Final = 18
MOST_COMPARED: Final = 16
"""With how many others a copy is compared; more are company of which nothing is told."""


@dataclass(frozen=True, slots=True)
class Company:
    """What is known of the copies beside one."""

    dependence: Dependence
    others: int = 0
    """How many copy at this moment."""


ALONE: Final = Company("alone")
UNTOLD: Final = Company("untold")


def company_of(
    mine: Sequence[Sample],
    others: Sequence[Sequence[Sample]],
    *,
    everything: bool = True,
    to_come: bool = False,
) -> Company:
    """Whether the copy of *mine* depends on *others*; each series oldest first.

    *everything*: these are all the copies there were. Without that, being alone is not known.
    *to_come*: others may yet begin; who was alone so far has not shown what that does.
    """
    stretch = copy_stretch(mine)
    if len(stretch) < 2:
        return Company("untold", len(others))
    path = Path(stretch)
    count = int((path.end - path.begin) / _STEP)
    edges = [path.end - _STEP * (count - index) for index in range(count + 1)]
    own = _rates(path, edges)
    verdicts: list[Dependence] = []
    now = 0
    for other in others:
        theirs = _of_other(other, edges)
        if theirs and theirs[-1] is not None:
            now += 1
        if any(rate is not None for rate in theirs):
            verdicts.append(_pair(own, theirs) if len(verdicts) < MOST_COMPARED else "untold")
    if "shared" in verdicts:
        return Company("shared", now)
    if not everything or "untold" in verdicts:
        return Company("untold", now)
    if not verdicts:
        return Company("untold" if to_come else "alone", now)
    return Company("independent", now)


def _rates(path: Path, edges: Sequence[float]) -> Sequence[float]:
    return [(b - a) / _STEP for a, b in pairwise(path.at(edges))]


def _of_other(samples: Sequence[Sample], edges: Sequence[float]) -> Sequence[float | None]:
    """Its rate by pieces; None where it did not copy, by what is known."""
    found: list[float | None] = [None] * (len(edges) - 1)
    for run in _runs(samples):
        path = Path(run)
        rates = _rates(path, edges)
        for index, (begin, end) in enumerate(pairwise(edges)):
            if begin >= path.begin - _STEP / 2 and end <= path.end + _STEP / 2:
                found[index] = rates[index]
    return found


def _runs(samples: Sequence[Sample]) -> Sequence[Sequence[Sample]]:
    """Stretches of copying, each of two samples or more."""
    runs: list[list[Sample]] = [[]]
    for sample in samples:
        if sample.phase == "replicating" and sample.done_bytes is not None:
            runs[-1].append(sample)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if len(run) > 1]


def _pair(own: Sequence[float], theirs: Sequence[float | None]) -> Dependence:
    verdicts = {_by_events(own, theirs), _by_correlation(own, theirs)}
    if "shared" in verdicts:
        return "shared"
    return "independent" if "independent" in verdicts else "untold"


def _by_events(own: Sequence[float], theirs: Sequence[float | None]) -> Dependence:
    """What happened to this rate where the other copy began or ended."""
    verdict: Dependence = "untold"
    for index in range(1, len(own)):
        if (theirs[index] is None) == (theirs[index - 1] is None):
            continue
        # The piece in which it happened belongs to neither side.
        before, after = own[max(0, index - 1 - _AROUND) : index - 1], own[index + 1 :][:_AROUND]
        if len(before) < 2 or len(after) < 2:
            continue
        mean = max(fmean(before), fmean(after), 1e-9)
        change = abs(fmean(after) - fmean(before)) / mean
        noise = math.hypot(_deviation(before), _deviation(after)) / mean / math.sqrt(2)
        if change > max(_CHANGED, 3 * noise):
            return "shared"
        if change < _UNCHANGED and noise < _UNCHANGED:
            verdict = "independent"
    return verdict


def _by_correlation(own: Sequence[float], theirs: Sequence[float | None]) -> Dependence:
    """Whether both rates rise and fall together, or against each other."""
    pairs = [(a, b) for a, b in zip(own, theirs, strict=True) if b is not None]
    if len(pairs) < _FEWEST:
        return "untold"
    mine, others = [a for a, _ in pairs], [b for _, b in pairs]
    spreads = _deviation(mine), _deviation(others)
    if min(spreads[0] / max(fmean(mine), 1e-9), spreads[1] / max(fmean(others), 1e-9)) < 0.03:
        return "untold"
    means = fmean(mine), fmean(others)
    product = fmean((a - means[0]) * (b - means[1]) for a, b in pairs)
    together = abs(product / (spreads[0] * spreads[1]))
    return "shared" if together > max(0.5, 2.5 / math.sqrt(len(pairs))) else "untold"


def _deviation(values: Sequence[float]) -> float:
    mean = fmean(values)
    return math.sqrt(fmean((each - mean) ** 2 for each in values))
