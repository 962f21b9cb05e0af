"""``email``: a skill that sends a mail with what the agent collected.

It is a write: reviewed, confirmed by the caller, sent once. Who gets it is the operator's to say; what it says is the operator's
text with the caller's values in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
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
from patchbay.agent_runtime.hand_made.templates import check_template, fill, listing
from patchbay.agent_runtime.services import Mailing, Runtime
from patchbay.connectors.preview import Preview
from patchbay.connectors.refusals import ValueNotAccepted
from patchbay.connectors.smtp.addresses import mail_address
from patchbay.connectors.smtp.message import Mail
from patchbay.errors import Finding, ValidationFailed
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall
from patchbay.schema_graph.model import FieldType

EMAIL = "email"
TO_MOST = 10
_HINT = "An address such as orders@example.com."
_OUTPUTS: Mapping[str, tuple[FieldType, str]] = {"status": ("string", "What became of the mail")}
_SETTINGS = (
    "Set PATCHBAY_SMTP_HOST and PATCHBAY_SMTP_FROM, and PATCHBAY_SMTP_USER and PATCHBAY_SMTP_PASSWORD if it asks for a login."
)


class MailNotConfigured(NotConfigured):
    """No mail server is configured on this server, so no mail was sent."""

    code = "mail_not_configured"
    next_step = _SETTINGS


class EmailConfig(Body):
    """A mail. ``to`` are the operator's addresses, ``toCaller`` the caller's own. ``subject`` and ``body`` are texts with
    ``{placeholders}`` of parameters; without a body, the parameters are listed.
    """

    to: Annotated[list[str], Field(max_length=TO_MOST)] | str = Field(default_factory=list[str])
    to_caller: CallersOwn | None = None
    subject: Annotated[str, Field(min_length=1, max_length=200)]
    body: Annotated[str, Field(min_length=1, max_length=20_000)] | None = None
    reply_to: str | None = None
    from_name: Annotated[str, Field(max_length=100)] | None = None
    parameters: list[Parameter] = Field(default_factory=list[Parameter], max_length=64)


class EmailSettings(OwnSettings, frozen=True):
    """A mail as it is frozen."""

    subject: str
    to: tuple[str, ...] = ()
    body: str | None = None
    reply_to: str | None = None
    from_name: str | None = None


class EmailType(Connectionless):
    """See :class:`~patchbay.agent_runtime.hand_made.skill_type.HandMadeType`."""

    entry = TypeEntry(
        type=EMAIL,
        name="E-mail",
        description="Sends a mail with what the agent collected, to addresses of yours or to the verified caller's own.",
        family=EMAIL,
        create_with=CREATE,
        schema=EmailConfig.model_json_schema(by_alias=True),
    )
    takes_parameters = True

    async def read(self, runtime: Runtime, asked: Asked, stored: None) -> Made:
        """Raises ValidationFailed."""
        config = read_body(EmailConfig, asked.config, at="executionConfig")
        findings: list[Finding] = []
        parameters = read_parameters(asked.schema, asked.required, config.parameters, findings)
        names = [one.param for one in parameters.inputs]
        to = [config.to] if isinstance(config.to, str) else config.to
        for index, one in enumerate(to):
            if mail_address(one) is None:
                findings.append(Finding(f"executionConfig.to.{index}", "address_invalid", "This is no mail address.", _HINT))
        if config.reply_to is not None and mail_address(config.reply_to) is None:
            findings.append(Finding("executionConfig.replyTo", "address_invalid", "This is no mail address.", _HINT))
        check_recipients(to, config.to_caller, names, _HINT, findings)
        check_template(config.subject, names, "executionConfig.subject", findings)
        check_template(config.body or "", names, "executionConfig.body", findings)
        if findings:
            raise ValidationFailed("The skill is not valid (validation_error).", errors=findings)
        config = config.model_copy(update={"to": list(dict.fromkeys(to))})
        settings = EmailSettings(
            to=tuple(config.to), subject=config.subject, body=config.body, reply_to=config.reply_to, from_name=config.from_name
        )
        own = () if config.to_caller is None else (own_input(config.to_caller, "email"),)
        call = own_call(EMAIL, settings, (*parameters.inputs, *own), _OUTPUTS, effect="write", guarantee="none")
        warnings = parameters.warnings if runtime.mail is not None else (*parameters.warnings, _unconfigured())
        shown = config.model_dump(by_alias=True, exclude_defaults=True, mode="json") | {"parameters": parameters.elsewhere}
        return Made(
            call=call,
            config={name: value for name, value in shown.items() if value},
            schema=parameters.schema,
            required=parameters.required,
            warnings=warnings,
        )


class EmailRunner:
    """Sends the mail. ``mailer`` is None where no mail server is configured."""

    def __init__(self, mailer: Mailing | None) -> None:
        self._mailer = mailer

    async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
        """Raises :class:`MailNotConfigured`, and what sending raises."""
        clock, mail = Clock(), _mail(call, context)
        if self._mailer is None:
            raise MailNotConfigured
        await self._mailer.send(mail)
        return clock.result({"status": "sent"}, done=True)

    async def preview(self, org_id: str, call: FrozenCall, context: CallContext) -> Preview:
        """The mail as it would be sent."""
        shown = msgspec.to_builtins(_mail(call, context))
        notes = () if self._mailer is not None else (MailNotConfigured().detail,)
        return Preview(effect="write", executed=False, request={"mail": shown}, notes=("Nothing was sent.", *notes))


def _mail(call: FrozenCall, context: CallContext) -> Mail:
    settings, values = settings_of(call, EmailSettings), values_of(call, context)
    to = settings.to
    if RECIPIENT in values:
        own = mail_address(values[RECIPIENT])
        if own is None:
            raise ValueNotAccepted("What is known of the caller is no mail address, so no mail was sent.")
        to = tuple(dict.fromkeys((*to, own)))
    told = told_values(values)
    return Mail(
        to=to,
        subject=fill(settings.subject, told, lines=False),
        text=fill(settings.body, told, lines=True) if settings.body else listing(told),
        key=context.idempotency_key or context.conversation_id or "unkeyed",
        reply_to=settings.reply_to,
        from_name=settings.from_name,
    )


def _unconfigured() -> Finding:
    message = "No mail server is configured on this server: the skill can be made, and is refused when it is called."
    return Finding("skillType", "mail_not_configured", message, _SETTINGS)
