"""How good inferred relationships are: real schemas without their foreign keys, against the keys that were declared.

Precision is what counts: a person takes what is shown for a suggestion, and a wrong one costs more than a missing one.
"""

from __future__ import annotations

from functools import cache

import msgspec
import psycopg
import pytest

from patchbay.connectors.sql.postgres.discovery import discover_graph
from patchbay.schema_graph.inference import with_inferred
from patchbay.schema_graph.model import Graph, Object
from patchbay.schema_graph.naming import path_roots, split_name
from tests.connectors.discovery.mysql_reading import discover
from tests.servers.mariadb import MariaDbServer
from tests.servers.postgres import PostgresServer

Reference = tuple[str, str, str]
"""Table, column, and the table it refers to."""


@pytest.fixture(scope="module")
def discovered(tls_postgres: PostgresServer, tls_mariadb: MariaDbServer):
    @cache
    def graph_of(name: str) -> Graph:
        system, _, dataset = name.partition(" ")
        if system == "mysql":
            return discover(tls_mariadb.create_database(dataset=dataset))
        with psycopg.connect(tls_postgres.superuser_dsn(tls_postgres.dataset(dataset)), autocommit=True) as connection:
            return discover_graph(connection)

    return graph_of


def references(objects: dict[str, Object], *, inferred: bool) -> dict[Reference, float]:
    """The single-column references of each table. One-to-one edges look alike from both sides: either is one."""
    return {
        (obj.name, edge.pairs[0][0], edge.target): edge.confidence
        for obj in objects.values()
        for edge in obj.edges
        if edge.inferred == inferred and edge.to_one and edge.via is None and len(edge.pairs) == 1
    }


def without_foreign_keys(graph: Graph) -> dict[str, Object]:
    """The schema as it would be found if nobody had declared a key."""
    bare = {name: msgspec.structs.replace(obj, edges=()) for name, obj in graph.objects.items()}
    return with_inferred(bare, path_roots((name, split_name(name)[-1]) for name in bare))


# Missing are those whose names say nothing: support_rep_id, ship_via, and keys onto one of several tables with the same one.
@pytest.mark.parametrize(
    ("name", "precision", "recall"),
    [
        ("postgres chinook", 1.0, 0.9),
        ("postgres omop-cdm", 0.95, 0.98),
        ("postgres northwind", 1.0, 0.9),
        ("mysql chinook", 1.0, 0.9),
        ("mysql sakila", 0.9, 1.0),
    ],
)
def test_against_the_declared_keys(discovered, name: str, precision: float, recall: float) -> None:
    graph = discovered(name)
    declared, found = references(graph.objects, inferred=False), references(without_foreign_keys(graph), inferred=True)
    right = found.keys() & declared.keys()
    assert len(right) / len(found) >= precision, sorted(found.keys() - declared.keys())
    assert len(right) / len(declared) >= recall, sorted(declared.keys() - found.keys())


def test_a_schema_that_declares_its_keys_gets_few_more(discovered) -> None:
    for name in ("postgres chinook", "postgres omop-cdm", "postgres northwind", "mysql chinook"):
        assert references(discovered(name).objects, inferred=True) == {}
    # Two keys in a table that has none: an archive, and nothing else.
    extra = references(discovered("postgres adventureworks").objects, inferred=True)
    assert {reference for reference, confidence in extra.items() if confidence > 0.9} == {
        ("production.transactionhistoryarchive", "productid", "production.product")
    }


def test_umami_declares_none_and_gets_all_that_its_names_say(discovered) -> None:
    found = references(discovered("postgres umami").objects, inferred=True)
    owners = {"website_id": "website", "session_id": "session", "user_id": "user", "team_id": "team", "event_id": "website_event",
              "website_event_id": "website_event"}  # fmt: skip
    expected = {
        (obj.name, field.name, owners[field.name])
        for obj in discovered("postgres umami").objects.values()
        for field in obj.fields
        if field.name in owners and not (field.primary_key and field.unique)
    }
    assert found.keys() == expected
    assert len(expected) == 26
    assert all(confidence >= 0.9 for confidence in found.values())
