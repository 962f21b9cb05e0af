"""The types of skills that can be made by hand, by name."""

from __future__ import annotations

from collections.abc import Mapping

from patchbay.agent_runtime.hand_made.booking import BookingType
from patchbay.agent_runtime.hand_made.email import EmailType
from patchbay.agent_runtime.hand_made.geo import GeoType
from patchbay.agent_runtime.hand_made.knowledge import KnowledgeSearchType
from patchbay.agent_runtime.hand_made.mcp import McpType
from patchbay.agent_runtime.hand_made.skill_type import AnyType
from patchbay.agent_runtime.hand_made.sms import SmsType
from patchbay.agent_runtime.hand_made.take_message import TakeMessageType
from patchbay.agent_runtime.hand_made.transfer import TransferType
from patchbay.agent_runtime.hand_made.webhook import WebhookType

HAND_MADE: Mapping[str, AnyType] = {
    one.entry.type: one
    for one in (
        WebhookType(),
        TransferType(),
        EmailType(),
        SmsType(),
        TakeMessageType(),
        GeoType(),
        McpType(),
        BookingType(),
        KnowledgeSearchType(),
    )
}
