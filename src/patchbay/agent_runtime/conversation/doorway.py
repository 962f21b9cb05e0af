"""The gates of a conversation as a whole: rate limits, business hours, and when a person is brought in whatever a model does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from patchbay.agent_runtime.conversation import utterances
from patchbay.agent_runtime.conversation.journal import Held
from patchbay.agent_runtime.conversation.verifying import caller_origin
from patchbay.agent_runtime.frozen import FrozenAgent
from patchbay.agent_runtime.guardrails.gates import Decision, Escalating, Rate, SkillGate
from patchbay.agent_runtime.services import Runtime
from patchbay.schema_graph.canonical import canonical_json

_REASON_CHARACTERS = 200


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that code ends: what is said, whether a person is brought in, whether the conversation is over."""

    say: str | None = None
    person: bool = False
    ends: bool = False
    reason: str = ""
    events: tuple[dict[str, Any], ...] = ()


class Doorway:
    """The gates that belong to no single skill, for one held conversation."""

    def __init__(self, runtime: Runtime, agent: FrozenAgent, held: Held) -> None:
        self._runtime = runtime
        self._agent = agent
        self._held = held

    def escalation_by_phrase(self, said: str) -> Stop | None:
        """The escalation that a phrase sets off in an utterance of which nothing may be kept."""
        for rule in self._agent.gates.escalations:
            if rule.said(said):
                return self._escalated(rule, "the caller said a phrase of this rule", "The caller said a phrase of a rule.")
        return None

    async def turn_refused(self) -> Stop | None:
        """Count the turn and look at the hours: the words that end it before anybody thinks about it, or None."""
        gates = self._agent.gates
        for rate in gates.turn_rates:
            if await self._over(rate):
                return _stop(rate.decision)
        now = datetime.now(UTC) if gates.closings else None
        for closing in gates.closings:
            if now is not None and not closing.hours.open_at(now):
                return _stop(closing.decision)
        return None

    async def call_refused(self, gate: SkillGate) -> Decision | None:
        """Count the call: the rate limit that it is over, or None."""
        for rate in gate.rates:
            if await self._over(rate):
                return rate.decision
        return None

    def escalation(self, said: str) -> Stop | None:
        """The escalation that an utterance sets off."""
        for rule in self._agent.gates.escalations:
            asked = rule.on_request and utterances.wants_person(said)
            if asked or rule.said(said):
                return self._escalated(
                    rule, "the caller asked for a person" if asked else "the caller said a phrase of this rule", said
                )
        return None

    def verifications_failed(self) -> Stop | None:
        """The escalation that so many failed verifications set off."""
        failed = self._held.state.get("failedVerifications", 0)
        for rule in self._agent.gates.escalations:
            if rule.failed_verifications is not None and failed >= rule.failed_verifications:
                return self._escalated(rule, f"{failed} verifications failed", "The caller could not be verified.")
        return None

    def note_refusal(self, decision: Decision) -> None:
        """Count a call that a gate refused; asking for a verification or a confirmation is not a refusal."""
        if decision.code not in ("verification_required", "confirmation_required"):
            self._held.state["refusedCalls"] = self._held.state.get("refusedCalls", 0) + 1

    def calls_refused(self) -> Stop | None:
        """The escalation that so many refused calls set off."""
        refused = self._held.state.get("refusedCalls", 0)
        for rule in self._agent.gates.escalations:
            if rule.refused_calls is not None and refused >= rule.refused_calls:
                self._held.state["refusedCalls"] = 0
                return self._escalated(rule, f"{refused} calls were refused", "Calls were refused.")
        return None

    def handoff(self, stop: Stop) -> dict[str, Any] | None:
        """What a ``handoff`` event tells, or None where the agent brings in nobody."""
        handoff = self._agent.profile.handoff
        if not handoff.enabled:
            return None
        said = handoff.message or "I've noted that you would like to speak to a person."
        if handoff.destination:
            said = f"{said} You can reach them at {handoff.destination}."
        return {"reason": stop.reason, "destination": handoff.destination, "message": said}

    def _escalated(self, rule: Escalating, why: str, said: str) -> Stop:
        event = {
            "policy": "escalated",
            "policyId": rule.policy_id,
            "policyType": "escalation",
            "action": "handed_off",
            "reason": why,
        }
        reason = " ".join(said.split())[:_REASON_CHARACTERS]
        return Stop(say=rule.message, person=True, reason=reason, events=(event,))

    async def _over(self, rate: Rate) -> bool:
        key = self._runtime.vault.keyed_hash(canonical_json([rate.policy_id, *self._counted_as(rate.scope)]))
        held = self._held
        count = await self._runtime.books.count(held.org_id, held.agent_id, rate.policy_id, key, rate.window_seconds)
        return count > rate.limit

    def _counted_as(self, scope: str) -> list[Any]:
        """What a limit counts under. A caller of whom nothing is known is counted by conversation."""
        if scope == "agent":
            return ["agent", self._held.agent_id]
        if scope == "caller":
            origin, callers = caller_origin(self._held.session, self._agent.profile.default_country)
            if callers == 1:
                return ["caller", origin]
        return ["conversation", self._held.id]


def _stop(decision: Decision) -> Stop:
    return Stop(say=decision.message, events=(decision.data("blocked"),))
