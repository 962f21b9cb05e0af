"""What a person writes to turn an operation into a skill, and its shape.

The members are the reference's, plus the additive ones of the contract: an input's ``source``, ``key`` and ``value``;
``filters``, ``orderBy``, ``limit``; and the gate. Reading a body judges its shape alone and tells everything wrong with it at
once; whether it makes sense against a schema is for :mod:`patchbay.bindings.check`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar, cast, get_type_hints

import msgspec
from msgspec import UNSET, Meta, UnsetType

from patchbay.bindings.transform_rules import InputTransform, OutputTransform
from patchbay.errors import Finding, ValidationFailed
from patchbay.nearest import did_you_mean
from patchbay.schema_graph.call import Comparison, Direction, Source, VerificationLevel

MAX_INPUTS = 32
MAX_PROJECTION = 64
MAX_FILTERS = 16
MAX_ORDER = 4
DEFAULT_LIMIT = 5

_Name = Annotated[str, Meta(min_length=1, max_length=200)]
_Path = Annotated[str, Meta(min_length=1, max_length=1_000)]
_Description = Annotated[str, Meta(max_length=1_000)]
_Segments = Annotated[list[_Name], Meta(min_length=1, max_length=16)]
_Element = Annotated[int, Meta(ge=0, lt=20)]
_Steps = Annotated[list[_Name | _Element], Meta(min_length=1, max_length=16)]


class _Member(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Base of a binding's parts: camelCase in JSON, defaults left out."""


class Input(_Member, frozen=True, rename="camel", omit_defaults=True):
    """One agent parameter mapped to an argument of the operation.

    ``key`` names the fact of a session or verified source (the parameter's own when it is left out); ``value`` is a
    constant's. Only a model's input may be optional. ``transform`` is between the agent's value and the argument's.
    """

    param: _Name
    arg: _Path
    required: bool = False
    description: _Description | None = None
    source: Source = "model"
    key: _Name | None = None
    value: Any | UnsetType = UNSET
    transform: InputTransform | None = None


class Projection(_Member, frozen=True, rename="camel", omit_defaults=True):
    """One field that comes back: its ``path`` from the operation's record, and the agent's name for it.

    A number in the path picks one element of a list on the way, from 0. ``transform`` is between the system's value and the
    agent's. An ``optional`` one may go from the schema one day: the skill then runs without it.
    """

    path: _Steps
    leaf: _Name
    description: _Description | None = None
    transform: OutputTransform | None = None
    optional: bool = False


class FilterRule(_Member, frozen=True, rename="camel", omit_defaults=True):
    """One more condition: ``arg`` compared with a fixed ``value`` or a ``param``.

    The value ``{"now": true}`` is the time of the call; with ``startOf``, ``offset`` and ``timeZone`` a time told from it.
    """

    arg: _Path
    op: Comparison = "eq"
    value: Any | UnsetType = UNSET
    param: _Name | None = None


class OrderRule(_Member, frozen=True, rename="camel", omit_defaults=True):
    """One sort term."""

    path: _Segments
    direction: Direction = "asc"


