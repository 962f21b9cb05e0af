"""GraphQL schema documents side by side, in one run: ours to a complete graph, and the least or the usual that others do.

    uv run --locked python benchmarks/graphql_import.py [--repeats 7]

Introspection: ours; a bare hand walk (msgspec to plain values, then nested dictionaries of types, fields, arguments and
operations, nothing judged); graphql-core's ``build_client_schema`` with all fields made. SDL: ours; graphql-core's parser alone,
which ours contains; ``build_schema``, unchecked (checked, it refuses GitHub's). Every measurement is a process of its own, for
its peak memory; reading the file and importing are not timed. Each variant runs as its users run it: the harness leaves the
garbage collector alone, ours pauses it as discovery does. Variants alternate, so that a busy machine is busy for all of them.
Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("PATCHBAY_SHARED_DATA") or _ROOT.parent / "shared" / "data") / "graphql"
INTROSPECTED = ("github-introspection/schema.json", "shopify-storefront/storefront.schema.json")
WRITTEN = ("github/schema.graphql", "saleor/schema.graphql")


def ours(document: bytes) -> tuple[float, int]:
    """The complete graph: objects, fields, edges, operations with flat arguments, badges, findings."""
    import graphql  # noqa: F401 - imported where SDL is read; importing is not timed

    from patchbay.connectors.graphql.task import graph_of

    began = time.perf_counter()
    graph = graph_of(document)
    return time.perf_counter() - began, len(graph.objects)


def hand_walk(document: bytes) -> tuple[float, int]:
    """The least graph that could be called one: every type, field, argument and operation in nested dictionaries."""
    import msgspec

    began = time.perf_counter()
    answer = msgspec.json.decode(document)
    schema = answer.get("data", answer)["__schema"]
    types: dict[str, Any] = {}
    for found in schema["types"]:
        types[found["name"]] = {
            "kind": found["kind"],
            "description": found["description"],
            "fields": {f["name"]: walked_field(f) for f in found["fields"] or ()},
            "inputs": {i["name"]: walked_input(i) for i in found["inputFields"] or ()},
            "values": [value["name"] for value in found["enumValues"] or ()],
            "members": [member["name"] for member in found["possibleTypes"] or ()],
        }
    roots = [schema["queryType"], schema["mutationType"]]
    operations = {
        f"{root['name']}.{name}": field for root in roots if root for name, field in types[root["name"]]["fields"].items()
    }
    objects = sum(1 for found in types.values() if found["fields"])
    assert operations
    return time.perf_counter() - began, objects


def walked_field(field: dict[str, Any]) -> dict[str, Any]:
    """One field as dictionaries."""
    text, target, many, required = walked_type(field["type"])
    return {
        "type": text,
        "target": target,
        "many": many,
        "required": required,
        "description": field["description"],
        "deprecated": field.get("deprecationReason"),
        "arguments": {a["name"]: walked_input(a) for a in field["args"]},
    }


def walked_input(value: dict[str, Any]) -> dict[str, Any]:
    """One argument or input member as a dictionary."""
    text, target, many, required = walked_type(value["type"])
    given = value.get("defaultValue")
    return {"type": text, "target": target, "many": many, "required": required and given is None, "default": given}


def walked_type(ref: dict[str, Any]) -> tuple[str, str, bool, bool]:
    """The spelling of a use of a type, the type's name, whether it is a list, whether it is required."""
    kind = ref["kind"]
    if kind == "NON_NULL":
        text, target, many, _ = walked_type(ref["ofType"])
        return f"{text}!", target, many, True
    if kind == "LIST":
        text, target, _, _ = walked_type(ref["ofType"])
        return f"[{text}]", target, True, False
    return ref["name"], ref["name"], False, False


def client_schema(document: bytes) -> tuple[float, int]:
    """graphql-core's schema of an introspection result, every field made."""
    from graphql import GraphQLInterfaceType, GraphQLObjectType, build_client_schema

    began = time.perf_counter()
    answer = json.loads(document)
    schema = build_client_schema(answer.get("data", answer), assume_valid=True)
    made = [t for t in schema.type_map.values() if isinstance(t, (GraphQLObjectType, GraphQLInterfaceType)) and t.fields]
    return time.perf_counter() - began, len(made)


def core_parse(document: bytes) -> tuple[float, int]:
    """graphql-core's parser alone."""
    from graphql import parse

    began = time.perf_counter()
    parsed = parse(document.decode())
    return time.perf_counter() - began, len(parsed.definitions)


def core_schema(document: bytes) -> tuple[float, int]:
    """graphql-core's schema of an SDL text, unchecked."""
    from graphql import build_schema

    began = time.perf_counter()
    schema = build_schema(document.decode(), assume_valid=True, assume_valid_sdl=True)
    return time.perf_counter() - began, len(schema.type_map)


VARIANTS: dict[str, Callable[[bytes], tuple[float, int]]] = {
    "ours": ours,
    "hand walk": hand_walk,
    "build_client_schema": client_schema,
    "graphql-core parse": core_parse,
    "build_schema, unchecked": core_schema,
}
COMPARED = [
    *((name, ("ours", "hand walk", "build_client_schema")) for name in INTROSPECTED),
    *((name, ("ours", "graphql-core parse", "build_schema, unchecked")) for name in WRITTEN),
]


def measure(variant: str, name: str) -> None:
    """One measurement, in this process: prints seconds, what was made, and memory in MB over what was there before."""
    document = (DATA / name).read_bytes()
    if variant == "ours":
        ours(b'{"__schema": {"types": []}}')  # imports what it needs
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds, made = VARIANTS[variant](document)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
    print(json.dumps({"seconds": seconds, "made": made, "grown": grown}))


def run(variant: str, name: str) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--measure", variant, name]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def compare(repeats: int) -> None:
    """Measure everything and print the table."""
    print("| document | KB | variant | median ms | best ms | ours / this, medians | best | goal | MB more |")
    print("|---|---|---|---|---|---|---|---|---|")
    goals = {"hand walk": "≤ 1.5", "graphql-core parse": "≤ 1.2"}
    for name, variants in COMPARED:
        runs: dict[str, list[float]] = defaultdict(list)
        grown: dict[str, float] = defaultdict(float)
        for _ in range(repeats):
            for variant in variants:
                measured = run(variant, name)
                runs[variant].append(measured["seconds"] * 1e3)
                grown[variant] = max(grown[variant], measured["grown"])
        ours_median, ours_best = statistics.median(runs["ours"]), min(runs["ours"])
        for variant in variants:
            median, best = statistics.median(runs[variant]), min(runs[variant])
            size = (DATA / name).stat().st_size // 1000
            print(
                f"| {name} | {size:,} | {variant} | {median:,.0f} | {best:,.0f} | {ours_median / median:.2f} "
                f"| {ours_best / best:.2f} | {goals.get(variant, '')} | {grown[variant]:.0f} |"
            )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--measure", nargs=2, metavar=("VARIANT", "DOCUMENT"))
    arguments = parser.parse_args()
    if arguments.measure:
        measure(*arguments.measure)
    else:
        compare(arguments.repeats)


if __name__ == "__main__":
    main()
