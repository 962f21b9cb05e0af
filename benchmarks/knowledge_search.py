"""How well and how fast callers' questions find the passage that answers them, against PostgreSQL's full-text search.

    uv run --locked python benchmarks/knowledge_search.py [--misses]

Quality: the questions of ``knowledge_questions/``, written in callers' wording over five invented businesses; one half was looked
at while the search was made (dev), the other was not (held out). A question is answered at n when a passage that answers it is
among the first n and the best score counts as covered; one that no passage answers is rightly left when it does not. Full-text
search has no such score: it answers whenever it finds anything. Speed: the same questions over 2,000 passages made up from the
businesses' own words. Needs Debian's PostgreSQL (the tests' own server is used) and prints Markdown tables.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from patchbay.agent_runtime.knowledge.ranking import COVERED, Passage, Prepared, search
from tests.servers.postgres import PostgresServer

QUESTIONS = Path(__file__).parent / "knowledge_questions"
LARGE = 2_000
CONFIGURATION = {"en": "english", "de": "german"}
_FIND = (
    "SELECT number FROM {table}, (SELECT replace(plainto_tsquery(%(c)s, %(q)s)::text, '&', '|')::tsquery) AS asked (words)"
    " WHERE words @@ terms ORDER BY ts_rank_cd(terms, words) DESC LIMIT 3"
)
Answer = Callable[[str], Sequence[int]]


class Asked(NamedTuple):
    """One question: the passages that answer it, and its half."""

    words: str
    answers: tuple[int, ...]
    half: str


class Business(NamedTuple):
    """What a business says, and what its callers ask."""

    name: str
    language: str
    passages: tuple[Passage, ...]
    questions: tuple[Asked, ...]


def businesses() -> list[Business]:
    """Those of the files."""
    found: list[Business] = []
    for path in sorted(QUESTIONS.glob("*.json")):
        read = json.loads(path.read_text())
        passages = tuple(Passage(number, *texts) for number, texts in enumerate(read["passages"]))
        questions = tuple(Asked(words, tuple(answers), half) for words, answers, half in read["questions"])
        found.append(Business(read["business"], read["language"], passages, questions))
    return found


def ours(index: Prepared) -> Answer:
    """The passages that are found where the question counts as covered."""

    def answer(words: str) -> Sequence[int]:
        hits = search(words, {"source": index}, limit=3)
        return [hit.passage.number for hit in hits] if hits and hits[0].score >= COVERED else []

    return answer


def full_text(connection: psycopg.Connection[tuple[int]], table: str, passages: Sequence[Passage], language: str) -> Answer:
    """The same by ``ts_rank_cd`` of any of the words, with an index."""
    configuration = CONFIGURATION[language]
    connection.execute(f"CREATE TABLE {table} (number int, terms tsvector)")  # pyright: ignore[reportArgumentType, reportCallIssue]
    with connection.cursor() as cursor:
        weighed = "setweight(to_tsvector(%s, %s), 'A') || to_tsvector(%s, %s)"
        cursor.executemany(
            f"INSERT INTO {table} VALUES (%s, {weighed})",  # pyright: ignore[reportArgumentType]
            [(one.number, configuration, one.heading, configuration, one.body) for one in passages],
        )
    connection.execute(f"CREATE INDEX ON {table} USING gin (terms)")  # pyright: ignore[reportArgumentType, reportCallIssue]
    connection.execute(f"ANALYZE {table}")  # pyright: ignore[reportArgumentType, reportCallIssue]
    statement = _FIND.format(table=table)

    def answer(words: str) -> Sequence[int]:
        rows = connection.execute(statement, {"c": configuration, "q": words})  # pyright: ignore[reportArgumentType, reportCallIssue]
        return [number for (number,) in rows]

    return answer


def quality(half: str, answers: Sequence[tuple[Business, Answer]], *, misses: bool = False) -> str:
    """The cells of one row: the questions, hit@1, hit@3, those without an answer, and how many of them were answered."""
    covered = first = third = open_ = wrong = 0
    for business, answer in answers:
        for asked in (one for one in business.questions if one.half == half):
            found = list(answer(asked.words))
            if asked.answers:
                covered, first = covered + 1, first + (found[:1] != [] and found[0] in asked.answers)
                third += any(number in asked.answers for number in found)
            else:
                open_, wrong = open_ + 1, wrong + bool(found)
            if misses and (not set(found[:1]) & set(asked.answers) if asked.answers else found):
                print(f"  {half}: {business.name}: {asked.words!r} found {found}, wanted {list(asked.answers)}", file=sys.stderr)
    return f"{covered} | {first / covered:.3f} | {third / covered:.3f} | {open_} | {wrong} | {1 - wrong / open_:.3f}"


def large(all_: Sequence[Business], seed: int = 7) -> list[Passage]:
    """Passages made up from the sentences of the English businesses."""
    chance = random.Random(seed)
    english = [passage for business in all_ if business.language == "en" for passage in business.passages]
    words = [word for passage in english for word in passage.body.split()]
    made = list(english)
    while len(made) < LARGE:
        body = " ".join(chance.choice(words) for _ in range(chance.randint(40, 110)))
        made.append(Passage(len(made), chance.choice(english).heading, body))
    return [Passage(number, one.heading, one.body) for number, one in enumerate(made)]


def speed(answers: Sequence[Answer], questions: Sequence[str], rounds: int = 3) -> list[tuple[float, float]]:
    """p50 and p95 of each in milliseconds, asked in turns."""
    taken: list[list[float]] = [[] for _ in answers]
    for _ in range(rounds):
        for words in questions:
            for number, answer in enumerate(answers):
                began = time.perf_counter()
                answer(words)
                taken[number].append((time.perf_counter() - began) * 1e3)
    return [(statistics.median(one), statistics.quantiles(one, n=20)[18]) for one in taken]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--misses", action="store_true", help="also print the questions of the dev half that went wrong")
    wanted = parser.parse_args()
    all_ = businesses()
    server = PostgresServer.start()
    try:
        with psycopg.connect(server.superuser_dsn("postgres"), autocommit=True) as connection:
            indexes = [(business, ours(Prepared(business.passages, business.language))) for business in all_]
            tables = [
                (business, full_text(connection, f"business_{number}", business.passages, business.language))
                for number, business in enumerate(all_)
            ]
            print("| half | search | questions | hit@1 | hit@3 | not covered | of these answered | rightly left |")
            print("|---|---|---|---|---|---|---|---|")
            for half in ("dev", "held_out"):
                print(f"| {half} | Patchbay | {quality(half, indexes, misses=wanted.misses and half == 'dev')} |")
                print(f"| {half} | ts_rank_cd | {quality(half, tables)} |")
            passages = large(all_)
            began = time.perf_counter()
            index = Prepared(passages, "en")
            prepared_in = time.perf_counter() - began
            questions = [asked.words for business in all_ if business.language == "en" for asked in business.questions]
            both = [ours(index), full_text(connection, "large", passages, "en")]
            (p50, p95), (base50, base95) = speed(both, questions)
            print(f"\n| {LARGE:,} passages | Patchbay | ts_rank_cd | ratio | goal |\n|---|---|---|---|---|")
            print(f"| p50 ms | {p50:.2f} | {base50:.2f} | {p50 / base50:.2f} | < 1 |")
            print(f"| p95 ms | {p95:.2f} | {base95:.2f} | {p95 / base95:.2f} | < 1 |")
            print(f"\nPrepared once in {prepared_in:.2f} s, about {index.size / 1e6:.1f} MB.")
    finally:
        server.stop()


if __name__ == "__main__":
    main()
