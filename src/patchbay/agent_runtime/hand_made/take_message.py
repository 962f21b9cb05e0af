"""``take_message``: a skill that keeps a message for the operator: who called, where they are reached, and what they said.

The message is stored first, once for one request of the caller however often it is repeated; then, where it was asked for, the
operator is mailed or texted. A notification that fails loses nothing: the message is there, and the result says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
import structlog
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.accounts.operator_events import Told, tell
from patchbay.agent_runtime.agents import get_agent
from patchbay.agent_runtime.bodies import Body, read_body
from patchbay.agent_runtime.hand_made.email import TO_MOST
from patchbay.agent_runtime.hand_made.own import Clock, Connectionless, OwnSettings, own_call, settings_of, values_of
from patchbay.agent_runtime.hand_made.skill_type import CREATE, Asked, Made, TypeEntry
from patchbay.agent_runtime.hand_made.templates import listing, said
from patchbay.agent_runtime.services import Mailing, Runtime, Texting
from patchbay.agent_runtime.tables import Skill, TakenMessage
from patchbay.connectors.preview import Preview
from patchbay.connectors.sms.segments import segments
from patchbay.connectors.smtp.addresses import mail_address
from patchbay.connectors.smtp.message import Mail
from patchbay.errors import Finding, ValidationFailed
from patchbay.schema_graph.call import CallContext, CallInput, CallResult, FrozenCall
from patchbay.schema_graph.model import FieldType
from patchbay.schema_graph.phones import to_e164
from patchbay.store.database import Database
from patchbay.store.ids import new_id
from patchbay.store.vault import Vault

TAKE_MESSAGE = "take_message"
URGENCIES = ("low", "normal", "urgent")
_NOTICE_MOST, _NOTICE_SEGMENTS = 400, 3
_OUTPUTS: Mapping[str, tuple[FieldType, str]] = {"status": ("string", "What became of the message")}
_NOT_NOTIFIED = "The message is kept, but nobody could be notified of it just now."
_log = structlog.get_logger(__name__)


class Notify(Body):
    """Who is notified of a message, beside keeping it: by mail, by text message, or both."""

    email: Annotated[list[str], Field(max_length=TO_MOST)] = Field(default_factory=list[str])
    sms: Annotated[str, Field(max_length=40)] | None = None


class MessageConfig(Body):
    """A message to the operator. What is asked of the caller is fixed: their name, a number, the message and its urgency."""

    notify: Notify = Field(default_factory=Notify)


class MessageSettings(OwnSettings, frozen=True):
    """Taking a message as it is frozen."""

    agent_id: str
    skill_id: str = ""
    agent_name: str = ""
    mail_to: tuple[str, ...] = ()
    sms_to: str | None = None


class TakeMessageType(Connectionless):
    """See :class:`~patchbay.agent_runtime.hand_made.skill_type.HandMadeType`."""

    entry = TypeEntry(
        type=TAKE_MESSAGE,
        name="Take a message",
        description="Keeps a message for you, with who called and where they are reached, and notifies you if you like.",
        family=TAKE_MESSAGE,
        create_with=CREATE,
        schema=MessageConfig.model_json_schema(by_alias=True),
    )
    takes_parameters = False

    async def read(self, runtime: Runtime, asked: Asked, stored: None) -> Made:
        """Raises ValidationFailed."""
        config = read_body(MessageConfig, asked.config, at="executionConfig")
        findings: list[Finding] = []
        at, notify = "executionConfig.notify", config.notify
        for index, one in enumerate(notify.email):
            if mail_address(one) is None:
                findings.append(Finding(f"{at}.email.{index}", "address_invalid", "This is no mail address."))
        number = None if notify.sms is None else to_e164(notify.sms, asked.country)
        if notify.sms is not None and number is None:
            findings.append(Finding(f"{at}.sms", "number_invalid", "This is no full phone number.", "Such as +14155550111."))
        if findings:
            raise ValidationFailed("The skill is not valid (validation_error).", errors=findings)
        notify.email, notify.sms = list(dict.fromkeys(notify.email)), number
        settings = MessageSettings(agent_id=asked.agent_id, mail_to=tuple(notify.email), sms_to=number)
        call = own_call(TAKE_MESSAGE, settings, _inputs(asked.country), _OUTPUTS, effect="write", guarantee="unique_key")
        shown = config.model_dump(by_alias=True, exclude_defaults=True, mode="json")
        return Made(call=call, config=shown, warnings=tuple(_unconfigured(runtime, notify)))

    async def freeze(self, session: AsyncSession, vault: Vault, row: Skill, read: Made) -> Made:
        """With the skill and the agent that it is of."""
        settings = settings_of(read.call, MessageSettings)
        agent = await get_agent(session, row.agent_id)
        own = msgspec.structs.replace(settings, skill_id=row.id, agent_name=agent.name)
        body = msgspec.structs.replace(read.call.body, settings=msgspec.to_builtins(own))
        return msgspec.structs.replace(read, call=msgspec.structs.replace(read.call, body=body))


class TakeMessageRunner:
    """Keeps the message and notifies the operator."""

    def __init__(self, database: Database, mailer: Mailing | None, carrier: Texting | None) -> None:
        self._database = database
        self._mailer = mailer
        self._carrier = carrier

    async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
        """Raises what the arguments' check raises; a message is never lost for a notification that fails."""
        clock, settings, values = Clock(), settings_of(call, MessageSettings), values_of(call, context)
        key = context.idempotency_key or new_id("key")
        kept = await self._keep(org_id, settings, values, key, context.conversation_id)
        notified = not kept or await self._notify(settings, values, key)
        return clock.result({"status": "kept"}, done=True, notes=() if notified else (_NOT_NOTIFIED,))

    async def preview(self, org_id: str, call: FrozenCall, context: CallContext) -> Preview:
        """The message as it would be kept."""
        settings, values = settings_of(call, MessageSettings), values_of(call, context)
        shown = {"message": values, "notify": {"email": list(settings.mail_to), "sms": settings.sms_to}}
        return Preview(effect="write", executed=False, request=shown, notes=("Nothing was kept or sent.",))

    async def _keep(
        self, org_id: str, settings: MessageSettings, values: Mapping[str, Any], key: str, conversation_id: str | None
    ) -> bool:
        """Store the message. False where the very same was stored before."""
        row = {
            "id": new_id("msg"),
            "agent_id": settings.agent_id,
            "skill_id": settings.skill_id,
            "conversation_id": conversation_id,
            "key": key,
            "caller_name": values["caller_name"],
            "phone_number": values["phone_number"],
            "called_from": values["called_from"],
            "message": said(values["message"]),
            "urgency": values["urgency"] or "normal",
        }
        async with self._database.tenant(org_id) as session:
            added = insert(TakenMessage).values(row).on_conflict_do_nothing().returning(TakenMessage.id)
            message_id = await session.scalar(added)
            if message_id is None:
                return False
            data = {"messageId": message_id, "urgency": row["urgency"]}
            about = {name: row[name] for name in ("agent_id", "skill_id", "conversation_id")}
            await tell(session, Told(type="message.taken", data=data, **about))
            return True

    async def settle(self, org_id: str, call: FrozenCall, context: CallContext) -> bool:
        """Whether the message of this request was kept."""
        if context.idempotency_key is None:
            return False
        query = select(TakenMessage.id).where(TakenMessage.key == context.idempotency_key)
        async with self._database.tenant(org_id, read_only=True) as session:
            return await session.scalar(query) is not None

    async def _notify(self, settings: MessageSettings, values: Mapping[str, Any], key: str) -> bool:
        """Whether everybody who was to be notified has been. Neither way waits for the other, or fails with it."""
        told = {name: value for name, value in values.items() if value is not None}
        subject = f"Message for {settings.agent_name} from {said(values['caller_name'])}"
        ways: list[Awaitable[None]] = []
        if settings.mail_to:
            mail = Mail(to=settings.mail_to, subject=subject, text=listing(told), key=f"{key}_notice")
            ways.append(_mailed(self._mailer, mail))
        if settings.sms_to:
            number = values["phone_number"] or values["called_from"]
            text = _short(f"{subject}{f' ({number})' if number else ''}: {said(values['message'])}")
            ways.append(_texted(self._carrier, settings.sms_to, text))
        failures = [one for one in await asyncio.gather(*ways, return_exceptions=True) if one is not None]
        for failure in failures:
            _log.warning("message not notified", skill_id=settings.skill_id, error=type(failure).__name__)
        return not failures


