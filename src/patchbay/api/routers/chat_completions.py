"""Chat completions in OpenAI's shapes: an SDK of theirs works with another base URL, the agent's id being the model."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import Body, Header, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from patchbay.agent_runtime.completions import Completion, prepare_completion, read_completion
from patchbay.agent_runtime.conversation.turn import Turn
from patchbay.api.access import ChatWrite
from patchbay.api.documented import Documented
from patchbay.api.events_shown import CONVERSATION_ID
from patchbay.api.platform import platform_of
from patchbay.api.problems import broken_off, openai_error, problems
from patchbay.api.routing import door_router
from patchbay.api.streams import EventStream, data_frame
from patchbay.api.turns import hear_out
from patchbay.api.visit import visit_of

router = door_router("/chat", tag="chat")

_DONE = b"data: [DONE]\n\n"


class CompletionMessage(BaseModel):
    """One message of the request."""

    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = None


class CompletionRequest(BaseModel):
    """What is read of a completion's body; other members are ignored."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(description="The agent's id.")
    messages: list[CompletionMessage]
    stream: bool = False
    user: str | None = None


class AssistantMessage(BaseModel):
    """What the agent said."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class Choice(BaseModel):
    """The one choice."""

    index: Literal[0] = 0
    message: AssistantMessage
    logprobs: None = None
    finish_reason: Literal["stop"] = "stop"


class Usage(BaseModel):
    """An estimate (four characters a token): the agent's own prompt is not counted."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CompletionShown(BaseModel):
    """A completion, as OpenAI shapes it."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage


@router.post(
    "/completions",
    summary="OpenAI-compatible chat completions",
    response_class=Response,
    responses={
        **problems(400, 404, 409, 413, 415, 503),
        200: {"model": CompletionShown, "content": {"text/event-stream": {"schema": {"type": "string"}}}},
    },
)
async def complete(
    principal: ChatWrite,
    request: Request,
    body: Annotated[Any, Documented(CompletionRequest), Body()],
    conversation_id: Annotated[
        str | None,
        Header(alias=CONVERSATION_ID, max_length=64, description="Go on with this conversation; else each request is its own."),
    ] = None,
) -> Response:
    """Ask the published agent whose id is `model`. Only `model`, `messages`, `stream` and `user` are read.

    Earlier messages are what the client says was said: they carry no tool results and no verification. Every answer names its
    conversation in `Patchbay-Conversation-Id`.
    """
    completion = read_completion(body)
    turn = await prepare_completion(platform_of(request).runtime, principal.org_id, completion, conversation_id=conversation_id)
    visit = visit_of(request)
    visit.resource_id, visit.receipted = turn.conversation_id, True
    headers = {CONVERSATION_ID: turn.conversation_id}
    base = {"id": f"chatcmpl-{visit.request_id}", "created": int(time.time()), "model": completion.model}
    if completion.stream:
        return EventStream(request, _chunks(turn, base), failed=_broken_off, headers=headers)
    heard = await hear_out(request, turn)
    if heard.problem is not None:
        return broken_off(request, heard.problem)
    content = "\n\n".join(str(event.data.get("text", "")) for event in heard.said)
    return JSONResponse(_completion(base, completion, content), headers=headers)


def _completion(base: dict[str, Any], completion: Completion, content: str) -> dict[str, Any]:
    asked = _tokens(completion.said) + sum(_tokens(text) for _, text in completion.history)
    usage = Usage(prompt_tokens=asked, completion_tokens=_tokens(content), total_tokens=asked + _tokens(content))
    choice = Choice(message=AssistantMessage(content=content))
    return CompletionShown(**base, choices=[choice], usage=usage).model_dump()


def _tokens(text: str) -> int:
    return math.ceil(len(text) / 4)


async def _chunks(turn: Turn, base: dict[str, Any]) -> AsyncGenerator[bytes]:
    """The answer as it is said: deltas as they come, and whole messages that came without any."""
    yield _chunk(base, {"role": "assistant", "content": ""})
    said_before = streamed = False
    async with aclosing(turn.events()) as events:
        async for event in events:
            text = str(event.data.get("text", ""))
            if event.type == "error":
                yield _broken_off(event.data["problem"])
                return
            if event.type == "agent_message_delta" or (event.type == "agent_message" and not streamed):
                gap = "\n\n" if said_before and not streamed else ""
                yield _chunk(base, {"content": gap + text})
            streamed = event.type == "agent_message_delta" or (streamed and event.type != "agent_message")
            said_before = said_before or event.type == "agent_message"
    yield _chunk(base, {}, finish="stop")
    yield _DONE


def _chunk(base: dict[str, Any], delta: dict[str, str], *, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return data_frame({**base, "object": "chat.completion.chunk", "choices": [choice]})


def _broken_off(problem: dict[str, Any]) -> bytes:
    """OpenAI's clients raise on a frame that has an ``error``."""
    return data_frame({**problem, "error": openai_error(problem)})
