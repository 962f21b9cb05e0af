"""The scopes of secret keys: the names the contract gives them, and what each lets a key do."""

from __future__ import annotations

from collections.abc import Iterable

from patchbay.errors import Finding, ValidationFailed
from patchbay.nearest import did_you_mean

EVERYTHING = "*"

SCOPES: dict[str, str] = {
    EVERYTHING: "Everything the organization may do.",
    "agents:read": "Read agents, their versions and variables, and the voice catalogue.",
    "agents:write": "Create, change, publish, simulate and delete agents.",
    "analytics:read": "Read analytics, the conversation list, topics and knowledge gaps.",
    "analytics:write": "Curate knowledge gaps.",
    "audit:read": "Read the audit log.",
    "billing:read": "Read the wallet, its transactions and the plans.",
    "billing:write": "Manage credits and plans.",
    "calls:read": "Read calls and conversations: summaries, transcripts, receipts and recordings.",
    "chat:read": "Read chat sessions and their messages.",
    "chat:write": "Hold chat conversations, through sessions or chat completions.",
    "guardrails:read": "Read an agent's guardrails and caller verification.",
    "guardrails:write": "Change an agent's guardrails and caller verification.",
    "integrations:read": "Read connections, discovered schemas and data scoping, and test credentials.",
    "integrations:write": "Connect, discover, scope and disconnect systems.",
    "knowledge:read": "Read and query knowledge sources.",
    "knowledge:write": "Add and manage knowledge sources, and upload files.",
    "numbers:read": "Read phone numbers.",
    "numbers:write": "Search, reserve, assign and release phone numbers.",
    "playbooks:read": "Read playbooks.",
    "playbooks:write": "Create, change and delete playbooks.",
    "pubkeys:read": "Read publishable keys.",
    "pubkeys:write": "Create, change, rotate and revoke publishable keys.",
    "skills:read": "Read skills and skill types.",
    "skills:write": "Create, bind, change and delete skills.",
    "webhooks:read": "Read webhook endpoints and their deliveries.",
    "webhooks:write": "Create, change, test and delete webhook endpoints.",
    "widgets:read": "Read the chat widget's configuration.",
    "widgets:write": "Replace the chat widget's configuration.",
}


def check_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """``scopes`` as a set. Raises :class:`ValidationFailed` for none at all and, with the nearest names, for unknown ones."""
    wanted = [scope.strip() for scope in scopes if scope.strip()]
    unknown = [
        Finding(f"scopes.{place}", "unknown_scope", f"There is no scope {scope!r}.", did_you_mean(scope, SCOPES))
        for place, scope in enumerate(wanted)
        if scope not in SCOPES
    ]
    if unknown:
        raise ValidationFailed(" ".join(f.message + (f" {f.hint}" if f.hint else "") for f in unknown), errors=unknown)
    if not wanted:
        raise ValidationFailed(
            "A key needs at least one scope.", errors=[Finding("scopes", "required", "Name at least one scope, or * for all.")]
        )
    return frozenset(wanted)
