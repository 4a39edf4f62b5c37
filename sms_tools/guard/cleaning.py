"""A preview without secrets, made once: what leaves this module is what everybody is shown.

Dialog, page, terminal, result, state and audit carry the same text, because all of them are made
from the preview that was cleaned here. What the policy goes by, and what the approval is bound to,
is still the name as it came.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from sms_tools.canonical import digest
from sms_tools.guard.subject import Preview, Section, Target
from sms_tools.operation import JSON
from sms_tools.redaction import redact

_TOLD_APART: Final = 4
"""Digits of a digest: enough to see that a hidden name has changed, too few to guess it by."""


def cleaned(preview: Preview, secrets: Sequence[str]) -> Preview:
    """*preview* with secrets and hidden characters out of every text in it."""

    def text(said: str) -> str:
        shown: str = redact(said, secrets)
        return shown

    typed = preview.typed
    if text(typed) != typed:  # nobody must type a secret, or what is not there any more
        typed = preview.targets[0].id if preview.targets else ""  # then the request's own id
    return replace(
        preview,
        headline=text(preview.headline),
        typed=typed,
        account=text(preview.account),
        sections=[
            Section(part.title, [text(line) for line in part.lines]) for part in preview.sections
        ],
        state={key: _bound(value, secrets) for key, value in preview.state.items()},
        targets=[_shown(target, secrets) for target in preview.targets],
        impossible=text(preview.impossible) if preview.impossible else preview.impossible,
    )


def _shown(target: Target, secrets: Sequence[str]) -> Target:
    if target.name is None:
        return target
    return Target(target.id, redact(target.name, secrets), raw=target.name)


def _bound(value: JSON, secrets: Sequence[str]) -> JSON:
    """What an approval is bound to, without secrets; a change of what is hidden still shows."""
    if isinstance(value, Mapping):
        named = {key: _bound(each, secrets) for key, each in value.items()}
        shown = redact(dict(value), secrets)
        return {
            key: each if _same(shown.get(key), value[key]) else _marked(shown.get(key), value[key])
            for key, each in named.items()
        }
    if isinstance(value, (list, tuple)):
        return [_bound(each, secrets) for each in value]
    shown = redact(value, secrets)
    return value if shown == value else _marked(shown, value)


def _same(shown: JSON, value: JSON) -> bool:
    return isinstance(value, (Mapping, list, tuple)) or shown == value


def _marked(shown: JSON, value: JSON) -> str:
    return f"{shown} ({digest(value)[:_TOLD_APART]})"