async def list_messages(session: AsyncSession, agent_id: str, *, limit: int, before: str | None) -> Sequence[TakenMessage]:
    """Up to ``limit`` messages that an agent took, newest first, those before the id ``before``. Raises AgentNotFound."""
    await get_agent(session, agent_id)
    query = select(TakenMessage).where(TakenMessage.agent_id == agent_id).order_by(TakenMessage.id.desc()).limit(limit)
    if before is not None:
        query = query.where(TakenMessage.id < before)
    return (await session.scalars(query)).all()


def _inputs(country: str | None) -> list[CallInput]:
    def text(name: str, description: str, most: int, *, required: bool = False, tidy: bool = True) -> CallInput:
        return CallInput(name, name, "string", "string", required=required, description=description, max_length=most, tidy=tidy)

    number = text("phone_number", "The number the caller is reached at", 40, tidy=False)
    urgency = CallInput("urgency", "urgency", "enum", "string", description="How urgent the message is", enum=URGENCIES)
    ringing = CallInput("called_from", "called_from", "string", "string", source="session", key="caller_number")
    return [
        text("caller_name", "The caller's name", 200, required=True),
        msgspec.structs.replace(number, codec="e164", country=country),
        text("message", "The message to pass on", 2_000, required=True, tidy=False),
        urgency,
        ringing,
    ]


class _NoneThere(Exception):
    """What would notify is not configured any more."""


async def _mailed(mailer: Mailing | None, mail: Mail) -> None:
    if mailer is None:
        raise _NoneThere
    await mailer.send(mail)


async def _texted(carrier: Texting | None, to: str, text: str) -> None:
    if carrier is None:
        raise _NoneThere
    await carrier.send(to, text)


def _short(text: str) -> str:
    """As much of a text, on one line, as a carrier bills as so many messages."""
    line = " ".join(text.split())[:_NOTICE_MOST]
    while segments(line) > _NOTICE_SEGMENTS:
        line = line[:-1]
    return line


def _unconfigured(runtime: Runtime, notify: Notify) -> list[Finding]:
    found: list[Finding] = []
    message = "This is not configured on this server: messages are kept, and nobody is notified of them this way."
    if notify.email and runtime.mail is None:
        found.append(Finding("executionConfig.notify.email", "mail_not_configured", message, "Set the PATCHBAY_SMTP_ settings."))
    if notify.sms and runtime.sms is None:
        found.append(Finding("executionConfig.notify.sms", "sms_not_configured", message, "Set the PATCHBAY_SMS_ settings."))
    return found
