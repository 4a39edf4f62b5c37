"""The tools as MCP serves them: operations, questions, and the plan that changes something.

The SDK would derive a tool from a function. Ours come from classes that already know their
arguments, so the tool is given its schema and takes the whole call: it validates with the class
itself, refuses unknown arguments, and words its own errors.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp_types import CallToolResult, InputRequiredResult, ToolAnnotations
from pydantic import PrivateAttr, ValidationError

from sms_tools.arguments import placeholder_in, take
from sms_tools.errors import NotFound, SmsToolsError
from sms_tools.guard import Go
from sms_tools.guard.policy import is_barred
from sms_tools.operation import JSON, Fields, Kind, Operation, hidden_in
from sms_tools.server.apps import drawn, meta_of, wants_a_board
from sms_tools.server.dialog import AnyContext
from sms_tools.server.meant import with_ids
from sms_tools.server.offer import Offered
from sms_tools.server.output import Plain, describe
from sms_tools.server.pages import fitted, paged
from sms_tools.server.refusals import (
    corrected_call,
    refused_arguments,
    refused_marker,
    refused_placeholder,
)
from sms_tools.server.runtime import Runtime

if TYPE_CHECKING:
    from sms_tools.api import Answer
    from sms_tools.diagnosis.question import Question

M = TypeVar("M", bound=Fields)
ToolResult = CallToolResult | InputRequiredResult


def never_called() -> None:
    """The SDK's tool wants a function; :meth:`ServedTool.run` takes the call before it."""
    raise NotImplementedError


class ServedTool(Tool, Generic[M]):
    """A tool made from a class of arguments."""

    _offered: Offered = PrivateAttr()
    _runtime: Runtime = PrivateAttr()

    @classmethod
    def make(cls, offered: Offered, runtime: Runtime) -> "ServedTool[M]":
        """The tool that serves *offered*."""
        tool = cls(
            fn=never_called,
            name=offered.name,
            title=offered.title,
            description=offered.description,
            parameters=offered.parameters,
            fn_metadata=FuncMetadata(arg_model=ArgModelBase, output_schema=offered.returns),
            is_async=True,
            annotations=annotations_of(offered),
            meta=meta_of(offered.name),
        )
        tool._offered, tool._runtime = offered, runtime
        return tool

    async def run(
        self,
        arguments: dict[str, Any],
        context: AnyContext,
        convert_result: bool = False,  # noqa: ARG002 (the SDK passes it; ours is converted)
    ) -> Any:
        """Validate *arguments* with the class and answer; every error becomes a result."""
        leave = self._runtime.exit
        taken = take(self._offered.model, arguments, reads=self._reads)
        if empty := placeholder_in(taken.arguments):
            return leave.result(refused_placeholder(self.name, empty), is_error=True)
        if marked := hidden_in(taken.arguments):
            return leave.result(refused_marker(self.name, marked), is_error=True)
        try:
            result = await self._called(taken.arguments, taken.notes, context)
        except ValidationError as error:
            refusal = refused_arguments(
                self.name, self._offered.model, error, taken.arguments, reads=self._reads
            )
            return leave.result(refusal, is_error=True)
        except SmsToolsError as error:
            result = leave.result(self._described(error, taken.arguments), is_error=True)
        return leave.noted(result, taken.notes) if isinstance(result, CallToolResult) else result

    @property
    def _reads(self) -> bool:
        return self._offered.kind is Kind.READ

    async def _called(
        self, arguments: dict[str, JSON], notes: list[str], context: AnyContext
    ) -> ToolResult:
        """The answer to *arguments*, once they are a value of the tool's class."""
        return await self._answer(self._validated(arguments, notes), context)

    def _validated(self, arguments: Mapping[str, JSON], notes: list[str]) -> M:
        known: dict[str, Any] = {"now": lambda: self._runtime.desk.now(), "notes": notes}
        call = self._offered.model.model_validate(arguments, context=known)
        if dropped := known.get("dropped"):
            notes.append(f"Left out, since only replies have them: {', '.join(sorted(dropped))}.")
        return cast("M", call)

    def _described(self, error: SmsToolsError, arguments: Mapping[str, JSON]) -> dict[str, JSON]:
        """The error as data, with the call that was meant where that can be told."""
        needs = self._offered.parameters.get("required", ())
        call = corrected_call(self.name, error, arguments, needs=needs, reads=self._reads)
        return {**describe(error), **({"corrected_call": call} if call else {})}

    async def _answer(self, call: Any, context: AnyContext) -> ToolResult:
        raise NotImplementedError


