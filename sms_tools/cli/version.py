"""``sms-tools --version``: which version, and with ``--json`` what it runs on, for a bug report."""

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from sms_tools import __version__

_PARTS: Final = (
    "mcp",
    "httpx",
    "pydantic",
    "pydantic-core",
    "anyio",
    "starlette",
    "uvicorn",
    "platformdirs",
)


def say_version(*, as_json: bool) -> int:
    """Print it."""
    if as_json:
        versions = {
            "sms-tools": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            **{part: _of(part) for part in _PARTS},
        }
        print(json.dumps(versions, indent=2))
    else:
        print(f"sms-tools {__version__}")
    return 0


def _of(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
