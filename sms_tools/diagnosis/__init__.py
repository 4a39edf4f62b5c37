"""The questions that a person asks about a migration, one module each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sms_tools.diagnosis.assessment import AssessSources
from sms_tools.diagnosis.changes import WhatChanged
from sms_tools.diagnosis.cleanup import FindCleanupCandidates
from sms_tools.diagnosis.consistency import SummarizeConsistencyResults
from sms_tools.diagnosis.diagnose import DiagnoseServer
from sms_tools.diagnosis.errors import ExplainErrorCode
from sms_tools.diagnosis.failures import SummarizeFailedServers
from sms_tools.diagnosis.network import CheckNetworkPaths
from sms_tools.diagnosis.overview import MigrationOverview
from sms_tools.diagnosis.progress import SummarizeProgress
from sms_tools.diagnosis.question import Question
from sms_tools.diagnosis.readiness import CheckCutoverReadiness
from sms_tools.diagnosis.waiting import WaitForProgress
from sms_tools.diagnosis.wave import ScheduleWave

_IN_ORDER: Final[tuple[type[Question], ...]] = (
    AssessSources,
    ScheduleWave,
    SummarizeFailedServers,
    SummarizeConsistencyResults,
    SummarizeProgress,
    MigrationOverview,
    DiagnoseServer,
    CheckCutoverReadiness,
    ExplainErrorCode,
    WhatChanged,
    FindCleanupCandidates,
    WaitForProgress,
    CheckNetworkPaths,
)

QUESTIONS: Final[Mapping[str, type[Question]]] = MappingProxyType(
    {question.__tool__: question for question in _IN_ORDER}
)
"""Every question by the name of its tool, in the order in which they are listed."""
