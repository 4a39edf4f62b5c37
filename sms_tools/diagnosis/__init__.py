"""The questions that a person asks about a migration, one module each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sms_tools.diagnosis.errors import ExplainErrorCode
from sms_tools.diagnosis.failures import SummarizeFailedServers
from sms_tools.diagnosis.overview import MigrationOverview
from sms_tools.diagnosis.question import Question
from sms_tools.diagnosis.server import DiagnoseServer

_IN_ORDER: Final[tuple[type[Question], ...]] = (
    SummarizeFailedServers,
    MigrationOverview,
    DiagnoseServer,
    ExplainErrorCode,
)

QUESTIONS: Final[Mapping[str, type[Question]]] = MappingProxyType(
    {question.__tool__: question for question in _IN_ORDER}
)
"""Every question by the name of its tool, in the order in which they are listed."""
