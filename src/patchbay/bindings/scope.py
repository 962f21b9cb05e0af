"""What a check works with: the binding, the view it is checked against, and the connection and agent it is for."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from patchbay.bindings.model import Binding
from patchbay.bindings.paths import PathProblem, Reading, follow, near, record_heads
from patchbay.bindings.report import Report
from patchbay.schema_graph.call import CallInput, Filter
from patchbay.schema_graph.model import Object, Operation
from patchbay.schema_graph.numbering import known_country
from patchbay.schema_graph.operations import is_filterable
from patchbay.schema_graph.scoping import View

MAX_ARGUMENT_HOPS = 1


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where a binding will run. ``time_zone`` (IANA) and ``default_country`` (ISO 3166-1 alpha-2) are the connection's."""

    connection_id: str
    kind: str
    time_zone: str | None = None
    default_country: str | None = None
    agent_country: str | None = None

    @property
    def country(self) -> str | None:
        """Where numbers without a country code belong: the connection's word before the agent's."""
        country = self.default_country or self.agent_country
        return country if country is not None and known_country(country) else None


class Scope(msgspec.Struct, frozen=True):
    """One check under way. ``root`` is the operation's record."""

    binding: Binding
    view: View
    target: Target
    operation: Operation
    root: Object
    report: Report

    def argument(self, arg: str, at: str) -> Reading | None:
        """The field an argument compares, or None with the reason reported at ``at``."""
        reading = self._field(arg, at)
        if reading is None:
            return None
        if len(reading.edges) > MAX_ARGUMENT_HOPS:
            message = "A condition may be on a field of the record or of a record it belongs to, no further away."
            self.report.error(at, "argument_too_deep", message, "Bind a read of that object instead.")
            return None
        if not is_filterable(reading.field):
            message = "A field of this type cannot be compared with a value."
            self.report.error(at, "not_filterable", message)
            return None
        return reading

    def own_field(self, arg: str, at: str) -> Reading | None:
        """The field of the record itself that an argument of a write means, or None with the reason reported at ``at``."""
        reading = self._field(arg, at)
        if reading is not None and reading.edges:
            message = "A write is about the fields of its own record."
            self.report.error(at, "not_of_the_record", message, "Give the field that leads to the other record.")
            return None
        return reading

    def _field(self, arg: str, at: str) -> Reading | None:
        try:
            return follow(self.view, self.root, [arg])
        except PathProblem as problem:
            code = "unknown_argument" if problem.code == "unknown_path" else problem.code
            hint = near(arg, self.argument_names()) if code == "unknown_argument" else problem.hint
            message = "The operation has no such argument." if code == "unknown_argument" else problem.message
            self.report.error(at, code, message, hint)
            return None

    def path(self, path: Sequence[str | int], at: str) -> Reading | None:
        """The field a path leads to, or None with the reason reported at ``at``."""
        try:
            return follow(self.view, self.root, path, record_heads(self.operation), through_many=True)
        except PathProblem as problem:
            self.report.error(at, problem.code, problem.message, problem.hint)
            return None

    def argument_names(self) -> list[str]:
        """What the operation can be filtered by."""
        return [argument.name for argument in self.view.arguments(self.operation)]

    def needs_time_zone(self, reading: Reading, at: str) -> None:
        """Report a date and time without a zone on a connection whose time zone nobody has said."""
        local = reading.leaf.type == "datetime" or reading.leaf.item_type == "datetime"
        if not local or reading.leaf.zoned or self.target.time_zone is not None:
            return
        message = "This is a date and time without a zone, and the connection's time zone is not set."
        hint = "Set the connection's timeZone (an IANA name such as America/Toronto)."
        if self.binding.enabled:
            self.report.error(at, "time_zone_required", message, hint)
        else:
            self.report.warn(at, "time_zone_required", message, hint + " Until then the skill cannot be enabled.")


class Conditions(msgspec.Struct, frozen=True):
    """The checked inputs and filters. ``readings`` are the filters' fields, in step with ``filters``; ``places`` where each
    was written.
    """

    inputs: tuple[CallInput, ...]
    filters: tuple[Filter, ...]
    readings: tuple[Reading, ...]
    places: tuple[str, ...]

    def input_of(self, condition: Filter) -> CallInput | None:
        """The input a filter compares with, or None for a fixed one."""
        return next((one for one in self.inputs if one.param == condition.param), None)

    def always(self, condition: Filter) -> bool:
        """Whether the filter holds in every run: it is fixed, or its input is required."""
        given = self.input_of(condition)
        return given is None or given.required
