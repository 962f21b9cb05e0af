"""What views read, on a real MariaDB; and the reading of texts that no server would store so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.connectors.sql.mysql.discovery.expressions import computed_from, looks_further, tokens_of
from patchbay.connectors.sql.mysql.discovery.lineage import Lineage
from patchbay.connectors.sql.mysql.discovery.rows import Catalog, Table
from patchbay.schema_graph.model import Dependency, Graph
from patchbay.schema_graph.scoping import Scoping, View
from tests.connectors.discovery.mysql_reading import discover
from tests.servers.mariadb import MariaDbServer, quoted

SQL = (Path(__file__).parent / "mysql_torture.sql").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def credentials(tls_mariadb: MariaDbServer) -> dict[str, Any]:
    return tls_mariadb.create_database(sql=SQL)


@pytest.fixture(scope="module")
def graph(credentials: dict[str, Any]) -> Graph:
    return discover(credentials)


def hidden_by(graph: Graph, *tables: str, **columns: tuple[str, ...]) -> set[str]:
    free = View(graph, Scoping(("no_such_table",)))  # what is opaque is gone already
    return set(free.object_names()) - set(View(graph, Scoping(tables, columns)).object_names())


@pytest.mark.parametrize(
    ("view", "reads"),
    [
        ("named", {"store": ("email", "id")}),
        ("over_named", {"named": ("email",)}),
        ("counted", {"store": ()}),
        ("filtered", {"store": ("id", "secret")}),
        ("joined", {"store": ("boss_id", "code", "country", "id"), "region": ("code", "country", "name")}),
        ("aliased", {"product": ("title",), "region": ("name",)}),
        ("nested", {"store": ("boss_id", "id"), "product": ("title",)}),
        ("grouped", {"store": ("at", "code")}),
        ("opened", {"kinds": ("j",)}),
        ("harmless", {"product": ("title",)}),
        ("Weird view", {'"Weird `Table"""': ("a.b", "select")}),
    ],
)
def test_direct_reads_name_the_columns(graph: Graph, view: str, reads: dict[str, tuple[str, ...]]) -> None:
    found = graph.objects[view]
    assert {d.object: d.fields for d in found.reads} == reads
    assert (found.opaque, len(found.definition_hash or "")) == (None, 64)


def test_what_cannot_be_closed_is_opaque_with_a_reason(graph: Graph) -> None:
    opaque = {obj.name: obj.opaque for obj in graph.objects.values() if obj.opaque and obj.kind == "view"}
    assert opaque == {
        "peeking": "It calls a function whose reads cannot be told.",
        "waiting": "It calls a function whose reads cannot be told.",
        "broken": "It reads something that is not part of the schema.",
    }
    seen = View(graph, Scoping(("no_such_table",))).object_names()
    assert not {*opaque, "laundering"} & set(seen)
    allowed = View(graph, Scoping(("no_such_table",), {}, ("peeking",))).object_names()
    assert {"peeking", "laundering"} <= set(allowed)


def test_what_is_blocked_takes_along_the_views_over_it(graph: Graph) -> None:
    over_store = {"named", "over_named", "counted", "filtered", "joined", "nested", "grouped"}
    assert hidden_by(graph, "store") == {"store", *over_store}
    assert hidden_by(graph, store=("SECRET",)) == {"filtered"}
    assert hidden_by(graph, store=("email",)) == {"named", "over_named"}
    assert hidden_by(graph, "region") == {"region", "joined", "aliased"}


