"""Raw lists that fit into a conversation, and empty successes that say what succeeded.

A list without a limit comes in a page of ours, smaller than the service's. Checks that passed are
counted instead of shown. What was left out stands under ``omitted`` with the way to get it, and
whoever follows it reads every record once.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar, get_args, get_origin

from sms_tools.operation import JSON, Operation, Page

PAGE: Final = 20
"""Records in a page, where the caller names no limit."""
PAGE_BYTES: Final = 24_000
"""What such a page may take as compact JSON."""
_LEAST: Final = 1
_NOTHING_MORE: Final[Mapping[str, str]] = {
    "check_network_acl": "The network ACL and the security groups of this subnet let a migration "
    "through, by their rules. The connection itself was not measured.",
}

O = TypeVar("O", bound=Operation[Any])  # noqa: E741 (an operation)


def paged(call: O) -> O:
    """*call* with our page for a limit, if it lists and names none."""
    if not _lists(call) or getattr(call, "limit", None) is not None:
        return call
    return call.model_copy(update={"limit": PAGE})


def fitted(call: Operation[Any], payload: JSON, *, ours: bool) -> dict[str, JSON]:
    """The *payload* of a read as an object; a list is made to fit, within our page if *ours*."""
    if payload in (None, "", {}, []):
        return {"summary": _succeeded(call)}
    if not isinstance(payload, dict):
        return {"result": payload}
    key = _key(call, payload)
    return _fitted(call, payload, key, ours=ours) if key else payload


def _succeeded(call: Operation[Any]) -> str:
    spec = call.__spec__
    return _NOTHING_MORE.get(
        spec.name, f"{spec.title} succeeded; the service answered with nothing more."
    )


def _lists(call: Operation[Any]) -> bool:
    return issubclass(call.__spec__.result, Page) and "limit" in type(call).model_fields


def _key(call: Operation[Any], payload: Mapping[str, JSON]) -> str | None:
    """The field of *payload* that holds the records of a page."""
    if not _lists(call):
        return None
    for name, field in call.__spec__.result.model_fields.items():
        kinds = [get_origin(each) for each in (field.annotation, *get_args(field.annotation))]
        if list in kinds and isinstance(payload.get(name), list):
            return name
    return None


def _fitted(
    call: Operation[Any], payload: Mapping[str, JSON], key: str, *, ours: bool
) -> dict[str, JSON]:
    passed = 0
    rows: list[JSON] = []
    for record in payload[key]:
        shown, dropped = _without_passed_checks(record)
        rows.append(shown)
        passed += dropped
    sent = len(rows)
    if ours:
        rows = _that_fit(rows)
    offset = int(getattr(call, "offset", None) or 0)
    following = offset + len(rows)
    total = payload.get("count")
    left = (total if isinstance(total, int) else offset + sent) - following
    omitted: list[JSON] = []
    if rows and left > 0:
        how = f"offset={following} for the next"
        omitted.append({"what": key, "left_out": left, "how": how})
    if passed:
        how = "get_source_server has all checks of one server"
        omitted.append({"what": "checks that passed", "left_out": passed, "how": how})
    return {**payload, key: rows, **({"omitted": omitted} if omitted else {})}


def _without_passed_checks(record: JSON) -> tuple[JSON, int]:
    checks = record.get("checks") if isinstance(record, dict) else None
    if not isinstance(checks, list):
        return record, 0
    kept = [each for each in checks if not (isinstance(each, dict) and each.get("result") == "OK")]
    dropped = len(checks) - len(kept)
    return {**record, "checks": kept, "checks_passed": dropped}, dropped


def _that_fit(rows: list[JSON]) -> list[JSON]:
    size, fitting = 0, 0
    for row in rows:
        size += len(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()) + 1
        if size > PAGE_BYTES and fitting >= _LEAST:
            break
        fitting += 1
    return rows[:fitting]
