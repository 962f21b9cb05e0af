"""Texts with ``{placeholders}``: what an operator writes, filled with what a caller said.

A text is gone through once, so a value that looks like a placeholder stays what it is. Values are cut to a length and lose their
control characters; whether they may have lines is the text's to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from patchbay.errors import Finding
from patchbay.nearest import did_you_mean

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]{0,63})\}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters but for the tab and the line feed, and what turns the direction of a text around."""
VALUE_MOST = 2_000
"""How many characters of one value are told."""


def check_template(text: str, names: Iterable[str], at: str, findings: list[Finding]) -> None:
    """Adds a finding for each placeholder that stands for no parameter."""
    known = list(names)
    for name in dict.fromkeys(_PLACEHOLDER.findall(text)):
        if name not in known:
            hint = did_you_mean(name, known) or "Declare it in executionConfig.parameters or in parametersSchema."
            findings.append(Finding(at, "unknown_placeholder", f"There is no parameter {name!r} to put here.", hint))


def fill(text: str, values: Mapping[str, Any], *, lines: bool) -> str:
    """``text`` with its placeholders filled; one that has no value becomes nothing. Without ``lines`` it is one line."""
    filled = _PLACEHOLDER.sub(lambda match: said(values.get(match[1])), text)
    return filled.strip() if lines else " ".join(filled.split())


def said(value: Any) -> str:
    """A value as a part of a text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(said(one) for one in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    text = value if isinstance(value, str) else str(msgspec.to_builtins(value))
    cleaned = _CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    return cleaned if len(cleaned) <= VALUE_MOST else f"{cleaned[:VALUE_MOST]}…"


def listing(values: Mapping[str, Any]) -> str:
    """All values, one on a line, by the names of their parameters in words."""
    told = [(name.replace("_", " ").replace("-", " "), said(value)) for name, value in values.items()]
    return "\n".join(f"{name[:1].upper()}{name[1:]}: {value}" for name, value in told if value)