def test_a_view_into_another_database_is_opaque_and_still_blocked_by_name(
    tls_mariadb: MariaDbServer, credentials: dict[str, Any]
) -> None:
    outside = tls_mariadb.create_database(sql="CREATE TABLE elsewhere (id int PRIMARY KEY, v int);")["database"]
    inside = tls_mariadb.create_database(sql=f"CREATE VIEW into_it AS SELECT e.v FROM {quoted(outside)}.elsewhere e;")
    view = discover(inside).objects["into_it"]
    assert view.opaque == "It reads something that is not part of the schema."
    assert view.reads == (Dependency(f"{outside}.elsewhere", ("v",)),)
    graph = discover(inside)
    scoping = Scoping((f"{outside}.elsewhere",), {}, ("into_it",))
    assert "into_it" in View(graph, Scoping(("other",), {}, ("into_it",))).object_names()
    assert "into_it" not in View(graph, scoping).object_names()


def test_columns_that_the_account_does_not_see_are_still_read(tls_mariadb: MariaDbServer, credentials: dict[str, Any]) -> None:
    database = credentials["database"]
    user, password = tls_mariadb.create_account(
        "half",
        f"SELECT (id) ON {quoted(database, 'store')}",
        f"SELECT, SHOW VIEW ON {quoted(database, 'filtered')}",
    )
    seen = discover({**credentials, "user": user, "password": password})
    assert [f.name for f in seen.objects["store"].fields] == ["id"]
    assert seen.objects["filtered"].reads == (Dependency("store", ("id", "secret")),)
    assert "filtered" not in View(seen, Scoping((), {"store": ("secret",)})).object_names()


def test_a_database_whose_name_differs_in_case_is_another_one(tls_mariadb: MariaDbServer) -> None:
    tls_mariadb.create_database("Twin", sql="CREATE TABLE t (id int PRIMARY KEY, v int);")
    low = tls_mariadb.create_database("twin", sql="CREATE TABLE t (id int, w json); CREATE VIEW v AS SELECT id FROM Twin.t;")
    graph = discover(low)
    assert [f.name for f in graph.objects["t"].fields] == ["id", "w"]
    assert (graph.objects["v"].reads, graph.objects["v"].opaque) == (
        (Dependency("Twin.t", ("id",)),),
        "It reads something that is not part of the schema.",
    )


def test_a_changed_text_has_another_hash(tls_mariadb: MariaDbServer) -> None:
    credentials = tls_mariadb.create_database(sql="CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t;")
    before = discover(credentials).objects["v"].definition_hash
    assert discover(credentials).objects["v"].definition_hash == before
    tls_mariadb.execute(credentials["database"], "CREATE OR REPLACE VIEW v AS SELECT a FROM t WHERE a > 1")
    assert discover(credentials).objects["v"].definition_hash != before


def origin(text: str, *, names_fold: bool = True) -> tuple[dict[str, tuple[str, ...] | None], str | None]:
    """What a view of this text reads in a database ``d`` with the tables ``t`` (``a``, ``b``) and ``u`` (``a``, ``c``)."""
    view = Table("v", "VIEW", None, None, None)
    columns = {name: [(f"{column}\0int\0YES\0000\0\0select\0", None) for column in fields] for name, fields in TABLES.items()}
    tables = [Table(name, "BASE TABLE", "InnoDB", 0, "") for name in TABLES]
    found = Lineage(Catalog("d", names_fold, [*tables, view], columns, {}, (), {"v": text}, frozenset())).of(view)
    return {d.object: d.fields for d in found.reads}, found.opaque


