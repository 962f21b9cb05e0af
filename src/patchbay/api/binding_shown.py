"""A binding on the wire. :mod:`patchbay.bindings.model` reads it; these models only document it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from patchbay.schema_graph.call import Comparison, Direction, Source, VerificationLevel


class _Member(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class BindingTransform(_Member):
    """How a value as the agent says it and as the system keeps it belong together. The type decides which members there are."""

    type: Literal["phone", "date_time", "money_minor", "enum_words", "trim", "scale", "split_name", "join_name", "affix"]
    format: str | None = Field(default=None, description="Of a phone or a date_time: the system's form.")
    country: str | None = Field(default=None, description="Of a phone: where national numbers belong (ISO 3166-1 alpha-2).")
    time_zone: str | None = Field(default=None, description="Of a date_time: the zone (IANA) of a local form.")
    currency: str | None = Field(default=None, description="Of money_minor: ISO 4217.")
    words: dict[str, str] | None = Field(default=None, description="Of enum_words: the word for each of the system's values.")
    case: Literal["keep", "lower", "upper"] | None = Field(default=None, description="Of trim.")
    digits: int | None = Field(
        default=None, description="Of scale: the power of ten between the agent's number and the system's."
    )
    family_arg: str | None = Field(default=None, description="Of split_name: the argument that the family name goes to.")
    family_path: list[str] | None = Field(default=None, description="Of join_name: the path to the family name.")
    before: str | None = Field(default=None, description="Of affix: what stands in front of the agent's value.")
    after: str | None = Field(default=None, description="Of affix: what stands behind it.")
    without: str | None = Field(default=None, description="Of affix: characters that no value may hold besides.")


class BindingInput(_Member):
    """One agent parameter mapped to an argument of the operation."""

    param: str = Field(max_length=200, description="The agent's name for it, such as `caller_phone`.")
    arg: str = Field(description="An argument of the operation.")
    required: bool = False
    description: str | None = Field(default=None, description="What the agent should ask for.")
    source: Source = Field(default="model", description="Who supplies the value. Only the model's are in the tool's schema.")
    key: str | None = Field(default=None, description="The fact of a session or verified source, such as `caller_number`.")
    value: Any = Field(default=None, description="A constant's value.")
    transform: BindingTransform | None = None


class BindingProjection(_Member):
    """One field that comes back, under the agent's own name."""

    path: list[str | int] = Field(
        min_length=1,
        description="From the operation's record; a neighbour's field is further down. A number picks one element of a list.",
    )
    leaf: str
    description: str | None = None
    transform: BindingTransform | None = None
    optional: bool = Field(default=False, description="Once it is gone from the schema, the skill runs without it.")


class BindingFilter(_Member):
    """One more condition: against a fixed `value` or a `param`.

    The value `{"now": true}` is the time of the call; `startOf`, `offset` and `timeZone` beside it tell a time from it.
    """

    arg: str
    op: Comparison = "eq"
    value: Any = None
    param: str | None = None


class BindingOrder(_Member):
    """One sort term."""

    path: list[str] = Field(min_length=1)
    direction: Direction = "asc"


class BindingSuccess(_Member):
    """How the answer to a write of a REST or GraphQL system says that it was done, whatever its status."""

    path: list[str | int] = Field(description="From the operation's record, like a projection's.")
    equals: bool | int | str = Field(description="What is there when it was done; anything else is a refusal.")


class BindingBody(_Member):
    """An operation mapped onto an agent: what goes in, which fields come back."""

    tool_name: str = Field(min_length=1, max_length=100, description="The skill's name, unique on the agent.")
    description: str = Field(default="", description="When the agent should use it.")
    operation: str = Field(description="Such as `appointments.read`.")
    inputs: list[BindingInput] = []
    projection: list[BindingProjection] = Field(min_length=1)
    filters: list[BindingFilter] = []
    order_by: list[BindingOrder] = []
    limit: int | None = Field(default=None, ge=1, le=50, description="Records returned at most; 5 when not set.")
    enabled: bool = Field(default=False, description="false keeps it as a draft to review.")
    requires_verified_identity: bool = False
    verification_level: VerificationLevel | None = None
    allowed_fields: list[str] | None = None
    requires_confirmation: bool | None = Field(default=None, description="Ask the caller first; a write does by itself.")
    stakes: Literal["low", "medium", "high"] | None = None
    succeeds: BindingSuccess | None = None
