"""How previews say things: names, sizes, moments, the titles of their sections."""

from datetime import UTC, datetime
from typing import Final

from sms_tools.text import one_line

NOW: Final = "What is there now"
WILL: Final = "What will happen"
HANGS: Final = "What hangs on it"
COSTS: Final = "What will be billed"
UNREAD: Final = "What could not be read"
SENT: Final = "What will be sent"


def named(name: str | None, fallback: str | None = None) -> str:
    """A stranger's name in quotation marks, on one line, cut to a bearable length."""
    shown = one_line(name or "", 80) or one_line(fallback or "", 80)
    return f"“{shown}”" if shown else "one without a name"


def plain(text: object, limit: int = 120) -> str:
    """A value as one clean line; "unknown" for none."""
    shown = one_line(str(text), limit) if text not in (None, "") else ""
    return shown or "unknown"


def size(count: int | None) -> str:
    """Bytes in binary units, or "unknown"."""
    if count is None:
        return "unknown"
    number = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def moment(milliseconds: int | None) -> str:
    """An epoch in milliseconds as a person reads it, in UTC; "unknown" for none or nonsense."""
    if not milliseconds:
        return "unknown"
    try:
        when = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return "unknown"
    return f"{when:%Y-%m-%d %H:%M} UTC"


def counted(number: int, one: str, many: str | None = None) -> str:
    """``1 task``, ``2 tasks``."""
    return f"{number} {one if number == 1 else many or one + 's'}"
