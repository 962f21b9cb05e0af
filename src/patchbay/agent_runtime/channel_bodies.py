"""What the text channels accept."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from patchbay.agent_runtime.bodies import Body
from patchbay.agent_runtime.withheld import is_withheld

MAX_UTTERANCE = 8_000
"""How many characters one utterance may have."""


def _said(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("blank", "must not be blank")
    return value.replace("\x00", "\ufffd")


def _number(value: str | None) -> str | None:
    """A caller who withholds their number is one whose number is not known, and not one whose number that is."""
    return None if value is None or is_withheld(value) else value


Utterance = Annotated[str, Field(min_length=1, max_length=MAX_UTTERANCE), AfterValidator(_said)]
Fact = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_said)]


class SessionFacts(Body):
    """What the channel knows about the caller. Inputs with the source ``session`` are filled from it, never by the model."""

    caller_number: Annotated[Fact | None, AfterValidator(_number)] = None
    caller_name: Fact | None = None
    visitor: Fact | dict[str, Any] | None = None

    def known(self) -> dict[str, Any]:
        """The facts that are there, under the names a frozen call uses. A number that is withheld is none."""
        return self.model_dump(exclude_none=True)


class Simulation(Body):
    """A run of the tester: exactly one of ``message`` (one turn) and ``transcript`` (the user's turns in order)."""

    message: Utterance | None = None
    transcript: Annotated[list[Utterance], Field(min_length=1, max_length=50)] | None = None
    mode: Literal["text", "voice"] = "text"
    draft_mode: bool = True
    session: SessionFacts | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Simulation:
        if self.mode == "text" and (self.message is None) == (self.transcript is None):
            raise PydanticCustomError("one_of", "must have exactly one of message and transcript")
        return self

    def utterances(self) -> list[str]:
        """What the user says, turn by turn."""
        return self.transcript if self.transcript is not None else [self.message or ""]


class ChatSessionCreate(Body):
    """A new chat session."""

    agent_id: Annotated[str, Field(min_length=1, max_length=64)]
    draft_mode: bool = False
    session: SessionFacts | None = None


class ChatMessage(Body):
    """A message to a chat session; ``stream`` asks for the answer as server-sent events."""

    content: Utterance
    stream: bool = False