class OperationTool(ServedTool[Operation[Any]]):
    """One documented operation of the service."""

    async def _called(
        self, arguments: dict[str, JSON], notes: list[str], context: AnyContext
    ) -> ToolResult:
        # Names are looked up neither for a malformed call nor for one that is never made.
        call = self._validated(arguments, [])
        if not self._reads and is_barred(call, self._runtime.guard.policy):
            return await self._answer(call, context)
        operation = cast("type[Operation[Any]]", self._offered.model)
        meant, said = await with_ids(arguments, operation, self._runtime, reads=self._reads)
        try:
            result = await self._answer(self._validated(meant, notes), context)
        except NotFound:
            again, told = await with_ids(
                meant, operation, self._runtime, reads=self._reads, every=True
            )
            if again == meant:
                raise
            result, said = await self._answer(self._validated(again, []), context), [*said, *told]
        notes += said
        return result

    async def _answer(self, call: Operation[Any], context: AnyContext) -> ToolResult:
        runtime = self._runtime
        asked, call = call, paged(call)
        from sms_tools.fleet.renaming import renames, send_rename  # as the previews: not at start
        from sms_tools.guard.calls import subject_of

        decision = await runtime.decide(subject_of(call, runtime.api, runtime.state), context)
        if not isinstance(decision, Go):
            return decision
        if call.danger is Kind.READ:
            return await self._read(asked, call)

        unkept: list[str] = []

        async def act() -> "Answer":
            if not renames(call):
                return await runtime.api.send(call, decided=True)
            answer, why = await send_rename(call, runtime.api, runtime.state)
            unkept.extend([why] if why else [])
            return answer

        async def finish(answer: "Answer") -> Mapping[str, JSON]:
            if call.danger is Kind.SECRET:
                return await self._delivered(decision, answer)
            done = await self._done(call, answer)
            return {**done, "not_kept": unkept[0]} if unkept else done

        return await runtime.perform(decision, act, finish)

    async def _read(self, asked: Operation[Any], call: Operation[Any]) -> CallToolResult:
        """What the service answers to *call*, made once for all who ask *asked* within a second."""
        from sms_tools.fleet.sharing import asked_once

        runtime = self._runtime

        async def read() -> CallToolResult:
            answer = await runtime.api.send(call, decided=True)
            return runtime.exit.result(fitted(call, answer.payload, ours=asked is not call))

        return await asked_once(runtime.desk, asked, read)

    async def _delivered(self, go: Go, answer: "Answer") -> Mapping[str, JSON]:
        """Where the secret waits for the person; itself only if the policy says so."""
        secret = _as_object(answer.payload)
        told = await self._runtime.guard.deliver(go, secret)
        return Plain(secret) if told is None else told

    async def _done(self, call: Operation[Any], answer: "Answer") -> Mapping[str, JSON]:
        """The reply, that it was done, and what was seen afterwards."""
        from sms_tools.guard.after import seen_afterwards

        reply = {k: v for k, v in _as_object(answer.payload).items() if v not in (None, "")}
        seen = await seen_afterwards(call, answer, self._runtime.api)
        return {
            **reply,
            "status": "done",
            "request_id": answer.request_id,
            **({"seen_afterwards": seen} if seen else {}),
        }


def _as_object(payload: JSON) -> dict[str, JSON]:
    return payload if isinstance(payload, dict) else {"result": payload}


class QuestionTool(ServedTool["Question"]):
    """One question that a person asks, answered from many reads."""

    async def _answer(self, call: "Question", context: AnyContext) -> ToolResult:
        from sms_tools.fleet.collecting import collecting_seldom  # with the questions, not at start

        async def report(done: float, total: float | None, message: str) -> None:
            await context.report_progress(done, total, self._runtime.exit.words(message))

        desk = self._runtime.desk.reporting_to(report)
        with collecting_seldom():
            if wants_a_board(call, context):
                return await drawn(call, desk, self._runtime.exit)
            return self._runtime.exit.result(await call.answer(desk))


def annotations_of(offered: Offered) -> ToolAnnotations:
    """All four hints, explicitly: what is left out, clients assume the worst or the best of."""
    return ToolAnnotations(
        title=offered.title,
        read_only_hint=offered.kind is Kind.READ,
        destructive_hint=offered.destructive,
        idempotent_hint=offered.idempotent,
        open_world_hint=offered.open_world,
    )
