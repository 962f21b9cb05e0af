"""A MariaDB schema of everything that is odd: types, names, keys, indexes, generated columns; as each account sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from patchbay.schema_graph.model import Graph
from patchbay.schema_graph.scoping import Scoping, View
from tests.connectors.discovery.mysql_reading import discover, edge, field
from tests.servers.mariadb import MariaDbServer, pattern, quoted

SQL = (Path(__file__).parent / "mysql_torture.sql").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def credentials(tls_mariadb: MariaDbServer) -> dict[str, Any]:
    return tls_mariadb.create_database(sql=SQL, write_tables=("generated", "kinds", "merged", "store"))


@pytest.fixture(scope="module")
def graph(credentials: dict[str, Any]) -> Graph:
    return discover(credentials)


def seen_as(server: MariaDbServer, credentials: dict[str, Any], *grants: str) -> Graph:
    """The graph as an account with other privileges sees it."""
    user, password = server.create_account("other", *grants)
    return discover({**credentials, "user": user, "password": password, "write": None})


def test_counts(graph: Graph) -> None:
    kinds = [obj.kind for obj in graph.objects.values()]
    # All of the script: the two foreign ones merge others; its sequence and the table it drops again are none.
    assert (kinds.count("table"), kinds.count("foreign_table"), kinds.count("view")) == (19, 2, 15)
    assert len({obj.slug for obj in graph.objects.values()}) == len(kinds)
    assert (graph.kind, "numbers" in graph.objects, "keyless_later" in graph.objects) == ("mysql", False, False)


@pytest.mark.parametrize(
    ("names", "kind", "native"),
    [
        ("flag", "boolean", "tinyint(1)"), ("b1", "boolean", "bit(1)"),
        ("ti", "integer", "tinyint(4)"), ("flag_u", "integer", "tinyint(1) unsigned"), ("si", "integer", "smallint(6)"),
        ("mi", "integer", "mediumint(8) unsigned"), ("i", "integer", "int(5) unsigned zerofill"),
        ("bi", "integer", "bigint(20)"), ("bu", "integer", "bigint(20) unsigned"), ("b8", "integer", "bit(8)"),
        ("b64", "integer", "bit(64)"), ("y", "integer", "year(4)"), ("d", "decimal", "decimal(10,2)"),
        ("du", "decimal", "decimal(30,10) unsigned"), ("f", "number", "float"), ("fd", "number", "float(7,3)"),
        ("dbl", "number", "double"), ("da", "date", "date"), ("t", "time", "time"), ("t3", "time", "time(3)"),
        ("dt dt6", "datetime", None), ("ts ts6", "datetime", None), ("c c1 vc vb tt tx mt lt not_json i4 i6", "string", None),
        ("bin vbin tb bl mb lb", "bytes", None), ("j", "json", "json"), ("u", "uuid", "uuid"), ("g", "json", "geometry"),
        ("pt", "json", "point"), ("poly", "json", "polygon"), ("se", "array", "set"), ("e", "enum", "enum"),
    ],
)  # fmt: skip
def test_types(graph: Graph, names: str, kind: str, native: str | None) -> None:
    for name in names.split():
        found = field(graph, "kinds", name)
        assert (found.type, found.native_type) == (kind, native or found.native_type), name


def test_what_goes_with_types(graph: Graph) -> None:
    fields = {f.name: f for f in graph.objects["kinds"].fields}
    assert fields["e"].enum == ("a", "b,c", "it's", "with ) paren", "back\\slash", 'quo"te', "")
    assert (fields["se"].enum, fields["se"].item_type) == (("x", "y z"), "enum")
    assert {f.name for f in fields.values() if not f.filterable} == {"se", "j", "g", "pt", "poly"}
    assert {f.name for f in fields.values() if f.zoned} == {"ts", "ts6"}
    assert {n: fields[n].max_length for n in ("c", "c1", "vc", "tt", "tx", "bin", "e")} == {
        "c": 5, "c1": 1, "vc": 191, "tt": 255, "tx": 65535, "bin": None, "e": None,
    }  # fmt: skip
    assert (fields["vc"].description, graph.objects["kinds"].description) == ("said, in NUL's words", "one of each")
    assert {f.name for f in fields.values() if f.has_default} == {"hidden", "said", "made"}
    assert (fields["id"].identity, fields["id"].nullable, fields["ti"].nullable) == ("by_default", False, True)
    assert list(fields)[:3] == ["id", "ti", "flag"]
    assert list(fields)[-4:] == ["hidden", "said", "none", "made"]


def test_generated_columns_name_their_sources(graph: Graph) -> None:
    computed = {f.name: (f.computed_from, f.opaque) for f in graph.objects["generated"].fields if f.generated}
    assert computed == {
        "full_name": (("La`st", "first"), False), "gross": (("price",), False), "lower_first": (("first",), False),
        "constant": ((), False),
    }  # fmt: skip
    seen = View(graph, Scoping((), {"generated": ("first",)})).object("generated")
    assert seen is not None
    assert [f.name for f in seen.fields] == ["id", "La`st", "price", "born", "gross", "constant"]
    assert field(graph, "generated", "lower_first").indexed
    bounds = [field(graph, "bounded", name) for name in ("a", "z")]
    assert [(f.generated, f.opaque, f.computed_from) for f in bounds] == [(True, False, ())] * 2


def test_keys_and_indexes(graph: Graph) -> None:
    store = graph.objects["store"]
    assert {(key.name, key.fields, key.primary) for key in store.keys} == {
        ("PRIMARY", ("id",), True), ("by_email", ("email",), False), ("unused", ("secret",), False),
    }  # fmt: skip
    indexes = {index.name: (index.fields, index.unique, index.method) for index in store.indexes}
    assert indexes == {
        "PRIMARY": (("id",), True, "btree"), "by_email": (("email",), True, "btree"), "by_note": (("note",), False, "btree"),
        "by_at_code": (("at", "code"), False, "btree"), "store_region": (("country", "code"), False, "btree"),
        "store_boss": (("boss_id",), False, "btree"), "said": (("note",), False, "fulltext"),
        "placed": (("place",), False, "spatial"),
    }  # fmt: skip
    assert {f.name for f in store.fields if f.indexed} == {"id", "email", "note", "at", "country", "boss_id"}
    assert {f.name for f in store.fields if f.unique} == {"id", "email", "secret"}
    assert {key.fields for key in graph.objects["region"].keys} == {("country", "code"), ("name",)}
    assert [f.name for f in graph.objects["region"].fields if f.primary_key] == ["country", "code"]
    assert not any(f.unique for f in graph.objects["store_product"].fields)


def test_relationships(graph: Graph) -> None:
    region = edge(graph, "store", "region")
    assert (region.pairs, region.nullable) == ((("country", "country"), ("code", "code")), True)
    assert (edge(graph, "store", "boss").target, edge(graph, "store", "boss").cardinality) == ("store", "many_to_one")
    assert edge(graph, "delivery", "billing").pairs == (("billing_id", "id"),)
    assert (edge(graph, "delivery", "billing").nullable, edge(graph, "delivery", "shipping").nullable) == (False, True)
    back = {e.name: e.pairs for e in graph.objects["store"].edges if e.target == "delivery"}
    assert back == {"billed": (("id", "billing_id"),), "shipped": (("id", "shipping_id"),)}
    through = edge(graph, "store", "product")
    assert (through.via, through.pairs, through.via_pairs) == (
        "store_product",
        (("id", "store_id"),),
        (("product_sku", "sku"),),
    )
    assert edge(graph, "store_profile", "store").cardinality == "one_to_one"
    assert edge(graph, "store", "store_profile").cardinality == "one_to_one"
    # A key onto what is not unique relates to any number of records.
    assert not any(e.constraint for e in graph.objects["loose"].edges)


def test_names_stay_as_they_are(graph: Graph) -> None:
    weird = graph.objects['"Weird `Table"""']
    assert (weird.native_name, [f.name for f in weird.fields]) == (
        'Weird `Table"',
        ["Id Col", "select", "a.b", " lead", "ÄÖ漢字", "100%s"],
    )
    assert graph.objects['"with.dot"'].native_name == "with.dot"
    assert [f.name for f in graph.objects["CamelCase"].fields] == ["MixedId", "OtherName"]
    assert field(graph, '"Weird `Table"""', "select").unique


