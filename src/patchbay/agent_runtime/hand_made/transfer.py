"""``transfer``: a skill that brings the caller to a person: a number, a SIP address, or somebody by name.

Where a caller may be transferred to is the operator's alone: the model gives a reason and, where there are departments, picks one
of them. In a conversation the outcome is a ``handoff`` event, as when a caller asks for a person; on the phone it moves the call.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from patchbay.agent_runtime.agent_draft import zone_name
from patchbay.agent_runtime.bodies import Body, read_body
from patchbay.agent_runtime.guardrails.hours import compile_hours
from patchbay.agent_runtime.guardrails.policies import Week
from patchbay.agent_runtime.hand_made.own import Clock, Connectionless, OwnSettings, own_call, settings_of, values_of
from patchbay.agent_runtime.hand_made.skill_type import CREATE, Asked, Made, TypeEntry
from patchbay.agent_runtime.services import Runtime
from patchbay.connectors.preview import Preview
from patchbay.connectors.refusals import CallRefused
from patchbay.errors import Finding, ValidationFailed
from patchbay.schema_graph.call import TRANSFER, CallContext, CallInput, CallResult, FrozenCall
from patchbay.schema_graph.model import FieldType
from patchbay.schema_graph.phones import to_e164

DEPARTMENT, REASON = "department", "reason"
_SIP = re.compile(r"sips?:[A-Za-z0-9_.!~*'()&=+$,;?/%-]{1,120}@[A-Za-z0-9.-]{1,200}(?::\d{1,5})?")
_NAME = re.compile(r"[^\W\d_][\w .,'’&()-]{0,118}")
_OUTPUTS: Mapping[str, tuple[FieldType, str]] = {
    "destination": ("string", "Where the caller is transferred to"),
    "message": ("string", "What the caller is told"),
    "department": ("string", "Which department"),
    "reason": ("string", "Why"),
}

Destination = Annotated[str, Field(min_length=1, max_length=200)]
Message = Annotated[str, Field(min_length=1, max_length=500)]


class Department(Body):
    """One of several destinations. ``when`` says in plain words what it is for: the model picks by it."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    destination: Destination
    when: Annotated[str, Field(max_length=300)] | None = None


class AfterHours(Body):
    """What happens outside the hours: another destination, or words and no transfer."""

    destination: Destination | None = None
    message: Message | None = None


class TransferConfig(Body):
    """Where callers are transferred to: an E.164 number, a ``sip:`` address or a name. With ``departments`` one of those is
    picked, and ``destination`` is where the others go. ``hours`` are in ``timeZone``, the agent's when it is left out.
    """

    destination: Destination | None = None
    message: Message | None = None
    departments: list[Department] = Field(default_factory=list[Department], max_length=40)
    hours: Week | None = None
    holidays: list[date] = Field(default_factory=list[date], max_length=400)
    time_zone: Annotated[str, Field(max_length=64), AfterValidator(zone_name)] | None = None
    after_hours: AfterHours | None = None


class Place(OwnSettings, frozen=True):
    """A department as it is frozen."""

    name: str
    destination: str


class TransferSettings(OwnSettings, frozen=True):
    """A transfer as it is frozen. ``hours`` is a :class:`Week` in its JSON form."""

    destination: str | None = None
    message: str | None = None
    departments: tuple[Place, ...] = ()
    hours: dict[str, Any] | None = None
    holidays: tuple[date, ...] = ()
    time_zone: str = "UTC"
    after_destination: str | None = None
    after_message: str | None = None


class NobodyThere(CallRefused):
    """Nobody takes transferred callers at this hour."""

    code, title = "outside_hours", "Outside hours"
    layer = "limits"
    next_step = "Set afterHours.destination in the skill's executionConfig, or other hours."
    say = "I'm sorry, nobody is there to take your call right now."

    def __init__(self, message: str | None = None) -> None:
        super().__init__()
        if message:
            self.extensions |= {"say": message}


class TransferType(Connectionless):
    """See :class:`~patchbay.agent_runtime.hand_made.skill_type.HandMadeType`."""

    entry = TypeEntry(
        type=TRANSFER,
        name="Transfer",
        description="Brings the caller to a person: a number, a SIP address, or somebody by name.",
        family=TRANSFER,
        create_with=CREATE,
        schema=TransferConfig.model_json_schema(by_alias=True),
    )
    takes_parameters = False

    async def read(self, runtime: Runtime, asked: Asked, stored: None) -> Made:
        """Raises ValidationFailed."""
        config = read_body(TransferConfig, asked.config, at="executionConfig")
        findings: list[Finding] = []
        _normalize(config, asked.country, findings)
        if findings:
            raise ValidationFailed("The skill is not valid (validation_error).", errors=findings)
        after = config.after_hours or AfterHours()
        settings = TransferSettings(
            destination=config.destination,
            message=config.message,
            departments=tuple(Place(name=one.name, destination=one.destination) for one in config.departments),
            hours=config.hours.model_dump(by_alias=True, mode="json") if config.hours else None,
            holidays=tuple(config.holidays),
            time_zone=config.time_zone or asked.time_zone,
            after_destination=after.destination,
            after_message=after.message,
        )
        call = own_call(TRANSFER, settings, _inputs(config), _OUTPUTS, effect="read")
        return Made(call=call, config=config.model_dump(by_alias=True, exclude_defaults=True, mode="json"))


