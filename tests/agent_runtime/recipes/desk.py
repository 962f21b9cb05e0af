"""A calendar in memory behind the parts of the recipes about appointments, and trouble for its next answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from patchbay.agent_runtime.recipes.freezing import freeze_recipe
from patchbay.agent_runtime.recipes.running import RecipeRunner
from patchbay.connectors.refusals import AlreadyExists, OutcomeUnknown, RecordNotFound, WriteRefused
from patchbay.schema_graph.arguments import prepare_inputs
from patchbay.schema_graph.call import CallContext, CallInput, CallResult, FrozenCall
from patchbay.store.database import Database
from tests.agent_runtime.doubles import call_input, frozen_call, output

HOURS = {day: [{"from": "09:00", "to": "17:00"}] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")}
ZONE = "America/Toronto"
CALLER = "+14155550100"
Entry = dict[str, Any]


def moment(name: str) -> CallInput:
    return call_input(name, "datetime", native_type="date-time", zoned=True)


def _part(operation: str, inputs: list[CallInput], leaves: list[str], effect: str = "read") -> FrozenCall:
    call = frozen_call(inputs, [output(leaf) for leaf in leaves], effect=effect)
    return msgspec.structs.replace(call, operation=operation)


def parts() -> dict[str, FrozenCall]:
    """All of them, as a calendar has them."""
    window = [moment("window_start"), moment("window_end")]
    version, reference = call_input("version", required=False), call_input("reference")
    leaves = ["reference", "starts_at", "ends_at"]
    return {
        "busy": _part("busy", window, [*leaves, "shown_as"]),
        "mine": _part("mine", [*window, call_input("owner")], [*leaves, "version", "owner"]),
        "insert": _part(
            "insert",
            [
                moment("starts_at"),
                moment("ends_at"),
                reference,
                *(call_input(name, required=False) for name in ("owner", "title", "details")),
                call_input("caller_name"),
                call_input("caller_phone", required=False),
            ],
            [],
            "write",
        ),
        "move": _part("move", [reference, moment("starts_at"), moment("ends_at"), version], [], "write"),
        "cancel": _part("cancel", [reference, version], [], "write"),
    }


@dataclass
class Desk:
    """``entries`` are the appointments by reference. ``lost``: operations whose next answer is lost after the work; ``unsent``:
    whose next request is. ``before``: what happens just before the next run of an operation. ``page``: most rows of an answer.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    unsent: list[str] = field(default_factory=list)
    before: dict[str, list[Callable[[], Any]]] = field(default_factory=dict)
    refusals: dict[str, list[Exception]] = field(default_factory=dict)
    page: int = 50
    ran: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _count: int = 0

    def add(self, start: str, end: str, reference: str | None = None, **more: Any) -> str:
        """Somebody enters something by hand."""
        self._count += 1
        name = reference or f"hand{self._count}"
        entry = {"reference": name, "starts_at": start, "ends_at": end, "version": f"v{self._count}", "owner": None, **more}
        self.entries[name] = entry
        return name

    def times(self) -> list[str]:
        """When everything begins."""
        return sorted(entry["starts_at"] for entry in self.entries.values())

    async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
        """The runner of the parts."""
        prepare_inputs(call)(context)
        name, given = call.operation, context.arguments
        self.ran.append((name, given))
        await asyncio.sleep(0.001)
        for action in self.before.pop(name, []):
            action()
        if self.refusals.get(name):
            raise self.refusals[name].pop(0)
        if name in self.unsent:
            self.unsent.remove(name)
            raise OutcomeUnknown
        rows = self._carried_out(name, given)
        if name in self.lost:
            self.lost.remove(name)
            raise OutcomeUnknown
        if call.effect == "write":
            return CallResult(rows=[], row_count=0, outcome="done")
        return CallResult(rows=rows[: self.page], row_count=len(rows[: self.page]), truncated=len(rows) > self.page)

    def _carried_out(self, name: str, given: dict[str, Any]) -> list[Entry]:
        if name in ("busy", "mine"):
            low, high = (datetime.fromisoformat(given[key]) for key in ("window_start", "window_end"))
            return [
                entry
                for entry in self.entries.values()
                if datetime.fromisoformat(entry["starts_at"]) < high and datetime.fromisoformat(entry["ends_at"]) > low
                if name == "busy" or entry["owner"] == given["owner"]
            ]
        if name == "insert":
            if given["reference"] in self.entries:
                raise AlreadyExists
            self.add(
                given["starts_at"], given["ends_at"], **{k: v for k, v in given.items() if k not in ("starts_at", "ends_at")}
            )
            return []
        entry = self.entries.get(given["reference"])
        if entry is None:
            raise RecordNotFound
        if given.get("version") not in (None, entry["version"]):
            raise WriteRefused
        if name == "cancel":
            del self.entries[given["reference"]]
        else:
            self._count += 1
            entry.update(starts_at=given["starts_at"], ends_at=given["ends_at"], version=f"v{self._count}")
        return []


def recipe(name: str, without: tuple[str, ...] = (), **settings: Any) -> FrozenCall:
    """A recipe over all parts it knows."""
    from patchbay.agent_runtime.recipes.known import RECIPES

    chosen = {part: call for part, call in parts().items() if part in RECIPES[name].parts and part not in without}
    hours = {} if name == "cancel" else {"workingHours": HOURS}
    return freeze_recipe(name, {**hours, "timeZone": ZONE, **settings}, chosen)


async def ask(
    desk: Desk, database: Database, call: FrozenCall, *, caller: str | None = CALLER, key: str = "k1", **arguments: Any
) -> CallResult:
    """Run it for a caller."""
    context = CallContext(
        arguments=arguments,
        session={"caller_number": caller} if caller is not None else {},
        time_zone=ZONE,
        idempotency_key=key,
    )
    return await RecipeRunner(desk, database).run("org_1", call, context)
