"""Any OpenAI-compatible endpoint as the model, through the openai SDK's chat completions. Imported only when configured."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import openai

from patchbay.agent_runtime.conversation.model import (
    Finish,
    ModelEvent,
    ModelRefused,
    ModelRequest,
    ModelTimeout,
    ModelUnavailable,
    TextDelta,
    ToolCallRequest,
)
from patchbay.agent_runtime.conversation.prompt import chat_messages
from patchbay.settings import Settings

_REASONS = {"stop": "stop", "tool_calls": "tools", "function_call": "tools", "length": "length"}


class OpenAIModel:
    """A model behind ``base_url``. One client, reused; a request that fails before its first byte is tried once more."""

    def __init__(self, *, base_url: str | None, api_key: str, model: str, timeout_s: float = 30.0, max_retries: int = 1) -> None:
        self._model = model
        self._client = openai.AsyncOpenAI(base_url=base_url, api_key=api_key, timeout=timeout_s, max_retries=max_retries)

    @classmethod
    def from_settings(cls, settings: Settings) -> OpenAIModel:
        """The model that the settings name. An endpoint that needs no key is sent ``none``."""
        key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else "none"
        return cls(base_url=settings.llm_base_url, api_key=key, model=settings.llm_model or "gpt-4o-mini")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """One streamed completion. Raises :class:`ModelTimeout`, :class:`ModelRefused` or :class:`ModelUnavailable`."""
        try:
            completions: Any = self._client.chat.completions
            stream = await completions.create(**self._parameters(request))
            async with stream:
                async for event in _events(stream):
                    yield event
        except openai.APITimeoutError as error:
            raise ModelTimeout from error
        except openai.APIStatusError as error:
            raise (ModelUnavailable if error.status_code >= 500 or error.status_code == 429 else ModelRefused) from error
        except (openai.OpenAIError, OSError, ValueError) as error:
            raise ModelUnavailable from error
        except Exception as error:
            if type(error).__module__.split(".")[0] in ("httpx", "httpx2", "httpcore", "httpcore2"):
                raise ModelUnavailable from error
            raise

    def _parameters(self, request: ModelRequest) -> dict[str, Any]:
        settings = request.agent.model_settings
        parameters: dict[str, Any] = {"model": self._model, "messages": chat_messages(request), "stream": True}
        if request.tools:
            parameters["tools"] = [t.schema for t in request.tools]
        if settings.temperature is not None:
            parameters["temperature"] = settings.temperature
        if settings.max_output_tokens is not None:
            parameters["max_completion_tokens"] = settings.max_output_tokens
        return parameters


class _Call:
    """A tool call while its pieces arrive."""

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []


async def _events(stream: AsyncIterator[Any]) -> AsyncGenerator[ModelEvent]:
    """The chunks of a completion as events: text at once, each tool call when all of it is there."""
    calls: dict[int, _Call] = {}
    reason, usage, heard = None, None, False
    async for chunk in stream:
        usage = getattr(chunk, "usage", None) or usage
        choices: list[Any] = chunk.choices or []
        for choice in choices[:1]:
            heard = True
            reason = choice.finish_reason or reason
            delta = choice.delta
            if delta is None:
                continue
            if delta.content:
                yield TextDelta(text=delta.content)
            for piece in delta.tool_calls or ():
                _gather(calls, piece)
    if not heard or (reason is None and calls):
        raise ModelUnavailable("The language model's answer broke off.")
    for number in sorted(calls):
        call = calls[number]
        yield ToolCallRequest(call_id=call.id or f"call_{number}", name=call.name, arguments="".join(call.arguments))
    yield Finish(
        reason="tools" if calls else _REASONS.get(reason or "", "other"),  # pyright: ignore[reportArgumentType]
        input_tokens=getattr(usage, "prompt_tokens", None),
        output_tokens=getattr(usage, "completion_tokens", None),
    )


def _gather(calls: dict[int, _Call], piece: Any) -> None:
    number = piece.index if isinstance(piece.index, int) else len(calls)
    call = calls.setdefault(number, _Call())
    call.id = piece.id or call.id
    if piece.function is not None:
        call.name = call.name or piece.function.name or ""
        if piece.function.arguments:
            call.arguments.append(piece.function.arguments)
