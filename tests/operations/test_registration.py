"""Nothing that belongs to the product can be forgotten: what is defined is offered and guarded."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest

import sms_tools.operations
from sms_tools.guard.after import LOOKED_AT, NOTHING_TO_SEE
from sms_tools.guard.previews import PREVIEWS
from sms_tools.knowledge.actions import legality
from sms_tools.operation import Kind, Operation
from sms_tools.operations import CATALOGUE

DANGEROUS = [n for n, o in CATALOGUE.items() if o.__spec__.kind not in (Kind.READ, Kind.WRITE)]

WITHOUT_A_RULE = {
    "create_migration_task": "judged by its arguments: knowledge/arguments.py",
    "update_migration_task": "settings can be changed in every state",
    "update_source_server": "settings can be changed in every state",
    "configure_migration_options": "the service decides by a state that it does not document",
    "register_source_server": "a record is made of nothing",
    "sign_privacy_agreement": "a consent has no state but given",
    "get_certificate_passphrase": "a secret can be asked for at any time",
    "get_certificate_and_private_key": "a secret can be asked for at any time",
    "calculate_sha256": "about nothing in the account",
    "update_source_server_state": "judged by the pair that it sets: knowledge/states.py",
    "update_source_server_disks": "the Agent's word, taken in every state",
    "report_migration_progress": "the Agent's word, taken in every state",
    "upload_consistency_results": "the Agent's word, taken in every state",
    "get_agent_command": "the Agent's word, taken in every state",
    "report_agent_command_result": "the Agent's word, taken in every state",
    "report_network_measurement": "the Agent's word, taken in every state",
    "manage_migration_task": "each of its actions has a rule of its own",
}
"""Dangerous operations that no state rules out, each with its reason."""


def _defined(kind: type[Any]) -> Iterator[type[Any]]:
    for each in kind.__subclasses__():
        yield each
        yield from _defined(each)


def test_every_operation_that_is_defined_is_in_the_catalogue() -> None:
    package = sms_tools.operations
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    defined = {
        each.__spec__.name
        for each in _defined(Operation)
        if each.__module__.startswith(package.__name__) and "__spec__" in vars(each)
    }
    assert defined == set(CATALOGUE)


@pytest.mark.parametrize("tool", DANGEROUS)
def test_every_dangerous_operation_has_a_legality_rule_or_a_reason_for_none(tool: str) -> None:
    known = not legality(tool).reason.startswith("No rule is known")
    assert known != (tool in WITHOUT_A_RULE), tool


@pytest.mark.parametrize("tool", DANGEROUS)
def test_every_dangerous_operation_is_looked_at_afterwards_or_says_why_not(tool: str) -> None:
    assert (tool in LOOKED_AT) != (tool in NOTHING_TO_SEE), tool


def test_what_is_named_as_an_exception_exists() -> None:
    assert set(WITHOUT_A_RULE) <= set(DANGEROUS)
    assert {*LOOKED_AT, *NOTHING_TO_SEE} <= set(CATALOGUE)
    assert set(PREVIEWS) <= set(CATALOGUE)