def test_tables_whose_rows_are_kept_otherwise(graph: Graph) -> None:
    assert graph.objects["parted"].partitions == ()
    assert [f.name for f in graph.objects["versioned"].fields] == ["id", "v"]
    for name in ("merged", "mismatched"):  # the server cannot open the other; it says so where the comment would stand
        other = graph.objects[name]
        assert (other.kind, other.opaque, other.description) == (
            "foreign_table",
            "Its rows live in another system, or in other tables.",
            None,
        )
    assert "merged" not in View(graph, Scoping(("old_one",))).object_names()


def test_a_write_role_may_fill_what_is_not_generated(credentials: dict[str, Any]) -> None:
    written = discover({**credentials, **credentials["write"], "write": None})
    assert sorted(written.objects) == ["generated", "kinds", "merged", "store"]
    assert {f.name for f in written.objects["generated"].fields if not f.insertable} == {
        "full_name", "gross", "lower_first", "constant",
    }  # fmt: skip
    assert not written.objects["merged"].insertable
    assert written.objects["store"].updatable
    assert [e for e in written.objects["store"].edges if e.target not in written.objects] == []


def test_what_is_granted_on_single_columns(tls_mariadb: MariaDbServer, credentials: dict[str, Any]) -> None:
    database = credentials["database"]
    seen = seen_as(
        tls_mariadb,
        credentials,
        f"SELECT (id, email), UPDATE (email) ON {quoted(database, 'store')}",
        f"SELECT (since), INSERT ON {quoted(database, 'store_product')}",
        f"SELECT ON {quoted(database, 'named')}",
    )
    assert sorted(seen.objects) == ["named", "store", "store_product"]
    store = seen.objects["store"]
    assert [(f.name, f.readable, f.updatable) for f in store.fields] == [("id", True, False), ("email", True, True)]
    assert (store.readable, store.insertable, store.updatable) == (True, False, True)
    assert [(f.name, f.readable, f.insertable) for f in seen.objects["store_product"].fields] == [
        ("store_id", False, True), ("product_sku", False, True), ("since", True, True),
    ]  # fmt: skip
    assert seen.objects["named"].opaque == "Its text is hidden: grant the role SHOW VIEW."


def test_without_show_view_every_view_is_hidden_as_soon_as_anything_is_blocked(
    tls_mariadb: MariaDbServer, credentials: dict[str, Any]
) -> None:
    seen = seen_as(tls_mariadb, credentials, f"SELECT ON {pattern(credentials['database'])}.*")
    views = [obj for obj in seen.objects.values() if obj.kind == "view"]
    assert len(views) == 15
    assert all(obj.opaque == "Its text is hidden: grant the role SHOW VIEW." and not obj.reads for obj in views)
    left = View(seen, Scoping(("product",)))
    assert not {obj.name for obj in views} & set(left.object_names())
    assert "named" in View(seen, Scoping(("product",), {}, ("named",))).object_names()
