"""What the service answers: one function per operation, found by the operation's class.

A handler is thin. The operation is parsed and checked before, the rules are the cloud's; what is
left is to ask the cloud and to put the reply into the shape of the reference's samples. ``None``
is an empty body.
"""

from sms_tools.operation import JSON
from sms_tools.operations import AnyOperation
from sms_tools.sandbox.cloud import Cloud
from sms_tools.sandbox.handlers import account, agent, sources, tasks, templates
from sms_tools.sandbox.handlers.registry import HANDLERS

__all__ = ["HANDLERS", "account", "agent", "answer", "sources", "tasks", "templates"]


def answer(cloud: Cloud, operation: AnyOperation) -> JSON:
    """The body with which the service answers *operation*.

    Raises:
        Refusal: the service says no.
    """
    return HANDLERS[type(operation)](cloud, operation)
