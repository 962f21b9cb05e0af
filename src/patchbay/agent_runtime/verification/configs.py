"""Verification configurations as they are written: read strictly, all findings at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import Field

from patchbay.agent_runtime.bodies import Body, read_body
from patchbay.agent_runtime.guardrails.policies import list_of, repeated_ids
from patchbay.errors import Finding, ValidationFailed
from patchbay.nearest import did_you_mean
from patchbay.store.ids import new_id

Method = Literal["dob_postcode", "account_pin", "otp_sms", "knowledge_based"]
METHODS: tuple[Method, ...] = ("dob_postcode", "account_pin", "otp_sms", "knowledge_based")
MOST_CONFIGS = 20
FieldName = Annotated[str, Field(min_length=1, max_length=120)]


class VerificationConfig(Body):
    """One way to verify a caller.

    ``required_fields`` are asked for one by one and checked through the skill ``verifier_skill_id`` (an id or slug of this
    agent). A verification holds for ``token_ttl_seconds``; ``max_attempts`` failures lock the claimed identity and the caller's
    origin for ``lock_seconds``. ``step_up_for`` names skills, by id, slug, name or a word of it, that need ``step_up``.
    ``level`` is what this entry proves; ``phone_leaf`` is where an ``otp_sms`` verifier returns the number that the code goes
    to.
    """

    id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")] | None = None
    method: Method
    required_fields: list[FieldName] = Field(default_factory=list, max_length=10)
    verifier_skill_id: Annotated[str, Field(min_length=1, max_length=64)]
    token_ttl_seconds: int = Field(default=600, ge=10, le=86_400)
    max_attempts: int = Field(default=3, ge=1, le=20)
    lock_seconds: int = Field(default=900, ge=1, le=604_800)
    step_up_for: list[Annotated[str, Field(min_length=1, max_length=120)]] = Field(default_factory=list, max_length=50)
    level: Literal["basic", "step_up"] = "basic"
    phone_leaf: Annotated[str, Field(min_length=1, max_length=200)] = "phone"
    warnings: list[Any] = Field(default_factory=list, exclude=True)


def read_configs(body: Any) -> list[dict[str, Any]]:
    """A list of configurations as it is stored, each with its id. Raises :class:`ValidationFailed` with every finding at once."""
    findings: list[Finding] = []
    read: list[dict[str, Any]] = []
    for place, entry in enumerate(list_of(body, most=MOST_CONFIGS)):
        try:
            read.append(stored_config(_hinted(entry)).model_dump(by_alias=True, mode="json", exclude_none=True))
        except ValidationFailed as error:
            findings += [
                Finding(f"{place}.{f.field}" if f.field else str(place), f.code, f.message, f.hint) for f in error.errors
            ]
    findings += repeated_ids(read)
    if findings:
        raise ValidationFailed(f"{findings[0].field} {findings[0].message}", errors=findings)
    return [{**config, "id": config.get("id") or new_id("vrf")} for config in read]


def stored_config(document: Mapping[str, Any]) -> VerificationConfig:
    """A configuration. Raises :class:`ValidationFailed`."""
    return read_body(VerificationConfig, document)


def _hinted(entry: Any) -> Mapping[str, Any]:
    if not isinstance(entry, Mapping):
        raise ValidationFailed(errors=[Finding("", "type", "must be a JSON object")])
    one = cast(Mapping[str, Any], entry)
    method = one.get("method")
    if method is not None and method not in METHODS:
        hint = did_you_mean(str(method), METHODS)
        raise ValidationFailed(errors=[Finding("method", "method", f"must be one of {', '.join(METHODS)}", hint)])
    return one
