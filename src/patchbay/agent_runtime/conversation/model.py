"""The model as a port: what the engine asks and what it gets back, whoever speaks.

The engine owns the loop. A model only streams text and asks for tools; it never runs anything, and what it sees of a result
is what the engine chose to show.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Literal, Protocol

import msgspec

from patchbay.agent_runtime.agent_draft import AgentDraft
from patchbay.errors import Unavailable
from patchbay.schema_graph.call import CallInput, Output


class ModelUnavailable(Unavailable):
    """The language model does not answer right now."""

    code, title = "model_unavailable", "Model unavailable"


class ModelRefused(ModelUnavailable):
    """The language model's endpoint refused the request; check the PATCHBAY_LLM_ settings."""

    code, title = "model_refused", "Model refused"


class ModelTimeout(ModelUnavailable):
    """The language model took too long."""

    code, title = "model_timeout", "Model timeout"


class _Value(msgspec.Struct, frozen=True, kw_only=True):
    pass


class ToolCallRequest(_Value, frozen=True, kw_only=True):
    """A tool the model asks for. ``arguments`` is the JSON text as the model wrote it: unchecked."""

    call_id: str
    name: str
    arguments: str


class TextDelta(_Value, frozen=True, kw_only=True):
    """A piece of what the model says."""

    text: str


class Finish(_Value, frozen=True, kw_only=True):
    """The end of one answer. ``memory`` is what the model wants to be given back in the next turn; None keeps it."""

    reason: Literal["stop", "tools", "length", "other"] = "stop"
    input_tokens: int | None = None
    output_tokens: int | None = None
    memory: dict[str, Any] | None = None
    unanswered: bool = False


ModelEvent = TextDelta | ToolCallRequest | Finish


class ToolOutcome(_Value, frozen=True, kw_only=True):
    """What came of a tool call, as far as the model may know.

    ``refused``: nothing ran, or the result may not be shown; ``failed``: it ran and did not come to an end. ``message`` can be
    said to the caller as it is. ``missing`` and ``invalid`` name parameters to ask for (again). ``reason`` is for the receipt.
    ``done``: a write that took effect.
    """

    status: Literal["succeeded", "refused", "failed"]
    code: str | None = None
    message: str | None = None
    rows: list[dict[str, Any]] = []
    row_count: int = 0
    truncated: bool = False
    ambiguous: bool = False
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()
    reason: dict[str, Any] = {}
    done: bool = False


class UserMessage(_Value, frozen=True, kw_only=True):
    """What the caller said."""

    text: str


class AgentMessage(_Value, frozen=True, kw_only=True):
    """What the agent said, and the tools it asked for in the same breath."""

    text: str
    calls: tuple[ToolCallRequest, ...] = ()


class ToolMessage(_Value, frozen=True, kw_only=True):
    """The outcome of one tool call."""

    call_id: str
    tool: str
    outcome: ToolOutcome


Message = UserMessage | AgentMessage | ToolMessage


class ToolSpec(_Value, frozen=True, kw_only=True):
    """A tool as a model may use it. ``schema`` is the function schema; ``inputs`` and ``outputs`` say what it means.

    ``transfers``: it brings the caller to a person. ``searches``: it looks something up in what the agent knows.
    """

    slug: str
    name: str
    description: str
    schema: dict[str, Any]
    inputs: tuple[CallInput, ...] = ()
    outputs: tuple[Output, ...] = ()
    skill_id: str | None = None
    transfers: bool = False
    searches: bool = False

    def model_inputs(self) -> tuple[CallInput, ...]:
        """The inputs the model supplies."""
        return tuple(i for i in self.inputs if i.source == "model")


class Reference(_Value, frozen=True, kw_only=True):
    """A passage of the agent's knowledge that was found for what the caller said. Its words are the source's: untrusted."""

    label: str
    heading: str
    text: str
    score: float


class Knowledge(_Value, frozen=True, kw_only=True):
    """What was found in the agent's knowledge for what the caller said, best first. ``covered``: it is enough to answer from."""

    passages: tuple[Reference, ...] = ()
    covered: bool = False


class ModelRequest(_Value, frozen=True, kw_only=True):
    """One question to the model. ``memory`` is what it asked to be given back; ``session`` are the channel's facts.

    ``untrusted_history`` is what a client claims was said before: (role, text), to be read as hearsay. ``knowledge`` is what was
    found for the caller's last words; None for an agent without knowledge, and where they were none to look for.
    """

    agent: AgentDraft
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...]
    session: Mapping[str, Any] = {}
    memory: Mapping[str, Any] = {}
    untrusted_history: tuple[tuple[str, str], ...] = ()
    knowledge: Knowledge | None = None


class ModelClient(Protocol):
    """Something that can speak for an agent."""

    def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Answer once: text and tool requests as they come, then one :class:`Finish`. Raises :class:`ModelUnavailable`."""
        ...
