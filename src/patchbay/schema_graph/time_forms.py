"""The forms in which systems write dates and moments that are in no date type of their own, both ways.

A form keeps what it can hold and nothing is rounded: a value that does not read back as itself is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo

from patchbay.schema_graph.coercion import zone_info
from patchbay.schema_graph.said_times import Unfit
from patchbay.schema_graph.transform import TimeForm, is_date

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_UNITS: Mapping[str, timedelta] = {
    "epoch_seconds": timedelta(seconds=1),
    "epoch_milliseconds": timedelta(milliseconds=1),
}
_PATTERNS: Mapping[str, str] = {
    "iso_basic": "%Y%m%dT%H%M%SZ",
    "iso_local": "%Y-%m-%dT%H:%M:%S",
    "sql_local": "%Y-%m-%d %H:%M:%S",
    "compact_local": "%Y%m%d%H%M%S",
    "dmy_local": "%d/%m/%Y %H:%M",
    "mdy_local": "%m/%d/%Y %H:%M",
    "date_iso": "%Y-%m-%d",
    "date_basic": "%Y%m%d",
    "date_dmy": "%d/%m/%Y",
    "date_mdy": "%m/%d/%Y",
    "date_dots": "%d.%m.%Y",
    "date_dashes": "%d-%m-%Y",
}
_COMPACT: Mapping[str, int] = {"date_basic": 8, "compact_local": 14}
"""Forms of digits alone, and how many: fewer could be read in two ways."""


def is_number(form: TimeForm) -> bool:
    """Whether the form is one of digits alone, which a column of numbers may hold."""
    return form.format in _UNITS or form.format in _COMPACT


def needs_zone(form: TimeForm) -> bool:
    """Whether moments are written as the wall clock of a time zone that has to be known."""
    return form.format.endswith("_local")


def moment_writer(form: TimeForm) -> Callable[[datetime], int | str]:
    """From an aware moment to the form. Raises :class:`Unfit` for what the form cannot hold."""
    unit = _UNITS.get(form.format)
    read = moment_reader(form)

    def write(moment: datetime) -> int | str:
        try:
            written = _counted(moment, unit) if unit is not None else _written(moment, form)
            kept = read(written) == moment
        except (OverflowError, ValueError):
            kept, written = False, ""
        if not kept:
            raise Unfit("not_representable", "The connected system cannot hold this time exactly.")
        return written

    return write


def moment_reader(form: TimeForm) -> Callable[[object], datetime]:
    """From the form to an aware moment. Raises :class:`Unfit` for what is not in the form, or is no time of its zone."""
    unit = _UNITS.get(form.format)
    zone = _zone(form)

    def read(value: object) -> datetime:
        text = _text_of(value)
        try:
            if unit is not None:
                if not _WHOLE.fullmatch(text):
                    raise Unfit("type_invalid", "This is not a number of seconds.")
                return _EPOCH + int(text) * unit
            if form.format == "iso":
                return _with_offset(text)
            return _placed(_parsed(text, form), zone)
        except (ValueError, OverflowError) as error:
            raise Unfit("type_invalid", "This is not a time of the declared form.") from error

    return read


def day_writer(form: TimeForm) -> Callable[[date], str]:
    """From a day to the form. Raises :class:`Unfit` for a year without four digits."""
    pattern = _PATTERNS[form.format]

    def write(day: date) -> str:
        if day.year < 1000:
            raise Unfit("not_representable", "The connected system cannot hold this date.")
        return day.strftime(pattern)

    return write


def day_reader(form: TimeForm) -> Callable[[object], date]:
    """From the form to a day. Raises :class:`Unfit`."""

    def read(value: object) -> date:
        try:
            return _parsed(_text_of(value), form).date()
        except ValueError as error:
            raise Unfit("type_invalid", "This is not a date of the declared form.") from error

    return read


def _zone(form: TimeForm) -> tzinfo:
    if is_date(form) or not needs_zone(form):
        return UTC
    return zone_info(form.time_zone or "UTC")


def _text_of(value: object) -> str:
    """Digits may come as a number. ``1.0`` is a whole number too; anything else is not in a form."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _counted(moment: datetime, unit: timedelta) -> int:
    return (moment - _EPOCH) // unit


def _written(moment: datetime, form: TimeForm) -> str:
    if form.format == "iso":
        return moment.isoformat()
    local = moment.astimezone(_zone(form))
    if local.year < 1000:
        raise ValueError
    return local.strftime(_PATTERNS[form.format])


def _parsed(text: str, form: TimeForm) -> datetime:
    digits = _COMPACT.get(form.format)
    if not text.isascii() or (digits is not None and len(text) != digits):
        raise ValueError
    return datetime.strptime(text, _PATTERNS[form.format])


def _with_offset(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    return moment


def _placed(wall: datetime, zone: tzinfo) -> datetime:
    """The moment of a wall clock's time: the first of two where clocks go back. A time that the clocks skip is none."""
    moment = wall.replace(tzinfo=zone)
    if moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall:
        raise ValueError
    return moment.astimezone(UTC)