class Succeeds(_Member, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A called write was done where its answer holds ``equals`` at ``path`` (from the operation's record)."""

    path: _Steps | _Path
    equals: bool | int | Annotated[str, Meta(max_length=200)]


class Binding(_Member, frozen=True, rename="camel", omit_defaults=True):
    """A binding as it is stored. ``limit`` is None where none was chosen (then :data:`DEFAULT_LIMIT` holds). Only the
    ``projection`` of a write may be empty.
    """

    tool_name: Annotated[str, Meta(min_length=1, max_length=100)]
    operation: _Path
    projection: Annotated[list[Projection], Meta(max_length=MAX_PROJECTION)]
    inputs: Annotated[list[Input], Meta(max_length=MAX_INPUTS)] = []
    description: _Description = ""
    filters: Annotated[list[FilterRule], Meta(max_length=MAX_FILTERS)] = []
    order_by: Annotated[list[OrderRule], Meta(max_length=MAX_ORDER)] = []
    limit: int | None = None
    enabled: bool = False
    requires_verified_identity: bool = False
    verification_level: VerificationLevel | None = None
    allowed_fields: Annotated[list[_Name], Meta(max_length=MAX_PROJECTION)] | None = None
    requires_confirmation: bool | None = None
    stakes: Literal["low", "medium", "high"] | None = None
    succeeds: Succeeds | None = None

    @property
    def level(self) -> VerificationLevel:
        """How well the caller has to be verified for what comes back."""
        return self.verification_level or ("basic" if self.requires_verified_identity else "none")

    def without_optional(self) -> Binding | None:
        """The binding without its optional outputs; None when it has none."""
        required = [rule for rule in self.projection if not rule.optional]
        if len(required) == len(self.projection):
            return None
        allowed = self.allowed_fields
        left = {rule.leaf for rule in required}
        kept = None if allowed is None else [leaf for leaf in allowed if leaf in left]
        return msgspec.structs.replace(self, projection=required, allowed_fields=kept)

    def to_json(self) -> dict[str, Any]:
        """The wire form: the members that were given, camelCase."""
        return msgspec.to_builtins(self)


def parse_binding(body: Mapping[str, Any]) -> Binding:
    """The binding in a request body.

    Raises :class:`ValidationFailed` with a finding for each unknown member, wrong type, missing member and size that is too
    large.
    """
    findings: list[Finding] = []
    binding = None
    if any(_unwritable(text) for text in _texts(body)):
        findings.append(Finding("body", "text_invalid", "This holds characters that no text may hold."))
    else:
        binding = _read(Binding, body, "", findings)
    if findings or binding is None:
        raise ValidationFailed("The binding is not valid (validation_error).", errors=findings)
    # Names that are written alike are the same name.
    return msgspec.structs.replace(binding, tool_name=unicodedata.normalize("NFC", binding.tool_name))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in cast("Mapping[str, object]", value).items():
            yield from (name, *_texts(inner))
    elif isinstance(value, list):
        for inner in cast("list[object]", value):
            yield from _texts(inner)


def _unwritable(text: str) -> bool:
    """NUL and lone surrogates: JSON can spell them, UTF-8 text in a database cannot hold them."""
    return "\0" in text or any("\ud800" <= character <= "\udfff" for character in text)


_T = TypeVar("_T", bound=_Member)
_LISTS: Mapping[str, type[_Member]] = {"inputs": Input, "projection": Projection, "filters": FilterRule, "orderBy": OrderRule}


def _read(cls: type[_T], body: object, at: str, findings: list[Finding]) -> _T | None:
    """``body`` as ``cls``, or None with what is wrong added to ``findings``."""
    if not isinstance(body, Mapping):
        findings.append(Finding(at.rstrip(".") or "body", "type_invalid", "This must be an object."))
        return None
    members = cast("Mapping[str, Any]", body)
    types = _types(cls)
    before = len(findings)
    for name in members:
        if name not in types:
            findings.append(
                Finding(f"{at}{name}"[:200] or "body", "unknown_member", "There is no such member.", did_you_mean(name, types))
            )
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(cls):
        name = field.encode_name
        if name in members:
            values[field.name] = _member(cls, name, types[name], _lenient(name, members[name]), f"{at}{name}", findings)
        elif field.required:
            findings.append(Finding(f"{at}{name}", "required", "This member is needed."))
    return cls(**values) if len(findings) == before else None


def _member(cls: type[_Member], name: str, kind: Any, value: Any, at: str, findings: list[Finding]) -> Any:
    nested = _LISTS.get(name) if cls is Binding else None
    if nested is not None and isinstance(value, list):
        items = cast("list[object]", value)
        read = [_read(nested, item, f"{at}.{index}.", findings) for index, item in enumerate(items[:MAX_PROJECTION])]
        if all(item is not None for item in read):
            _convert([None] * len(items), Annotated[list[Any], *_bounds(kind)], at, findings)
        return read
    return _convert(value, kind, at, findings)


def _convert(value: Any, kind: Any, at: str, findings: list[Finding]) -> Any:
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        said, _, where = str(error).partition(" - at ")
        inside = where.strip("`").removeprefix("$").replace("[", ".").replace("]", "")
        findings.append(Finding(at + inside, "type_invalid", said.replace("`", "'") + "."))
        return None


def _lenient(name: str, value: Any) -> Any:
    """A path may also be one dotted text."""
    return [value] if name == "path" and isinstance(value, str) else value


def _types(cls: type[_Member]) -> dict[str, Any]:
    hints = get_type_hints(cls, include_extras=True)
    return {field.encode_name: hints[field.name] for field in msgspec.structs.fields(cls)}


def _bounds(kind: Any) -> tuple[Meta, ...]:
    return tuple(m for m in getattr(kind, "__metadata__", ()) if isinstance(m, Meta))
