"""MySQL databases that no one here wrote come out right on a real MariaDB: counted, with facts looked up by hand."""

from __future__ import annotations

from functools import cache

import pytest

from patchbay.schema_graph.model import Graph, Object
from patchbay.schema_graph.scoping import Scoping, View
from tests.connectors.discovery.mysql_reading import discover, edge, field
from tests.servers.mariadb import MariaDbServer


@pytest.fixture(scope="module")
def discovered(tls_mariadb: MariaDbServer):
    @cache
    def graph_of(name: str) -> Graph:
        return discover(tls_mariadb.create_database(dataset=name))

    return graph_of


def tables(graph: Graph) -> list[Object]:
    return [obj for obj in graph.objects.values() if obj.kind == "table"]


def declared(graph: Graph) -> float:
    """The number of foreign keys: each is one many-to-one, or a one-to-one in both directions."""
    found = [e.cardinality for o in graph.objects.values() for e in o.edges if e.via is None and not e.inferred]
    return found.count("many_to_one") + found.count("one_to_one") / 2


@pytest.mark.parametrize(
    ("name", "table_count", "columns", "foreign_keys", "indexes", "views"),
    [
        ("chinook", 11, 64, 11, 22, 0),
        ("sakila", 16, 131, 22, 41, 7),  # 89 columns of tables, 42 of views
    ],
)
def test_counts(discovered, name: str, table_count: int, columns: int, foreign_keys: int, indexes: int, views: int) -> None:
    graph = discovered(name)
    assert len(tables(graph)) == table_count
    assert len(graph.objects) - table_count == views
    assert sum(len(obj.fields) for obj in graph.objects.values()) == columns
    assert declared(graph) == foreign_keys
    assert sum(len(obj.indexes) for obj in graph.objects.values()) == indexes


def test_chinook(discovered) -> None:
    graph = discovered("chinook")
    support = edge(graph, "Customer", "SupportRep")
    assert (support.target, support.pairs, support.cardinality, support.nullable) == (
        "Employee",
        (("SupportRepId", "EmployeeId"),),
        "many_to_one",
        True,
    )
    assert edge(graph, "Employee", "ReportsTo").target == "Employee"
    playlist = edge(graph, "Playlist", "Track")
    assert (playlist.via, playlist.cardinality) == ("PlaylistTrack", "many_to_many")
    phone = field(graph, "Customer", "Phone")
    assert (phone.type, phone.max_length, phone.badges) == ("string", 24, ("pii",))
    assert "+9 (999) 999-9999" in phone.formats
    assert all(not any(c in "12345678" for c in form) for form in phone.formats)
    assert field(graph, "Track", "UnitPrice").native_type == "decimal(10,2)"
    assert field(graph, "Customer", "CustomerId").primary_key
    assert graph.objects["Customer"].badges == ("core",)
    assert not any(e.inferred for obj in graph.objects.values() for e in obj.edges)
    assert 3_000 < (graph.objects["Track"].estimate or 0) < 4_000
    assert all(obj.readable and not (obj.insertable or obj.updatable) for obj in graph.objects.values())


def test_a_blocked_phone_column_is_not_sampled(tls_mariadb: MariaDbServer) -> None:
    credentials = tls_mariadb.create_database(dataset="chinook")
    graph = discover(credentials, Scoping((), {"customer": ("phone",)}))
    assert field(graph, "Customer", "Phone").formats == ()
    assert field(graph, "Employee", "Phone").formats != ()


def test_sakila(discovered) -> None:
    graph = discovered("sakila")
    assert field(graph, "film", "rating").enum == ("G", "PG", "PG-13", "R", "NC-17")
    features = field(graph, "film", "special_features")
    assert (features.type, features.item_type, features.enum[:2]) == ("array", "enum", ("Trailers", "Commentaries"))
    assert (field(graph, "film", "release_year").type, field(graph, "staff", "picture").type) == ("integer", "bytes")
    assert (field(graph, "customer", "active").type, field(graph, "customer", "last_update").zoned) == ("boolean", True)
    assert edge(graph, "film", "actor").via == "film_actor"
    assert {edge(graph, "film", "language").pairs, edge(graph, "film", "original_language").pairs} == {
        (("language_id", "language_id"),), (("original_language_id", "language_id"),),
    }  # fmt: skip
    assert edge(graph, "store", "manager_staff").cardinality == "one_to_one"
    assert edge(graph, "staff", "store").cardinality == "many_to_one"
    said = next(index for index in graph.objects["film_text"].indexes if index.method == "fulltext")
    assert said.fields == ("title", "description")


def test_a_table_without_foreign_keys_gets_the_one_its_key_speaks_of(discovered) -> None:
    inferred = [e for obj in discovered("sakila").objects.values() for e in obj.edges if e.inferred]
    assert {(e.target, e.cardinality, e.pairs) for e in inferred} == {
        ("film", "one_to_one", (("film_id", "film_id"),)), ("film_text", "one_to_one", (("film_id", "film_id"),)),
    }  # fmt: skip


def test_sakila_views_are_closed_over_their_texts(discovered) -> None:
    graph = discovered("sakila")
    assert [obj.name for obj in graph.objects.values() if obj.opaque] == []
    reads = {d.object: d.fields for d in graph.objects["actor_info"].reads}
    assert reads == {
        "actor": ("actor_id", "first_name", "last_name"), "category": ("category_id", "name"), "film": ("film_id", "title"),
        "film_actor": ("actor_id", "film_id"), "film_category": ("category_id", "film_id"),
    }  # fmt: skip
    all_seen = set(View(graph).object_names())
    assert all_seen - set(View(graph, Scoping(("customer",))).object_names()) == {"customer", "customer_list"}
    hidden = all_seen - set(View(graph, Scoping((), {"staff": ("last_name",)})).object_names())
    assert hidden == {"staff_list", "sales_by_store"}
