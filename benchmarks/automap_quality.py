"""How well a goal in plain language becomes a binding, in parts, and how long it takes.

    uv run --locked python benchmarks/automap_quality.py [--set NAME] [--misses]

Sets of goals: ``shared``, the shared data set (``eval/automap_goals.jsonl``; the directory is ``PATCHBAY_SHARED_DATA``, by
default ``../shared/data`` beside the project); ``held_out`` and ``spoken_held_out``, over other schemas and in other words,
written before anything was tuned; ``development`` and ``spoken_development``, the only ones that may be tuned to. No model is
used. Schemas that are not here are left out, and named.

* *first*, *top 10*: the right operation (or one also correct) is the first candidate, among the first ten.
* *inputs*, *fields*: given the right operation, the share of the expected arguments that are mapped, of the expected fields that
  come back (means over the goals that expect any); *all*: the share of goals where none is missing.
* *end to end*: the first candidate is right, with all its inputs and fields.
* *proposed*: goals for which a binding was proposed; *broken*: proposals that do not check and compile when tried anew. A write
  is measured by its draft while the check does not let writes be bound.

Needs Debian's PostgreSQL (the tests' own server is used) and prints Markdown tables.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import contextlib

from benchmarks._goal_systems import kind_of, path_of, system_of
from benchmarks.search_quality import SHARED, large_graph
from patchbay.bindings.automap.drafting import draft
from patchbay.bindings.automap.name_words import Words
from patchbay.bindings.automap.profile import Profile
from patchbay.bindings.automap.proposing import NoValidBinding, propose
from patchbay.bindings.automap.scoring import Scored, understand
from patchbay.bindings.check import Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import Binding, parse_binding
from patchbay.bindings.paths import PathProblem, Reading, follow, record_heads
from patchbay.errors import PatchbayError
from patchbay.schema_graph.model import Operation
from patchbay.schema_graph.naming import split_name
from patchbay.schema_graph.pack import pack, unpack
from patchbay.schema_graph.scoping import View
from patchbay.schema_graph.search import SearchIndex, build_index
from tests.servers.postgres import PostgresServer

HERE = Path(__file__).resolve().parent
SETS = {
    "shared": SHARED / "eval" / "automap_goals.jsonl",
    "held_out": HERE / "automap_goals" / "held_out.jsonl",
    "development": HERE / "automap_goals" / "development.jsonl",
    "spoken_held_out": HERE / "automap_goals" / "spoken_held_out.jsonl",
    "spoken_development": HERE / "automap_goals" / "spoken_development.jsonl",
}
TOP = 10


class Result(msgspec.Struct):
    """What became of one goal. Shares are None where nothing is expected."""

    kind: str
    place: int | None
    inputs: float | None
    fields: float | None
    proposed: bool
    broken: bool
    write: bool
    milliseconds: float
    reason: str = ""

    @property
    def whole(self) -> bool:
        """Whether all of it is right."""
        return self.place == 0 and self.inputs in (None, 1.0) and self.fields in (None, 1.0)


def goals(path: Path) -> list[dict[str, Any]]:
    """The goals of one set."""
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def measure(goal: Mapping[str, Any], view: View, index: SearchIndex) -> Result:
    """One goal, in parts."""
    target = Target(connection_id="con_1", kind=view.kind, time_zone="America/Toronto", default_country="CA")
    right = [o for name in (goal["operation"], *goal.get("alt", ())) if (o := view.operation(name)) is not None]
    began = time.perf_counter()
    proposal, reason = None, ""
    try:
        proposal = propose(goal["goal"], view, index, target)
    except NoValidBinding as refusal:
        reason = refusal.detail
    taken = (time.perf_counter() - began) * 1e3
    read, ranking = understand(goal["goal"], view, index)
    names = [one.profile.operation.name for one in ranking.scored]
    place = next((at for at, name in enumerate(names) if any(name == o.name for o in right)), None)
    wanted = right[0]
    if place is not None and names[place] != wanted.name:
        # Another operation is also correct: inputs and fields are those written down for the first one.
        wanted = next((o for o in right if o.name == goal["operation"]), right[0])
    scored = next((one for one in ranking.scored if one.profile.operation.name == wanted.name), None)
    made = draft(read, scored or Scored(Profile(wanted, view, Words(index)), 0.0), ranking)
    binding = made.binding
    if proposal is not None and proposal.binding.operation == wanted.name:
        binding = proposal.binding
    return Result(
        kind=kind_of(goal["schema"]),
        place=place,
        inputs=_share(
            goal["inputs"].values(), [rule.arg for rule in (*binding.inputs, *binding.filters)], wanted, view, argument=True
        ),
        fields=_share(
            goal["fields"], [".".join(map(str, rule.path)) for rule in binding.projection], wanted, view, argument=False
        ),
        proposed=proposal is not None,
        broken=proposal is not None and _is_broken(proposal.binding, view, target),
        write=bool(goal.get("write")),
        milliseconds=taken,
        reason=reason,
    )


def _is_broken(binding: Binding, view: View, target: Target) -> bool:
    try:
        compile_plan(check(parse_binding(binding.to_json()), view, target).plan, view)
    except PatchbayError:
        return True
    return False


def _share(expected: Iterable[str], found: Sequence[str], operation: Operation, view: View, *, argument: bool) -> float | None:
    wanted = [_place(name, operation, view, argument=argument) for name in expected]
    have = {_place(name, operation, view, argument=argument) for name in found}
    return None if not wanted else sum(1 for one in wanted if one in have) / len(wanted)


def _place(name: str, operation: Operation, view: View, *, argument: bool) -> tuple[str, ...]:
    """What a name means, so that ``film.title`` and ``inventory.film.title`` agree: the holder's bare name and the field's."""
    if argument and not operation.record_arguments:
        return (name,)
    root = view.object(operation.object) if operation.object is not None else None
    if root is None:
        return (name,)
    try:
        reading: Reading = follow(view, root, name.split(".") if not argument else [name], record_heads(operation))
    except PathProblem:
        parts = split_name(name)
        return (parts[-2] if len(parts) > 1 else split_name(root.name)[-1], name if len(parts) < 2 else parts[-1])
    if operation.record_arguments:
        return (split_name(reading.object.name)[-1], reading.field.name)
    return (*reading.via, *reading.members)


def table(results: Mapping[str, Sequence[Result]]) -> list[str]:
    """The table of all sets, and of each kind of system within one."""
    lines = [
        "| goals | n | first | top 10 | inputs | all | fields | all | end to end | reads proposed | writes proposed | broken |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, every in results.items():
        kinds = dict.fromkeys(one.kind for one in every)
        rows = {name: every} | {f"{name}: {kind}": [one for one in every if one.kind == kind] for kind in kinds}
        for label, those in rows.items():
            lines.append(_line(label, those))
    return lines


def _line(label: str, those: Sequence[Result]) -> str:
    inputs = [one.inputs for one in those if one.inputs is not None]
    fields = [one.fields for one in those if one.fields is not None]
    reads = [one for one in those if not one.write]
    writes = [one for one in those if one.write]
    cells = [
        _part(sum(one.place == 0 for one in those), len(those)),
        _part(sum(one.place is not None and one.place < TOP for one in those), len(those)),
        _part(sum(inputs), len(inputs)),
        _part(sum(one == 1.0 for one in inputs), len(inputs)),
        _part(sum(fields), len(fields)),
        _part(sum(one == 1.0 for one in fields), len(fields)),
        _part(sum(one.whole for one in those), len(those)),
        f"{sum(one.proposed for one in reads)} of {len(reads)}",
        f"{sum(one.proposed for one in writes)} of {len(writes)}",
        str(sum(one.broken for one in those)),
    ]
    return f"| {label} | {len(those)} | {' | '.join(cells)} |"


def _part(some: float, every: int) -> str:
    return f"{some / every:.2f}" if every else "-"


def speed(index: SearchIndex, view: View, asked: Sequence[str]) -> str:
    """How long a proposal takes on a very large schema."""
    target = Target(connection_id="con_1", kind=view.kind)
    taken: list[float] = []
    for text in asked:
        began = time.perf_counter()
        with contextlib.suppress(NoValidBinding):
            propose(text, view, index, target)
        taken.append((time.perf_counter() - began) * 1e3)
    taken.sort()
    return (
        f"On {len(index):,} made-up tables and columns: median {statistics.median(taken):.0f} ms, "
        f"95th percentile {taken[int(len(taken) * 0.95)]:.0f} ms, slowest {taken[-1]:.0f} ms."
    )


def main() -> None:
    """Load the schemas, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=SETS, action="append", help="only these sets")
    parser.add_argument("--misses", action="store_true", help="also print the goals that are not right end to end")
    options = parser.parse_args()
    every_goal = {name: goals(path) for name, path in SETS.items() if not options.set or name in options.set}
    absent = {one["schema"] for those in every_goal.values() for one in those if path_of(one["schema"]) is None}
    chosen = {name: [one for one in those if one["schema"] not in absent] for name, those in every_goal.items()}
    if absent:
        print(f"Left out, for they are not here: {', '.join(sorted(absent))}\n")
    server = PostgresServer.start()
    try:
        schemas = dict.fromkeys(one["schema"] for those in chosen.values() for one in those)
        systems = {schema: system_of(schema, server) for schema in schemas}
    finally:
        server.stop()
    results: dict[str, list[Result]] = {}
    for name, those in chosen.items():
        results[name] = [measure(one, *systems[one["schema"]]) for one in those]
        for one, result in zip(those, results[name], strict=True):
            if options.misses and not result.whole:
                print(f"{one['schema']}: {one['goal']!r}: {result.place}, {result.inputs}, {result.fields} {result.reason}")
    print("\n".join(table(results)), end="\n\n")
    every = [one.milliseconds for those in results.values() for one in those]
    print(f"On these schemas: median {statistics.median(every):.0f} ms, slowest {max(every):.0f} ms.")
    view = View(unpack(pack(large_graph())))  # as a process holds it
    print(speed(build_index(view), view, [one["goal"] for those in chosen.values() for one in those]))


if __name__ == "__main__":
    main()
