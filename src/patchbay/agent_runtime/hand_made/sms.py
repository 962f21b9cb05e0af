"""``sms``: a skill that sends a text message, to the caller's own number or to one of the operator's.

It is a write: reviewed, confirmed by the caller, sent once. Carriers bill a long message as several: at most so many are sent as
the operator allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from patchbay.agent_runtime.bodies import Body, read_body
from patchbay.agent_runtime.hand_made.own import (
    Clock,
    Connectionless,
    NotConfigured,
    OwnSettings,
    own_call,
    settings_of,
    values_of,
)
from patchbay.agent_runtime.hand_made.parameters import Parameter, read_parameters
from patchbay.agent_runtime.hand_made.recipients import RECIPIENT, CallersOwn, check_recipients, own_input, told_values
from patchbay.agent_runtime.hand_made.skill_type import CREATE, Asked, Made, TypeEntry
from patchbay.agent_runtime.hand_made.templates import check_template, fill
from patchbay.agent_runtime.services import Runtime, Texting
from patchbay.connectors.preview import Preview
from patchbay.connectors.refusals import OutcomeUnknown, ValueNotAccepted
from patchbay.connectors.sms.carrier import SmsLost, SmsRateLimited, SmsRefused, SmsUnavailable
from patchbay.connectors.sms.segments import segments
from patchbay.errors import Finding, ValidationFailed
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall
from patchbay.schema_graph.model import FieldType
from patchbay.schema_graph.phones import to_e164

SMS = "sms"
_HINT = "An E.164 number such as +14155550111."
_OUTPUTS: Mapping[str, tuple[FieldType, str]] = {"status": ("string", "What became of the message")}
_SETTINGS = "Set PATCHBAY_SMS_ACCOUNT_SID, PATCHBAY_SMS_AUTH_TOKEN and PATCHBAY_SMS_FROM."
_SAY = "I can't send that text message right now, so I haven't."


class SmsNotConfigured(NotConfigured):
    """No text message carrier is configured on this server, so no message was sent."""

    code = "sms_not_configured"
    next_step = _SETTINGS


class TextTooLong(ValueNotAccepted):
    """The text is longer than this skill may send, so no message was sent."""

    code, title = "text_too_long", "Text too long"
    next_step = "Make it shorter, or raise maxSegments in the skill's executionConfig."
    say = "That is too long for a text message. Could you make it shorter?"


class SmsConfig(Body):
    """A text message. ``to`` is a number of the operator's; ``toCaller`` the caller's own, of the session when nothing else is
    said, and where neither is sent. ``text`` has ``{placeholders}`` of parameters. ``maxSegments``: messages it may be billed as.
    """

    to: Annotated[str, Field(max_length=40)] | None = None
    to_caller: CallersOwn | None = None
    text: Annotated[str, Field(min_length=1, max_length=1_000)]
    max_segments: Annotated[int, Field(ge=1, le=10, strict=True)] = 3
    parameters: list[Parameter] = Field(default_factory=list[Parameter], max_length=64)


class SmsSettings(OwnSettings, frozen=True):
    """A text message as it is frozen."""

    text: str
    to: str | None = None
    max_segments: int = 3


class SmsType(Connectionless):
    """See :class:`~patchbay.agent_runtime.hand_made.skill_type.HandMadeType`."""

    entry = TypeEntry(
        type=SMS,
        name="Text message",
        description="Sends a text message to the caller's own number, or to a number of yours.",
        family=SMS,
        create_with=CREATE,
        schema=SmsConfig.model_json_schema(by_alias=True),
    )
    takes_parameters = True

    async def read(self, runtime: Runtime, asked: Asked, stored: None) -> Made:
        """Raises ValidationFailed."""
        config = read_body(SmsConfig, asked.config, at="executionConfig")
        findings: list[Finding] = []
        parameters = read_parameters(asked.schema, asked.required, config.parameters, findings)
        names = [one.param for one in parameters.inputs]
        number = None if config.to is None else to_e164(config.to, asked.country)
        if config.to is not None and number is None:
            findings.append(Finding("executionConfig.to", "number_invalid", "This is no full phone number.", _HINT))
        if config.to is not None and config.to_caller is not None:
            findings.append(Finding("executionConfig.toCaller", "not_together", "One message goes to one number.", "Make two."))
        own = config.to_caller or (CallersOwn(source="session") if config.to is None else None)
        check_recipients([number or ""], own, names, _HINT, findings)
        check_template(config.text, names, "executionConfig.text", findings)
        if segments(config.text) > config.max_segments:
            message = f"Even without any value this text takes more than {config.max_segments} messages."
            findings.append(Finding("executionConfig.text", "text_too_long", message, "Make it shorter, or raise maxSegments."))
        if findings:
            raise ValidationFailed("The skill is not valid (validation_error).", errors=findings)
        caller = () if own is None else (own_input(own, _usual(own), codec="e164", country=asked.country),)
        settings = SmsSettings(text=config.text, to=number, max_segments=config.max_segments)
        call = own_call(SMS, settings, (*parameters.inputs, *caller), _OUTPUTS, effect="write", guarantee="none")
        warnings = parameters.warnings if runtime.sms is not None else (*parameters.warnings, _unconfigured())
        config = config.model_copy(update={"to": number, "parameters": []})
        shown = config.model_dump(by_alias=True, exclude_defaults=True, mode="json")
        return Made(
            call=call,
            config={**shown, "parameters": parameters.elsewhere} if parameters.elsewhere else shown,
            schema=parameters.schema,
            required=parameters.required,
            warnings=warnings,
        )


class SmsRunner:
    """Sends the text message. ``carrier`` is None where none is configured."""

    def __init__(self, carrier: Texting | None) -> None:
        self._carrier = carrier

    async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
        """Raises :class:`SmsNotConfigured`, :class:`TextTooLong`, OutcomeUnknown where the carrier's answer was lost, and what
        the carrier refuses with.
        """
        clock = Clock()
        to, text = _message(call, context)
        if self._carrier is None:
            raise SmsNotConfigured
        await send_text(self._carrier, to, text)
        return clock.result({"status": "sent"}, done=True)

    async def preview(self, org_id: str, call: FrozenCall, context: CallContext) -> Preview:
        """The message as it would be sent."""
        to, text = _message(call, context)
        notes = () if self._carrier is not None else (SmsNotConfigured().detail,)
        shown = {"sms": {"to": to, "text": text, "segments": segments(text)}}
        return Preview(effect="write", executed=False, request=shown, notes=("Nothing was sent.", *notes))


async def send_text(carrier: Texting, to: str, text: str) -> None:
    """Send one message as a write: a lost answer is an unknown outcome, a refusal says what to say."""
    try:
        await carrier.send(to, text)
    except SmsLost as lost:
        raise OutcomeUnknown from lost
    except (SmsUnavailable, SmsRefused, SmsRateLimited) as refusal:
        refusal.extensions |= {"say": _SAY}
        raise


def _message(call: FrozenCall, context: CallContext) -> tuple[str, str]:
    settings, values = settings_of(call, SmsSettings), values_of(call, context)
    text = fill(settings.text, told_values(values), lines=True)
    if segments(text) > settings.max_segments:
        raise TextTooLong
    return settings.to or values[RECIPIENT], text


def _usual(own: CallersOwn) -> str:
    return "caller_number" if own.source == "session" else "phone"


def _unconfigured() -> Finding:
    message = "No text message carrier is configured on this server: the skill can be made, and is refused when it is called."
    return Finding("skillType", "sms_not_configured", message, _SETTINGS)
