"""What the agent says, screened before anybody hears it: by the version's content rules, and for secrets that must not recur."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from patchbay.agent_runtime.guardrails.screening import Hit, Rule, Screen, Screened, screened
from patchbay.agent_runtime.verification.masking import Masks

_TOLD = {"redirect": "redirected", "redact": "redacted", "end": "ended"}


class Speech:
    """The screens of one conversation."""

    def __init__(self, agent_rules: Sequence[Rule], caller_rules: Sequence[Rule]) -> None:
        self._agent_rules = agent_rules
        self._caller_rules = caller_rules
        self.masks: Masks | None = None

    def screen(self) -> Screen:
        """A screen for one answer that is streamed."""
        return Screen(self._agent_rules, self.masks)

    def said(self, text: str) -> Screened:
        """A whole sentence of the agent's."""
        return screened(text, self._agent_rules, self.masks)

    def heard(self, text: str) -> Screened:
        """An utterance of the caller's. What stops it leaves the text as it is: it was said."""
        return screened(text, self._caller_rules, self.masks)

    def hide(self, value: Any) -> Any:
        """A JSON value without the secrets in it."""
        return self.masks.masked_value(value) if self.masks else value


def decisions(hits: Iterable[Hit], side: str) -> list[dict[str, Any]]:
    """The ``guardrail`` events of what a screen met: one for each policy."""
    rules: dict[str, tuple[Rule, str]] = {}
    for hit in hits:
        if hit.rule is not None:
            rules.setdefault(hit.rule.policy_id, (hit.rule, _TOLD[hit.action]))
    return [
        {
            "policy": "content_denied",
            "policyId": policy_id,
            "policyType": "content_rule",
            "action": action,
            "reason": f"something the {side} said is denied by this rule",
        }
        for policy_id, (_, action) in rules.items()
    ]
