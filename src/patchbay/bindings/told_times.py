"""The time of a call in a binding: ``{"now": true}``, and moments told from it."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from patchbay.bindings.report import Report
from patchbay.schema_graph.coercion import zone_info
from patchbay.schema_graph.moments import Moment, read_offset
from patchbay.schema_graph.said_times import Unfit


def asks_now(value: Any) -> bool:
    """Whether a value is the time of the call rather than a literal."""
    return isinstance(value, dict) and cast("dict[str, Any]", value).get("now") is True


def told_time(value: dict[str, Any], at: str, report: Report) -> bool | Moment | None:
    """True for the time of the call itself, a moment told from it, or None with what is wrong reported at ``at``."""
    members = {name: member for name, member in value.items() if name != "now"}
    if not members:
        return True
    try:
        moment = msgspec.convert(members, _Written)
    except msgspec.ValidationError as error:
        hint = "Beside now there may be startOf (day, week, month, year), offset (such as P7D) and timeZone."
        report.error(at, "value_invalid", str(error).partition(" - at ")[0].replace("`", "'") + ".", hint)
        return None
    try:
        if moment.offset is not None:
            read_offset(moment.offset)
        if moment.time_zone is not None:
            zone_info(moment.time_zone)
    except Unfit as unfit:
        report.error(f"{at}.timeZone", unfit.code, str(unfit))
        return None
    except ValueError:
        message = "An offset is an ISO 8601 duration of whole numbers within a century, such as P7D, -P1M or PT2H."
        report.error(f"{at}.offset", "value_invalid", message)
        return None
    return Moment(moment.start_of, moment.offset, moment.time_zone)


class _Written(Moment, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A moment as it is written."""