class TransferRunner:
    """Finds where a caller goes; moving them is the conversation's."""

    async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
        """One row: the destination, what the caller is told, the department and the reason. Raises :class:`NobodyThere`."""
        clock, settings = Clock(), settings_of(call, TransferSettings)
        return clock.result(_chosen(settings, values_of(call, context), datetime.now(UTC)))

    async def preview(self, org_id: str, call: FrozenCall, context: CallContext) -> Preview:
        """Where the caller would go now."""
        result = await self.run(org_id, call, context)
        return Preview(effect="read", executed=False, result=result, notes=("Nobody was transferred.",))


def _inputs(config: TransferConfig) -> list[CallInput]:
    reason = CallInput(REASON, REASON, "string", "string", description="The reason for the call", max_length=300, tidy=True)
    if not config.departments:
        return [reason]
    purposes = "; ".join(f"{one.name}: {one.when}" for one in config.departments if one.when)
    told = f"Which department. {purposes}" if purposes else "Which department"
    names = tuple(one.name for one in config.departments)
    needed = config.destination is None
    department = CallInput(DEPARTMENT, DEPARTMENT, "enum", "string", required=needed, description=told[:1_000], enum=names)
    return [department, reason]


def _chosen(settings: TransferSettings, values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    department = values.get(DEPARTMENT)
    destination = next((one.destination for one in settings.departments if one.name == department), settings.destination)
    if settings.hours is not None:
        week = Week.model_validate(settings.hours)
        if not compile_hours(week, settings.holidays, settings.time_zone).open_at(now):
            if settings.after_destination is None:
                raise NobodyThere(settings.after_message)
            destination = settings.after_destination
    assert destination is not None  # without one, a department has to be given
    message = settings.message or "I'm putting you through to a person."
    reason = values.get(REASON)
    return {"destination": destination, "message": message, "department": department, "reason": reason}


def _normalize(config: TransferConfig, country: str | None, findings: list[Finding]) -> None:
    """Write every destination in the one form it is kept in."""
    at = "executionConfig"
    if config.destination is None and not config.departments:
        findings.append(Finding(f"{at}.destination", "required", "is required", "An E.164 number such as +14155550111."))
    if config.destination is not None:
        config.destination = _destination(config.destination, country, f"{at}.destination", findings)
    for index, one in enumerate(config.departments):
        one.destination = _destination(one.destination, country, f"{at}.departments.{index}.destination", findings)
    names = [one.name.casefold() for one in config.departments]
    if len(set(names)) < len(names):
        findings.append(Finding(f"{at}.departments", "department_duplicate", "Two departments have the same name."))
    after = config.after_hours
    if after is not None and after.destination is not None:
        after.destination = _destination(after.destination, country, f"{at}.afterHours.destination", findings)
    if after is not None and config.hours is None:
        findings.append(Finding(f"{at}.afterHours", "hours_missing", "Without hours there is no after hours.", "Send hours too."))


def _destination(text: str, country: str | None, at: str, findings: list[Finding]) -> str:
    """A destination in its one form. A number without a country code is one of the agent's country, else of the US."""
    written = " ".join(text.split())
    if _SIP.fullmatch(written) or _NAME.fullmatch(written):
        return written
    number = to_e164(written, country or "US")
    if number is None:
        hint = "An E.164 number such as +14155550111, sip:desk@example.com, or a name."
        findings.append(Finding(at, "destination_invalid", "This is no number, SIP address or name.", hint))
    return number or written


def told(row: Mapping[str, Any]) -> str:
    """What a caller who cannot be moved, in a chat, is told of the outcome."""
    return f"{row['message']} You can reach them at {row['destination']}."


def handoff_of(row: Mapping[str, Any], skill_id: str) -> dict[str, Any]:
    """The ``handoff`` event of a transfer: as when a caller asks for a person, with the skill that transferred."""
    shown = {"reason": row.get("reason") or "", "destination": row["destination"], "message": told(row)}
    return {**shown, "skillId": skill_id, **({"department": row["department"]} if row.get("department") else {})}
