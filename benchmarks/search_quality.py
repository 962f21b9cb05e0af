"""How well and how fast search finds what a person means, on systems that no one here made, and on a very large one.

    uv run --locked python benchmarks/search_quality.py [--misses]

Quality: the questions of the shared data set (``eval/search_queries.jsonl``; the directory is ``PATCHBAY_SHARED_DATA``, by
default ``../shared/data`` beside the project) about REST, GraphQL and SQL; a question is answered at n when something relevant
is among the first n hits. ``overlap`` is the share of a question's words that stand in the name it is about. Speed: the same
questions, and a few whose words have many synonyms, on Stripe, AdventureWorks and on 100,000 fields made up from business
words. Needs Debian's PostgreSQL (the tests' own server is used) and prints Markdown tables.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import time
import tracemalloc
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from patchbay.connectors.graphql import task as graphql
from patchbay.connectors.rest import task as rest
from patchbay.connectors.sql.postgres.discovery import discover_graph
from patchbay.schema_graph.model import Field, Graph, Object
from patchbay.schema_graph.naming import split_name
from patchbay.schema_graph.operations import RecordOperations
from patchbay.schema_graph.scoping import View
from patchbay.schema_graph.search import Hit, SearchIndex, build_index
from patchbay.schema_graph.thesaurus import NEAR
from tests.servers.postgres import PostgresServer

SHARED = Path(os.environ.get("PATCHBAY_SHARED_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
AT = (1, 5, 10)
FEW = 0.5
MANY_SYNONYMS = ["mobile number", "phone number", "customer name", "order total amount", "date created", "email address"]
TABLES, COLUMNS = 8_334, 12


def questions() -> list[dict[str, Any]]:
    """``{schema, q, relevant, overlap}`` of each question."""
    return [json.loads(line) for line in (SHARED / "eval" / "search_queries.jsonl").read_text().splitlines()]


def rank(hits: Sequence[Hit], relevant: Iterable[str]) -> int | None:
    """The place of the first relevant hit, from 1; None when there is none. Schemas are left out of the names of tables."""
    wanted = {one.casefold() for one in relevant}
    return next((place for place, hit in enumerate(hits, 1) if called(hit).casefold() in wanted), None)


def called(hit: Hit) -> str:
    """What a hit is called in the data set: ``object.field``, ``object``, or the operation."""
    if hit.kind == "operation":
        return hit.operation or ""
    name = split_name(hit.object or "")[-1]
    return f"{name}.{hit.field}" if hit.field else name


def graph_of(schema: str, server: PostgresServer) -> Graph:
    """The graph of one schema of the data set."""
    if schema.startswith("openapi/"):
        path = SHARED / schema
        return rest.read_graph({path.name: path.read_bytes()}, rest.DocumentSettings()).graph
    if schema.startswith("graphql/"):
        return graphql.graph_of((SHARED / schema).read_bytes())
    with psycopg.connect(server.superuser_dsn(server.dataset(schema.removeprefix("sql/"))), autocommit=True) as connection:
        return discover_graph(connection)


def large_graph(seed: int = 7) -> Graph:
    """About 100,000 fields named by one to three business words, in the styles that people use."""
    chance = random.Random(seed)
    words = sorted(word for word in NEAR if len(word) > 2)
    words += ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(4, 9))) for _ in range(2_000)]
    weights = [1 / (place + 3) ** 0.7 for place in range(len(words))]
    chance.shuffle(words)

    def name() -> str:
        parts = chance.choices(words, weights, k=chance.choice((1, 2, 2, 3)))
        style = chance.randrange(3)
        return ("_" if style == 0 else "").join(part.title() if style == 1 else part for part in parts)

    objects: dict[str, Object] = {}
    while len(objects) < TABLES:
        called = f"{name()}_{len(objects)}"
        fields = {f"{name()}{n or ''}": None for n in range(COLUMNS)}
        objects[called] = Object(
            name=called,
            slug=called,
            kind="table",
            native_schema="public",
            native_name=called,
            fields=tuple(Field(name=field, type="string", native_type="text") for field in fields),
        )
    return Graph("postgres", "public", objects, RecordOperations(objects))


def timed(index: SearchIndex, asked: Sequence[str], repeats: int = 40) -> dict[str, float]:
    """The median milliseconds of each question."""
    found: dict[str, float] = {}
    for q in asked:
        taken: list[float] = []
        for _ in range(repeats):
            began = time.perf_counter()
            index.search(q, 25)
            taken.append((time.perf_counter() - began) * 1e3)
        found[q] = statistics.median(taken)
    return found


def quality(indexes: dict[str, SearchIndex], *, misses: bool) -> list[str]:
    """The table of answered questions."""
    ranks: dict[str, list[int | None]] = {}
    answered: list[tuple[dict[str, Any], int | None]] = []
    for one in questions():
        place = rank(indexes[one["schema"]].search(one["q"], 25), one["relevant"])
        ranks.setdefault(one["schema"], []).append(place)
        answered.append((one, place))
        if misses and place != 1:
            print(f"{one['schema']}: {one['q']!r} -> {place}, wanted {one['relevant']}")
    every = [(one["overlap"], place) for one, place in answered]
    ranks["all"] = [place for _, place in every]
    ranks["all, where few words are the name's (overlap < 0.5)"] = [place for overlap, place in every if overlap < FEW]
    ranks["all, where no word is the name's (overlap 0)"] = [place for overlap, place in every if overlap == 0]
    lines = ["| schema | questions | " + " | ".join(f"hit@{n}" for n in AT) + " |", "|---|---|" + "---|" * len(AT)]
    for schema, places in ranks.items():
        shares = [f"{sum(p is not None and p <= n for p in places) / len(places):.2f}" for n in AT]
        lines.append(f"| {schema} | {len(places)} | " + " | ".join(shares) + " |")
    return lines


def speed(name: str, index: SearchIndex) -> list[str]:
    """The lines of one index."""
    typical = timed(index, [one["q"] for one in questions()])
    many = timed(index, MANY_SYNONYMS)
    worst = max(many, key=many.__getitem__)
    return [
        f"| {name} ({len(index):,} entries) | {statistics.median(typical.values()):.2f} | {max(typical.values()):.2f} "
        f"| {statistics.median(many.values()):.2f} | {many[worst]:.2f} ({worst}) |"
    ]


def built_large() -> tuple[SearchIndex, str]:
    """The index of the large view, and what it took."""
    view = View(large_graph())
    began = time.perf_counter()
    build_index(view)
    seconds = time.perf_counter() - began
    tracemalloc.start()
    index = build_index(view)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return index, f"Building {len(index):,} entries: {seconds:.2f} s, {kept / 1e6:.0f} MB kept, {peak / 1e6:.0f} MB at most."


def main() -> None:
    """Start a server, load the databases, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--misses", action="store_true", help="also print the questions whose first hit is not a relevant one")
    options = parser.parse_args()
    server = PostgresServer.start()
    try:
        indexes: dict[str, SearchIndex] = {}
        for schema in dict.fromkeys(one["schema"] for one in questions()):
            indexes[schema] = build_index(View(graph_of(schema, server)))
    finally:
        server.stop()
    print("\n".join(quality(indexes, misses=options.misses)), end="\n\n")
    large, built = built_large()
    print("| milliseconds, 25 hits | questions: median | slowest | many synonyms: median | slowest |\n|---|---|---|---|---|")
    print(
        "\n".join(
            [
                *speed("Stripe", indexes["openapi/stripe/spec3.json"]),
                *speed("AdventureWorks", indexes["sql/adventureworks"]),
                *speed("made up", large),
            ]
        ),
        end="\n\n",
    )
    print(built)


if __name__ == "__main__":
    main()
