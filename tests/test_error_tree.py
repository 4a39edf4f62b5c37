"""One tree of errors: whatever is raised on purpose is said in a sentence, with advice."""

import ast
import builtins
from collections.abc import Iterator
from pathlib import Path

import pytest

from sms_tools.errors import RequestRefused, SettingsError, SmsToolsError
from sms_tools.guard import AuditError, PolicyError
from sms_tools.prompting import PromptError
from sms_tools.state import StateError

PACKAGE = Path(__file__).parents[1] / "sms_tools"
BUILT_IN = {
    name
    for name, each in vars(builtins).items()
    if isinstance(each, type) and issubclass(each, BaseException)
}
CAUGHT_INSIDE = {"UnreadableBody", "_Broken"}
"""Caught where they are raised, and told as UnreadableReply and StateError."""


def outside_the_tree() -> Iterator[str]:
    """Classes of this package that derive from a built-in exception, the sandbox aside."""
    for path in PACKAGE.rglob("*.py"):
        if "sandbox" in path.relative_to(PACKAGE).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and any(
                isinstance(base, ast.Name) and base.id in BUILT_IN for base in node.bases
            ):
                yield node.name


def test_every_error_belongs_to_the_tree() -> None:
    assert set(outside_the_tree()) == {SmsToolsError.__name__, *CAUGHT_INSIDE}


@pytest.mark.parametrize(
    ("error", "parent"),
    [
        (StateError, SmsToolsError),
        (AuditError, SmsToolsError),
        (PolicyError, SettingsError),
        (PromptError, RequestRefused),
    ],
)
def test_state_audit_policy_and_prompt_errors_are_in_it(
    error: type[SmsToolsError], parent: type[SmsToolsError]
) -> None:
    assert issubclass(error, parent)
    assert error.advice or parent is RequestRefused
