"""Where a webhook skill goes: ``executionConfig``, read strictly, and split into what may be shown and what is sealed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Protocol
from urllib.parse import parse_qsl

import msgspec
from pydantic import Field

from patchbay.agent_runtime.bodies import Body
from patchbay.agent_runtime.hand_made.parameters import Parameter
from patchbay.connectors.http.header_fields import is_field_value, may_be_set
from patchbay.egress.guard import EgressGuard, EgressRefused
from patchbay.egress.urls import BadUrl, Url, read_url
from patchbay.errors import Finding

MASKED = "[masked]"
"""Stands for a secret in answers. Sent back, it means the one that is stored."""
HEADERS_MOST, RETURNS_MOST = 20, 64
_OWN = frozenset({"content-type", "accept", "cookie"})
_STAMPED = "webhook-"

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class ExecutionConfig(Body):
    """Where and how a webhook is called. ``effect``: whether calling it changes anything; a GET only reads.

    ``headers`` are secrets: sealed, and shown by name alone. ``returns`` names the only leaves of the answer that are passed on.
    """

    url: Annotated[str, Field(min_length=1, max_length=2_000)]
    method: Method = "POST"
    headers: dict[str, Annotated[str, Field(max_length=4_000)]] = Field(default_factory=dict, max_length=HEADERS_MOST)
    timeout_ms: Annotated[int, Field(ge=200, le=8_000, alias="timeout_ms", strict=True)] = 4_000
    effect: Literal["read", "write"] | None = None
    parameters: list[Parameter] = Field(default_factory=list[Parameter], max_length=64)
    returns: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(default_factory=list, max_length=RETURNS_MOST)


class Addressed(Protocol):
    """The part of a configuration that says where something is and what authorizes us there."""

    @property
    def url(self) -> str:
        """The address; its query is taken for secrets."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, taken for secrets too."""
        ...


class Place(msgspec.Struct, frozen=True):
    """An address and what authorizes us there: ``url`` without its query; ``headers`` and ``query`` are secrets."""

    url: Url
    headers: Mapping[str, str]
    query: Mapping[str, str]

    @property
    def shown_url(self) -> str:
        """The address with the values of its query hidden."""
        if not self.query:
            return self.url.text
        return f"{self.url.text}?{'&'.join(f'{name}={MASKED}' for name in self.query)}"


def read_place(config: Addressed, kept: Place | None, findings: list[Finding]) -> Place | None:
    """The place in a configuration; ``kept`` is the stored one, whose secrets stay where the masked form comes back: for the same
    origin alone, so that nobody who may not see a secret can have it sent to themselves.
    """
    if kept is not None and config.url == kept.shown_url:
        return Place(kept.url, _headers(config.headers, kept, findings), kept.query)
    at = "executionConfig.url"
    try:
        whole = read_url(config.url)
    except BadUrl as bad:
        findings.append(Finding(at, "url_invalid", f"This URL cannot be used: {bad}.", "Such as https://api.example.com/orders."))
        return None
    headers = _headers(config.headers, kept if kept is not None and kept.url.origin == whole.origin else None, findings)
    path, _, text = whole.target.partition("?")
    pairs = parse_qsl(text, keep_blank_values=True)
    if len(dict(pairs)) < len(pairs):
        findings.append(Finding(at, "url_invalid", "A name is in the URL's query twice."))
    if MASKED in (value for _, value in pairs):
        findings.append(Finding(at, "masked", "A masked query stands only for the URL that is stored.", "Send the whole URL."))
    return Place(Url(whole.scheme, whole.host, whole.port, path), headers, dict(pairs))


async def check_reachable(place: Place, guard: EgressGuard) -> list[Finding]:
    """Warnings about an address that is not known now. Raises EgressRefused for one that may never be called."""
    try:
        checked = await guard.check(place.url.host, place.url.port)
    except EgressRefused as refused:
        if refused.reason not in ("not_found", "timed_out") or place.url.scheme == "http":
            raise
        return [Finding("executionConfig.url", "webhook_unreachable", "The host of this URL cannot be found now.", refused.hint)]
    if place.url.scheme == "http" and not checked.opened:
        raise EgressRefused(
            "What is on the public internet is called over https.",
            reason="not_secure",
            hint="Use https. Whoever operates this Patchbay can open a network for http in PATCHBAY_EGRESS_ALLOW.",
        )
    return []


def _headers(given: Mapping[str, str], kept: Place | None, findings: list[Finding]) -> dict[str, str]:
    stored = {name.lower(): value for name, value in kept.headers.items()} if kept is not None else {}
    made: dict[str, str] = {}
    for name, value in given.items():
        at = f"executionConfig.headers.{name[:64]}"
        if value == MASKED and name.lower() in stored:
            value = stored[name.lower()]
        elif value == MASKED:
            hint = "Send the whole value: what is stored goes to the host and port it was given for, and nowhere else."
            findings.append(Finding(at, "masked", "A masked header stands only for one that is stored for this address.", hint))
        if not may_be_set(name) or name.lower() in _OWN or name.lower().startswith(_STAMPED):
            findings.append(Finding(at, "header_reserved", "This header cannot be set: it is the request's own."))
        elif not is_field_value(value):
            findings.append(Finding(at, "header_invalid", "A header's value is visible ASCII characters."))
        elif name.lower() in {known.lower() for known in made}:
            findings.append(Finding(at, "header_duplicate", "This header is there twice."))
        made[name] = value
    return made


def shown_config(config: ExecutionConfig, place: Place, elsewhere: list[dict[str, Any]]) -> dict[str, Any]:
    """What is stored with the skill, and shown: no secret."""
    shown: dict[str, Any] = {
        "url": place.shown_url,
        "method": config.method,
        "headers": dict.fromkeys(place.headers, MASKED),
        "timeout_ms": config.timeout_ms,
    }
    if config.effect is not None:
        shown["effect"] = config.effect
    if elsewhere:
        shown["parameters"] = elsewhere
    if config.returns:
        shown["returns"] = list(dict.fromkeys(config.returns))
    return shown
