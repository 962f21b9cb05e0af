"""What is checked of an input whatever it is for: its parameter, its source, and the country of its phone numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import UNSET

from patchbay.bindings.model import Input
from patchbay.bindings.parameters import SESSION_FACTS, session_key
from patchbay.bindings.report import Report
from patchbay.bindings.scope import Scope
from patchbay.nearest import did_you_mean
from patchbay.schema_graph.numbering import known_country

SET_COUNTRY = "Set defaultCountry (such as CA) on the connection or the agent."
PARAM = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


def check_param(report: Report, param: str, at: str, known: Iterable[str]) -> bool:
    """Whether an input may have this parameter beside the ``known`` ones; what is wrong is reported at ``at``."""
    if not PARAM.fullmatch(param):
        message = "A parameter is 1 to 64 letters, digits, '_' and '-', and starts with a letter or '_'."
        report.error(at, "param_invalid", message)
        return False
    if any(param.casefold() == other.casefold() for other in known):
        report.error(at, "param_duplicate", "Another input has this parameter already.")
        return False
    return True


def check_source(report: Report, rule: Input, at: str) -> bool:
    """Whether an input's source, key and value go together; what is wrong is reported below ``at``."""
    before = len(report.errors)
    if rule.source == "session" and fact_key(rule) is None:
        hint = f"Usual ones are {', '.join(SESSION_FACTS)}."
        report.error(f"{at}.key", "source_key_missing", "A session input needs the key of its fact.", hint)
    if rule.source in ("model", "constant") and rule.key is not None:
        report.error(f"{at}.key", "source_key_unused", f"A {rule.source} input takes no key.")
    if rule.source == "constant" and rule.value in (UNSET, None):
        report.error(f"{at}.value", "value_missing", "A constant input needs its value.")
    if rule.source != "constant" and rule.value is not UNSET:
        report.error(f"{at}.value", "value_unused", f"A {rule.source} input takes no value.", "Set source to 'constant'.")
    if rule.source == "constant" and rule.transform is not None:
        message = "A constant is written as the system has it."
        report.error(f"{at}.transform", "transform_unused", message, "Leave the transform out.")
    if rule.source == "session" and rule.key is not None and rule.key.partition(".")[0] not in SESSION_FACTS:
        message = "No channel of this platform knows such a fact by itself; without it the call is refused."
        report.warn(f"{at}.key", "session_fact_unknown", message, did_you_mean(rule.key, SESSION_FACTS))
    return len(report.errors) == before


def fact_key(rule: Input) -> str | None:
    """The fact of a session or verified input. Without a key it is the parameter's own."""
    if rule.source == "session":
        return rule.key or session_key(rule.param)
    return rule.key or rule.param if rule.source == "verified" else None


def check_country(scope: Scope, at: str, without: str) -> None:
    """Report a default country that is none, or that there is none: ``without`` says what that means."""
    named = scope.target.default_country or scope.target.agent_country
    if named is not None and not known_country(named):
        scope.report.error(at, "default_country_invalid", "The default country is not a country's ISO 3166-1 code such as CA.")
    elif scope.target.country is None:
        scope.report.warn(at, "default_country_unknown", f"No country is set: {without}", SET_COUNTRY)