TABLES = {"t": ("a", "B"), "u": ("a", "c")}


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("select `d`.`t`.`a` AS `a` from `d`.`t`", {"t": ("a",)}),
        ("select `D`.`T`.`A` AS `a` from `D`.`T`", {"t": ("a",)}),
        ("select `t`.`b` AS `x` from `t`", {"t": ("B",)}),
        ("select `a` AS `x` from `d`.`t` join `d`.`u`", {"t": ("a",), "u": ("a",)}),
        ("select * from `d`.`t` join `d`.`u`", {"t": None, "u": None}),
        ("select `u`.* from `d`.`t` join `d`.`u`", {"t": None, "u": None}),
        ("select 1 AS `x` from `d`.`t` join `d`.`u` using (`a`)", {"t": ("a",), "u": ("a",)}),
        ("select `x`.`a` AS `y` from `d`.`t` `x` where exists(select 1 from `d`.`u` `x` where `x`.`c` = 1)",
         {"t": ("a",), "u": ("a", "c")}),
        ("select max(`d`.`t`.`a`) AS `m` from `d`.`t` having `m` > 1", {"t": ("a",)}),
        ("(select `d`.`t`.`a` AS `a` from `d`.`t`) union all (select `d`.`u`.`c` AS `c` from `d`.`u`) order by `a`",
         {"t": ("a",), "u": ("a", "c")}),
        ("select `q`.`z` AS `z` from (select `d`.`t`.`a` AS `z` from `d`.`t`) `q`", {"t": ("a",)}),
        ("select 'from `d`.`u`' AS `x`,'it\\'s `c`' AS `y` from `d`.`t`", {"t": ()}),
    ],
)  # fmt: skip
def test_texts(text: str, reads: dict[str, tuple[str, ...] | None]) -> None:
    assert origin(text) == (reads, None)


@pytest.mark.parametrize(
    "text",
    [
        "select `f`(`d`.`t`.`a`) AS `x` from `d`.`t`",
        "select `d`.`f`(1) AS `x` from `d`.`t`",
        "select some_plug_in(`d`.`t`.`a`) AS `x` from `d`.`t`",
        "select load_file('/etc/passwd') AS `x`",
        "select nextval(`d`.`s`) AS `x`",
        "select `d`.`missing`.`a` AS `a` from `d`.`missing`",
        "select `other`.`t`.`a` AS `a` from `other`.`t`",
        "select `nobody`.`a` AS `a` from `d`.`t`",
        "select `unknown` AS `a` from `d`.`t`",
        "select @session_variable AS `a`",
        "select 'never ended from `d`.`t`",
        "select `d`.`t`.`a` from `d`.`t` procedure analyse()",
        "call `d`.`p`()",
        "not sql at all",
        "",
    ],
)
def test_what_cannot_be_followed_is_opaque(text: str) -> None:
    reads, opaque = origin(text)
    assert opaque, reads


def test_names_of_tables_are_told_apart_by_case_where_the_server_does() -> None:
    assert origin("select `d`.`t`.`A` AS `a` from `d`.`t`", names_fold=False) == ({"t": ("a",)}, None)
    for text in ("select `d`.`T`.`a` AS `a` from `d`.`T`", "select `D`.`t`.`a` AS `a` from `D`.`t`"):
        assert origin(text, names_fold=False)[1] == "It reads something that is not part of the schema."


@given(st.text(alphabet="selctfromwhjin `'\"\\.,()*=1ab\0/\n@", max_size=120))
def test_no_text_breaks_the_reading(text: str) -> None:
    reads, opaque = origin("select " + text)
    assert opaque is None or isinstance(opaque, str)
    assert isinstance(reads, dict)
    computed_from(text, {"a": "a"})


@given(st.lists(st.sampled_from(["`a`", "`B`", "'`x` it''s'", "concat(", ")", "+", "1.5", "now()", " ", "\\'q`\\'"])))
def test_every_quoted_name_of_an_expression_counts(parts: list[str]) -> None:
    computed = computed_from(" ".join(parts), {"a": "a", "b": "b"})
    assert set(computed.fields) == {name for name, spelled in (("a", "`a`"), ("b", "`B`")) if spelled in parts}
    assert not computed.opaque


def test_expressions_of_generated_columns() -> None:
    names = {"a": "a", "b": "b"}
    assert computed_from("concat(`a`,_utf8mb4\\' \\',`b`)", names) == (("a", "b"), False)
    assert computed_from("`a` + `gone`", names) == (("a",), True)
    assert computed_from("secret_of(`a`)", names) == (("a",), True)
    assert computed_from("`a` + '", names) == (("a",), True)
    assert not looks_further(tokens_of("cast(json_extract(`a`,'$.x') as decimal(10,2))"))
