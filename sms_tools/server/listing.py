"""Writes ``listing.json``: what clients are told of every tool, from the classes themselves.

``python -m sms_tools.server.listing`` after a change to a class; a test fails until it was done.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sms_tools.diagnosis import QUESTIONS
from sms_tools.diagnosis.question import Question
from sms_tools.operation import Fields, Kind, Operation
from sms_tools.operations import CATALOGUE, area_of
from sms_tools.remediation.migrating import PlanMigration
from sms_tools.remediation.plan_tools import ApplyPlan, PlanRemediation
from sms_tools.remediation.report import ExportReport
from sms_tools.schema import input_schema
from sms_tools.server.guide import FindOperation, RunOperation
from sms_tools.server.offer import LISTING
from sms_tools.server.results import output_schema

Row = dict[str, Any]


def rows() -> Iterator[Row]:
    """Every tool: the questions first, then the plans, then the operations in their order."""
    for question in QUESTIONS.values():
        yield _question(question, "diagnosis")
    yield _question(PlanRemediation, "remediation")
    yield _question(PlanMigration, "remediation")
    yield _question(ExportReport, "diagnosis")
    yield _apply_plan()
    for operation in CATALOGUE.values():
        yield _operation(operation)
    yield _guide(FindOperation, Kind.READ)
    yield _guide(RunOperation, Kind.DESTRUCTIVE)


def written() -> str:
    """The file's text: one tool a line, so that a change shows as the tools that it touches."""
    lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows())
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _operation(operation: type[Operation[Any]]) -> Row:
    spec = operation.__spec__
    return _row(
        operation,
        name=spec.name,
        title=spec.title,
        description=spec.description,
        kind=spec.kind,
        by_value=operation.danger is not Operation.danger,
        area=area_of(operation),
        role="operation",
        idempotent=spec.idempotent,
        destructive=spec.replaces or spec.kind not in (Kind.READ, Kind.WRITE),
        open_world=True,
        request=f"{spec.method} {spec.path}",
    )


def _question(question: type[Question], area: str) -> Row:
    return _row(
        question,
        name=question.__tool__,
        title=question.__title__,
        description=question.__description__,
        kind=Kind.READ,
        by_value=False,
        area=area,
        role="question",
        idempotent=True,
        destructive=False,
        open_world=question.__open_world__,
        request="",
    )


def _guide(model: type[FindOperation | RunOperation], kind: Kind) -> Row:
    words = model.__tool__.split("_")
    return _row(
        model,
        name=model.__tool__,
        title=" ".join([words[0].capitalize(), *words[1:]]),
        description=" ".join((model.__doc__ or "").split()),
        kind=kind,
        by_value=kind is not Kind.READ,
        area="guide",
        role="guide",
        idempotent=kind is Kind.READ,
        destructive=kind is not Kind.READ,
        open_world=kind is not Kind.READ,
        request="",
    )


def _apply_plan() -> Row:
    return _row(
        ApplyPlan,
        name="apply_plan",
        title="Apply plan",
        description=" ".join((ApplyPlan.__doc__ or "").split()),
        kind=Kind.DESTRUCTIVE,
        by_value=False,
        area="remediation",
        role="plan",
        idempotent=True,
        destructive=True,
        open_world=True,
        request="",
    )


def _row(model: type[Fields], **row: Any) -> Row:
    home = f"{model.__module__}:{model.__qualname__}"
    whole = {**row, "parameters": input_schema(model), "home": home}
    if row["role"] in ("question", "plan"):
        whole["returns"] = output_schema(row["name"])
    return whole


if __name__ == "__main__":
    Path(__file__).with_name(LISTING).write_text(written(), encoding="utf-8")
