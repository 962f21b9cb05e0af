"""Doubles for the engine's neighbours: a runner with canned results, models with scripts, and calls to run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import msgspec

from patchbay.agent_runtime.agent_draft import AgentDraft
from patchbay.agent_runtime.conversation.model import Finish, ModelEvent, ModelRequest, TextDelta, ToolCallRequest, ToolSpec
from patchbay.bindings.tool_schema import tool_schema
from patchbay.schema_graph.arguments import validate_arguments
from patchbay.schema_graph.call import CallContext, CallInput, CallResult, Caps, Column, FrozenCall, Output, SqlCall


def output(leaf: str, type: str = "string", *, object: str = "appointments", item_type: str | None = None) -> Output:
    column = Column(object=object, field=leaf, type=type, native_type=type, item_type=item_type)  # pyright: ignore[reportArgumentType]
    return Output(leaf=leaf, column=column)


def call_input(param: str, type: str = "string", **more: Any) -> CallInput:
    more.setdefault("required", True)
    return CallInput(param=param, arg=more.pop("arg", param), type=type, native_type=more.pop("native_type", "text"), **more)  # pyright: ignore[reportArgumentType]


def phone_input(param: str = "caller_phone", **more: Any) -> CallInput:
    return call_input(param, codec="phone", formats=("999-999-9999",), country="US", **more)


def frozen_call(
    inputs: Sequence[CallInput] = (),
    outputs: Sequence[Output] = (),
    *,
    effect: str = "read",
    verification: str = "none",
) -> FrozenCall:
    return FrozenCall(
        format_version=1,
        connection_id="con_test",
        kind="postgres",
        operation="appointments.read",
        effect=effect,  # pyright: ignore[reportArgumentType]
        body=SqlCall(sql="SELECT 1"),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        touches=(),
        caps=Caps(),
        slice=(),
        slice_fingerprint="f",
        verification=verification,  # pyright: ignore[reportArgumentType]
    )


def tool(
    name: str, *, description: str = "", inputs: Sequence[CallInput] = (), outputs: Sequence[Output] = (), slug: str | None = None
) -> ToolSpec:
    slug = slug or name.lower().replace(" ", "_")
    return ToolSpec(
        slug=slug,
        name=name,
        description=description,
        schema=tool_schema(slug, description, inputs),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        skill_id=f"skl_{slug}",
    )


def agent_draft(**more: Any) -> AgentDraft:
    return AgentDraft(**{"name": "Corner Clinic", **more})


Answer = CallResult | BaseException | Callable[[FrozenCall, CallContext], Any]


def found(*rows: dict[str, Any], **more: Any) -> CallResult:
    return CallResult(rows=list(rows), row_count=more.pop("row_count", len(rows)), **more)


class FakeRunner:
    """Validates arguments as the real one does, then gives the next canned answer (the last one again and again)."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.ran: list[tuple[str, FrozenCall, CallContext]] = []
        self.settled: list[tuple[str, FrozenCall, CallContext]] = []
        self.done = False

    async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
        validate_arguments(call.inputs, context)
        self.ran.append((org_id, call, context))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer) and not isinstance(answer, BaseException):
            answer = answer(call, context)
            if asyncio.iscoroutine(answer):
                answer = await answer
        if isinstance(answer, BaseException):
            raise answer
        # Like every runner: nothing comes back but what the call returns.
        leaves = {one.leaf for one in call.outputs}
        return msgspec.structs.replace(answer, rows=[{k: v for k, v in row.items() if k in leaves} for row in answer.rows])

    async def settle(self, org_id: str, call: FrozenCall, context: CallContext) -> bool:
        self.settled.append((org_id, call, context))
        return self.done


Scripted = str | tuple[str, Any] | BaseException | list[Any]


class ScriptedModel:
    """Answers with one entry of its script each time it is asked, the last one again and again.

    A text is said; ``(tool, arguments)`` is asked for; a list is several of these at once; an exception is raised.
    """

    def __init__(self, *script: Scripted, loop: bool = False) -> None:
        self.script = list(script)
        self.asked: list[ModelRequest] = []
        self._loop = loop

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        self.asked.append(request)
        entry = self.script[0] if len(self.script) == 1 else self.script.pop(0)
        for part in entry if isinstance(entry, list) else [entry]:
            if isinstance(part, BaseException):
                raise part
            if callable(part):
                await part()
            elif isinstance(part, str):
                yield TextDelta(text=part)
            elif isinstance(part, tuple):
                arguments = part[1] if isinstance(part[1], str) else msgspec.json.encode(part[1]).decode()
                yield ToolCallRequest(call_id="x", name=part[0], arguments=arguments)
        yield Finish()
