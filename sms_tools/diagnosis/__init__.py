"""The questions that a person asks about a migration, one module each."""

from collections.abc import Mapping
from typing import Final

from sms_tools.diagnosis.question import Question

QUESTIONS: Final[Mapping[str, type[Question]]] = {}
"""Every question by the name of its tool."""
