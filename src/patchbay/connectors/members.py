"""Reading the members of a JSON object by hand: everything that is wrong in one pass, each finding at its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

from patchbay.errors import Finding
from patchbay.nearest import did_you_mean

T = TypeVar("T")


class Unreadable(Exception):
    """A value that a member cannot hold: a finding's code, message and hint."""

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


class Members:
    """One object being read. ``at`` is its place in the body; what is wrong goes to the shared list of findings."""

    def __init__(self, raw: Mapping[str, Any], at: str, findings: list[Finding]) -> None:
        self.raw = raw
        self.sound = True
        self._at = at
        self._findings = findings

    @classmethod
    def of(cls, raw: Any, at: str, findings: list[Finding]) -> Members | None:
        """``raw`` as an object; None, and a finding, when it is none."""
        if not isinstance(raw, Mapping):
            findings.append(Finding(at, "type", f"{at} must be an object."))
            return None
        return cls(cast("Mapping[str, Any]", raw), at, findings)

    def refuse(self, name: str, code: str, message: str, hint: str | None = None) -> None:
        """Add a finding at ``name``; empty: at the object itself."""
        self.sound = False
        self._findings.append(Finding(".".join(part for part in (self._at, name[:64]) if part), code, message, hint))

    def refuse_unknown(self, known: Sequence[str]) -> None:
        """A finding for each member that is not among ``known``."""
        for name in self.raw:
            if name not in known:
                shown = str(name)[:64]
                self.refuse(shown, "unknown_field", f"There is no member {shown!r} here.", did_you_mean(shown, known))

    def read(self, name: str, reader: Callable[[Any], T], *, required: bool = False) -> T | None:
        """The member as ``reader`` reads it (it raises :class:`Unreadable`); None when it is absent or wrong."""
        value = self.raw.get(name)
        if value is None:
            if required:
                self.refuse(name, "required", f"{name} is needed.")
            return None
        try:
            return reader(value)
        except Unreadable as unreadable:
            self.refuse(name, unreadable.code, unreadable.message, unreadable.hint)
            return None

    def one_of(self, name: str, allowed: Sequence[str], *, required: bool = False) -> str | None:
        """The member, one of ``allowed``; None when it is absent or wrong."""

        def read(value: Any) -> str:
            if value in allowed:
                return cast("str", value)
            raise Unreadable("enum", f"This must be one of {', '.join(allowed)}.", did_you_mean(str(value)[:64], allowed))

        return self.read(name, read, required=required)

    def inside(self, name: str, *, required: bool = False) -> _Inner | None:
        """The member as an object of its own; what is wrong in it makes this one unsound too."""
        value = self.raw.get(name)
        if value is None:
            if required:
                self.refuse(name, "required", f"{name} is needed.")
            return None
        if not isinstance(value, Mapping):
            self.refuse(name, "type", f"{name} must be an object.")
            return None
        return _Inner(cast("Mapping[str, Any]", value), f"{self._at}.{name}" if self._at else name, self._findings, self)


class _Inner(Members):
    def __init__(self, raw: Mapping[str, Any], at: str, findings: list[Finding], outer: Members) -> None:
        super().__init__(raw, at, findings)
        self._outer = outer

    def refuse(self, name: str, code: str, message: str, hint: str | None = None) -> None:
        """Add a finding here, and make the object around this one unsound."""
        super().refuse(name, code, message, hint)
        self._outer.sound = False


def text(value: Any, *, most: int) -> str:
    """A text that is not empty, not too long, and without control characters. Raises :class:`Unreadable`."""
    if not isinstance(value, str):
        raise Unreadable("type", "This must be a string.")
    if not value:
        raise Unreadable("empty", "This must not be empty.")
    if len(value) > most:
        raise Unreadable("too_long", f"This must have at most {most} characters.")
    if any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in value):
        raise Unreadable("control_character", "This must not contain control characters.")
    return value
