"""The official SDK as a witness: the same methods and paths, and the same fields at every depth."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from huaweicloudsdksms.v3 import SmsClient
from huaweicloudsdksms.v3 import model as sdk_model

from sms_tools.operations import CATALOGUE, AnyOperation

WITNESSED: list[dict[str, str]] = [
    row
    for row in json.loads((Path(__file__).parent / "operations.json").read_text(encoding="utf-8"))
    if row["sdk"]
]
ONLY_IN_THE_SDK: Final[dict[str, set[str]]] = {
    "list_templates": {"id"},  # newer than the reference
}
ONLY_IN_THE_REFERENCE: Final[dict[str, set[str]]] = {
    "list_failed_source_servers": {"migproject"},
    "create_migration_task": {"auto_install_pvdriver"},  # in chapter 4.1's example alone
    "update_template": {"id"},  # repeats the id of the path, and is not sent
    "register_source_server": {"virtualization_type"},
    "update_migration_task": {  # what the service itself knows about the task
        *("id", "os_type", "priority", "start_target_server", "enterprise_project_id"),
        *("source_server", "state", "sub_tasks", "error_json", "connected", "migrate_speed"),
        *("create_date", "start_date", "finish_date", "total_time", "remain_seconds"),
        *("estimate_complete_time", "float_ip", "target_snapshot_id"),
    },
    "update_migration_project": {"id"},  # repeats the id of the path
    "upload_migration_task_logs": {"log_expire"},
}

witnessed = pytest.mark.parametrize("row", [pytest.param(row, id=row["name"]) for row in WITNESSED])


def sdk_request(row: dict[str, str]) -> Any:
    """The SDK's own request for the operation, still without any value."""
    name = "".join(part.capitalize() for part in row["sdk"].split("_"))
    return getattr(sdk_model, f"{name}Request")()


def sdk_fields(type_name: str, prefix: str = "") -> Iterator[str]:
    """Dotted names of all fields that the SDK's type has, at any depth."""
    described = getattr(sdk_model, re.sub(r"^list\[(.*)\]$", r"\1", type_name), None)
    for field, field_type in getattr(described, "openapi_types", {}).items():
        name = prefix + getattr(described, "attribute_map")[field]  # noqa: B009 (it has no types)
        yield name
        yield from sdk_fields(field_type, f"{name}.")


def fields_of_the_sdk(operation: type[AnyOperation], request: Any) -> set[str]:
    """What the SDK can send, under the names of our arguments."""
    fields: set[str] = set()
    for attribute, type_name in request.openapi_types.items():
        name = request.attribute_map[attribute]
        if attribute == "body":
            wrapping = f"{operation.__spec__.wrapped_in}."
            fields |= {field.removeprefix(wrapping) for field in sdk_fields(type_name)}
        elif name == "id" and "template_id" in operation.__spec__.path_fields:
            fields.add("template_id")
        else:
            fields.add(name)
    return fields - {operation.__spec__.wrapped_in}


def our_fields(schema: dict[str, Any], definitions: Any, prefix: str = "") -> Iterator[str]:
    """Dotted names of all fields that *schema* has, at any depth."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    for option in schema.get("anyOf", [schema["items"]] if "items" in schema else []):
        yield from our_fields(option, definitions, prefix)
    for name, field in schema.get("properties", {}).items():
        yield prefix + name
        yield from our_fields(field, definitions, f"{prefix}{name}.")


@witnessed
def test_the_sdk_sends_the_request_to_the_same_place(row: dict[str, str]) -> None:
    spec = CATALOGUE[row["name"]].__spec__

    info = getattr(SmsClient, f"_{row['sdk']}_http_info")(sdk_request(row))

    assert spec.method == info["method"]
    assert spec.path.replace("{template_id}", "{id}") == info["resource_path"]


def outermost(fields: set[str]) -> set[str]:
    """*fields* without those that stand inside another of them."""
    return {field for field in fields if not any(field.startswith(f"{f}.") for f in fields)}


@witnessed
def test_every_field_is_one_that_the_sdk_sends(row: dict[str, str]) -> None:
    operation = CATALOGUE[row["name"]]
    schema = operation.model_json_schema(by_alias=True)
    ours = set(our_fields(schema, schema.get("$defs", {})))
    theirs = fields_of_the_sdk(operation, sdk_request(row))

    assert outermost(theirs - ours) == ONLY_IN_THE_SDK.get(row["name"], set())
    assert outermost(ours - theirs) == ONLY_IN_THE_REFERENCE.get(row["name"], set())
