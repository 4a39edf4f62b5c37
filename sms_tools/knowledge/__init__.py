"""What the project knows of the Server Migration Service, as data and pure lookups.

Nothing here reads a clock, a network or anything else of ours. The data files are read when a
question first needs them, so importing the package costs next to nothing.

- `errors`: every error code: its cause in plain words, the first step, who must act.
- `states`: states, stages and sub-tasks; which phase a server is in.
- `actions`: which action is legal in which state, and why not.
- `arguments`: which arguments can never work, whatever the state.
- `facts`: the numbers and rules that diagnosis and prompts cite.
"""

from sms_tools.knowledge.actions import ACTIONS, Legality, legality
from sms_tools.knowledge.errors import (
    Check,
    ErrorKnowledge,
    all_codes,
    codes_in,
    explain,
    normalize_code,
)
from sms_tools.knowledge.states import (
    PHASES,
    SubTaskKind,
    describe_phase,
    is_legal_pair,
    phase_of,
    sub_task_kind,
)

__all__ = [
    "ACTIONS",
    "PHASES",
    "Check",
    "ErrorKnowledge",
    "Legality",
    "SubTaskKind",
    "all_codes",
    "codes_in",
    "describe_phase",
    "explain",
    "is_legal_pair",
    "legality",
    "normalize_code",
    "phase_of",
    "sub_task_kind",
]
