"""What an agent's draft holds: who it is, how it speaks, and the settings its conversations need."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from phonenumbers import SUPPORTED_REGIONS
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from patchbay.agent_runtime.bodies import Body, Name, read_body
from patchbay.nearest import did_you_mean

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _language(value: str) -> str:
    if not _LANGUAGE.fullmatch(value):
        raise PydanticCustomError("language", "must be a BCP 47 language code such as en or es-MX")
    return value


def zone_name(value: str) -> str:
    """An IANA time zone name, as a validator."""
    if value not in _zones():
        hint = did_you_mean(value, _zones()) or "Use a name such as Europe/London or America/New_York."
        raise PydanticCustomError("time_zone", "must be an IANA time zone", {"hint": hint})
    return value


def _country(value: str) -> str:
    if value.upper() not in SUPPORTED_REGIONS:
        raise PydanticCustomError("country", "must be an ISO 3166-1 country code of two letters such as US or GB")
    return value.upper()


Line = Annotated[str, Field(min_length=1, max_length=500)]
Paragraph = Annotated[str, Field(max_length=4000)]
Language = Annotated[str, Field(max_length=35), AfterValidator(_language)]


class Persona(Body):
    """Who the agent is. ``role`` is a sentence; ``goals`` and ``never_do`` are short instructions, in order."""

    name: Annotated[str, Field(max_length=120)] | None = None
    role: Paragraph | None = None
    goals: list[Line] = Field(default_factory=list, max_length=50)
    never_do: list[Line] = Field(default_factory=list, max_length=50)


class Handoff(Body):
    """What happens when a caller asks for a person. ``message`` is said, ``destination`` is where they can be reached."""

    enabled: bool = True
    message: Paragraph | None = None
    destination: Annotated[str, Field(max_length=200)] | None = None


class ModelSettings(Body):
    """Settings of the language model, where one is configured."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    max_output_tokens: int | None = Field(default=None, ge=16, le=16_384)


class AgentDraft(Body):
    """An agent's configuration. ``voiceMap`` and ``defaultVoiceId`` are kept for the voice channels."""

    name: Name
    description: Paragraph | None = None
    persona: Persona = Field(default_factory=Persona)
    greeting: Paragraph | None = None
    tone: Annotated[str, Field(max_length=200)] | None = None
    primary_language: Language = "en"
    languages: list[Language] = Field(default_factory=list, max_length=100)
    handoff: Handoff = Field(default_factory=Handoff)
    time_zone: Annotated[str, Field(max_length=64), AfterValidator(zone_name)] = "UTC"
    default_country: Annotated[str, AfterValidator(_country)] | None = None
    voice_map: dict[str, Any] = Field(default_factory=dict)
    default_voice_id: Annotated[str, Field(max_length=200)] | None = None
    model_settings: ModelSettings = Field(default_factory=ModelSettings)

    def stored(self) -> dict[str, Any]:
        """The draft as it is stored beside the name."""
        return self.model_dump(by_alias=True, exclude={"name"}, mode="json")


def read_draft(body: Any) -> AgentDraft:
    """A new agent's body. A member sent as null means its default."""
    return read_body(AgentDraft, _without_nulls(body))


def changed_draft(current: Mapping[str, Any], name: str, body: Any) -> AgentDraft:
    """The draft after a JSON merge patch (RFC 7396): members sent replace, null restores the default, objects merge."""
    if not isinstance(body, Mapping):
        return read_body(AgentDraft, body)
    return read_body(AgentDraft, _merge({**current, "name": name}, body))  # pyright: ignore[reportUnknownArgumentType]


def _merge(current: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(current)
    for member, value in patch.items():
        before = merged.get(member)
        if value is None:
            merged.pop(member, None)
        elif isinstance(value, Mapping) and isinstance(before, Mapping) and member != "voiceMap":
            merged[member] = _merge(before, value)  # pyright: ignore[reportUnknownArgumentType]
        else:
            merged[member] = value
    return merged


def _without_nulls(body: Any) -> Any:
    if not isinstance(body, Mapping):
        return body
    return {k: v for k, v in body.items() if v is not None}  # pyright: ignore[reportUnknownVariableType]
