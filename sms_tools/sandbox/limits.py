"""Rate limits by the time of day, from the wire's segments to the rules of a pace."""

import re
from collections.abc import Mapping, Sequence

from sms_tools.operation import JSON
from sms_tools.sandbox.pace import RateLimit
from sms_tools.sandbox.refusal import Refusal

_CLOCK = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")
_DAY = 24 * 60


def daily_limits(segments: Sequence[Mapping[str, JSON]]) -> list[RateLimit]:
    """The limits that *segments* describe; one over midnight becomes two.

    An end of 23:59 means the end of the day: the wire knows no 24:00.
    """
    limits = []
    for segment in segments:
        start, end = _minutes(segment, "start"), _minutes(segment, "end")
        end = _DAY if end == _DAY - 1 else end
        speed, threshold = int(segment["speed"]), segment.get("over_speed_threshold")
        parts = [(start, end)] if start < end else [(start, _DAY), (0, end)]
        limits += [RateLimit(a, b, speed, threshold) for a, b in parts if a < b]
    return limits


def _minutes(segment: Mapping[str, JSON], key: str) -> int:
    match = _CLOCK.fullmatch(str(segment.get(key)))
    if match is None or (minutes := int(match[1]) * 60 + int(match[2])) > _DAY:
        raise Refusal("SMS.9001", key)
    return minutes
