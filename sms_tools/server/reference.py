"""A page of reference for one operation: what it takes and returns, its kind, its traps."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel

from sms_tools.knowledge.traps import TRAPS
from sms_tools.operation import JSON, Operation
from sms_tools.operations import CATALOGUE, area_of
from sms_tools.schema import input_schema


def page(name: str) -> Mapping[str, JSON] | None:
    """The page of the operation called *name*; None if there is none."""
    operation = CATALOGUE.get(name)
    if operation is None:
        return None
    spec = operation.__spec__
    return {
        "operation": name,
        "title": spec.title,
        "section": spec.section,
        "area": area_of(operation),
        "request": f"{spec.method} {spec.path}",
        "kind": str(spec.kind),
        "kind_depends_on_arguments": operation.danger is not Operation.danger,
        "description": spec.description,
        "takes": input_schema(operation, whole=True),
        "returns": _fields(spec.result, depth=2),
        "traps": list(TRAPS.get(name, ())),
    }


def _fields(model: type[BaseModel], depth: int) -> dict[str, JSON]:
    """The documented fields of a reply; records inside are shown to *depth* levels."""
    return {
        field.alias or name: _shape(field.annotation, depth)
        for name, field in model.model_fields.items()
    }


def _shape(annotation: Any, depth: int) -> JSON:
    for inner in _models(annotation):
        return _fields(inner, depth - 1) if depth > 1 else "object"
    names = [getattr(each, "__name__", "") for each in (annotation, *get_args(annotation))]
    words = {"str": "text", "int": "integer", "float": "number", "bool": "boolean", "list": "list"}
    return next((words[name] for name in names if name in words), "any")


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for each in get_args(annotation) for model in _models(each)]
