"""What an operator decides, put into an action: ``${name}`` in its binding, its parts and its settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast
from zoneinfo import available_timezones

from patchbay.errors import Finding
from patchbay.nearest import did_you_mean
from patchbay.packs.model import Setting, SettingType

NAMED = re.compile(r"\{([a-z][a-z0-9_]*)\}")
"""A field of connect in a text."""
_PLACE = re.compile(r"\$\{([A-Za-z][A-Za-z0-9]*)\}")
_LONGEST = 500
_MOST_MEMBERS = 200


def names_in(value: Any) -> set[str]:
    """The names of all placeholders in a value."""
    return set(_names(value))


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _PLACE.findall(value)
    elif isinstance(value, Mapping):
        for member in cast("Mapping[str, Any]", value).values():
            yield from _names(member)
    elif isinstance(value, (list, tuple)):
        for item in cast("list[Any]", value):
            yield from _names(item)


def fill(value: Any, given: Mapping[str, Any]) -> Any:
    """The value with its placeholders filled. One that is the whole text becomes what was given, inside a text its text. Raises
    KeyError for one that nothing is given for.
    """
    if isinstance(value, str):
        whole = _PLACE.fullmatch(value)
        return given[whole[1]] if whole else _PLACE.sub(lambda found: str(given[found[1]]), value)
    if isinstance(value, Mapping):
        return {name: fill(member, given) for name, member in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [fill(item, given) for item in cast("list[Any]", value)]
    return value


def configured(settings: tuple[Setting, ...], given: Mapping[str, Any], findings: list[Finding], field: str) -> dict[str, Any]:
    """What holds: what was given, else the defaults. What is wrong is added to ``findings`` under ``field``."""
    known = {setting.name: setting for setting in settings}
    for name in given:
        if name not in known:
            message = f"There is no setting {str(name)[:64]!r} here."
            findings.append(Finding(f"{field}.{str(name)[:64]}", "unknown_field", message, did_you_mean(str(name)[:64], known)))
    found = {setting.name: setting.default for setting in settings if not setting.needed}
    for name, value in given.items():
        if name in known and value is not None:
            problem = _READERS[known[name].type](value)
            if problem is not None:
                findings.append(Finding(f"{field}.{name}", "setting_invalid", problem))
            found[name] = value
    return found


def missing(settings: tuple[Setting, ...], holds: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of what has still to be given."""
    return tuple(setting.name for setting in settings if setting.name not in holds)


def _text(value: Any) -> str | None:
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST or "\x00" in value:
        return f"This must be a text of 1 to {_LONGEST} characters."
    return None


def _integer(value: Any) -> str | None:
    good = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31
    return None if good else "This must be a whole number."


def _number(value: Any) -> str | None:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**31
    return None if good else "This must be a number."


def _boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else "This must be true or false."


def _time_zone(value: Any) -> str | None:
    return None if value in available_timezones() else "This must be an IANA time zone, such as America/Toronto."


def _country(value: Any) -> str | None:
    good = isinstance(value, str) and re.fullmatch(r"[A-Z]{2}", value)
    return None if good else "This must be a country of ISO 3166-1, such as US."


def _object(value: Any) -> str | None:
    good = isinstance(value, dict) and len(cast("dict[str, Any]", value)) <= _MOST_MEMBERS
    return None if good else f"This must be an object of at most {_MOST_MEMBERS} members."


def _list(value: Any) -> str | None:
    good = isinstance(value, list) and len(cast("list[Any]", value)) <= _MOST_MEMBERS
    return None if good else f"This must be a list of at most {_MOST_MEMBERS} items."


def _columns(value: Any) -> str | None:
    """From the agent's parameter to the header of a column."""
    good = _object(value) is None and value and all(_text(header) is None for header in cast("dict[str, Any]", value).values())
    return None if good else "This must be an object from parameters to the headers of columns."


_READERS: Mapping[SettingType, Callable[[Any], str | None]] = {
    "string": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "time_zone": _time_zone,
    "country": _country,
    "working_hours": _object,
    "columns": _columns,
    "object": _object,
    "list": _list,
}
"""What is wrong with a value, by the type of its setting. What it means is for the recipe or the binding that takes it."""
