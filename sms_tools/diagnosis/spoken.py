"""Points in time as people say them: with their zone, as a span from now, or as tonight's hour."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Final

from pydantic import AwareDatetime, BeforeValidator, ValidationInfo, WithJsonSchema

from sms_tools.moment import utc_now

_EXAMPLES: Final = "2026-11-25T18:00:00+08:00, 12h, or tonight 22:00+08:00"
_SPAN: Final = re.compile(
    r"^(?:in |last |past )?(?P<number>\d{1,5}(?:\.\d+)?)\s*"
    r"(?P<unit>m|min|mins|minutes?|分钟|h|hrs?|hours?|小时|d|days?|天|w|weeks?|周)"
    r"(?: ago|前|后)?$",
    re.IGNORECASE,
)
_MINUTES: Final = {
    "m": 1,
    "分": 1,
    "h": 60,
    "小": 60,
    "d": 1_440,
    "天": 1_440,
    "w": 10_080,
    "周": 10_080,
}
_SPOKEN: Final = re.compile(
    r"^(?:(?P<day>today|tonight|tomorrow|yesterday|今天|今晚|明天|昨天)\s*(?:at\s*)?)?"
    r"(?P<time>\d{1,2}:\d{2})\s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?$",
    re.IGNORECASE,
)
_DAYS: Final = {"tomorrow": 1, "明天": 1, "yesterday": -1, "昨天": -1}
_LONG_PAST: Final = timedelta(days=1)
_LONG_AGO: Final = timedelta(days=31)


def ahead(value: object, info: ValidationInfo) -> object:
    """A deadline: a span lies ahead of now, and what is long past is refused."""
    if not isinstance(value, str):
        return value
    now = _now(info)
    found = _moment(value.strip(), now, 1)
    if found < now - _LONG_PAST:
        raise ValueError(f"it is long past: it is now {_shown(now)}; e.g. {_EXAMPLES}")
    return found


def behind(value: object, info: ValidationInfo) -> object:
    """A point in the past: a span lies behind now; one of long ago is taken, and said to be."""
    if not isinstance(value, str):
        return value
    now = _now(info)
    found = _moment(value.strip(), now, -1)
    if found < now - _LONG_AGO and isinstance(info.context, dict):
        days = (now - found).days
        info.context.setdefault("notes", []).append(
            f"since is {days:,} days ago: it is now {_shown(now)}."
        )
    return found


def _now(info: ValidationInfo) -> datetime:
    clock: Callable[[], datetime] = utc_now
    if isinstance(info.context, dict):
        clock = info.context.get("now", utc_now)
    return clock()


def _moment(text: str, now: datetime, direction: int) -> datetime:
    if span := _SPAN.match(text):
        minutes = float(span["number"]) * _MINUTES[span["unit"][0].lower()]
        return now + direction * timedelta(minutes=minutes)
    if spoken := _SPOKEN.match(text):
        return _spoken(spoken, now, direction)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"this is not a time; e.g. {_EXAMPLES}") from None
    if found.tzinfo is None:
        raise ValueError(f"the time needs its zone, e.g. {_EXAMPLES}")
    return found


def _spoken(spoken: re.Match[str], now: datetime, direction: int) -> datetime:
    if spoken["zone"] is None:
        raise ValueError(f"the time needs its zone, e.g. {_EXAMPLES}")
    zone = "+00:00" if spoken["zone"].upper() in ("Z", "UTC") else spoken["zone"]
    try:
        time = datetime.strptime(f"{spoken['time']} {zone}", "%H:%M %z")
    except ValueError:
        raise ValueError(f"this is not a time; e.g. {_EXAMPLES}") from None
    today = now.astimezone(time.tzinfo)
    found = today.replace(hour=time.hour, minute=time.minute, second=0, microsecond=0)
    day = (spoken["day"] or "").lower()
    if day:
        return found + timedelta(days=_DAYS.get(day, 0))
    if (found - now) * direction < timedelta(0):
        found += direction * timedelta(days=1)
    return found


def _shown(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes")


Deadline = Annotated[AwareDatetime, BeforeValidator(ahead), WithJsonSchema({"type": "string"})]
Since = Annotated[AwareDatetime, BeforeValidator(behind), WithJsonSchema({"type": "string"})]
