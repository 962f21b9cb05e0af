"""What a view is said to read is all it reads: the server itself is asked, by letting an account see just that and no more.

A view that runs with its caller's rights is refused when the caller may not read a column it touches. So an account that is
granted exactly what discovery says, and not one column besides, must be able to read it; and one column less must be noticed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pymysql
import pytest

from patchbay.schema_graph.model import Graph, Object
from tests.connectors.discovery.mysql_reading import discover
from tests.servers.mariadb import MariaDbServer, quoted

SQL = (Path(__file__).parent / "mysql_torture.sql").read_text(encoding="utf-8")
SCHEMAS = {
    "torture": {"sql": SQL},
    "sakila": {"dataset": "sakila"},
    "odd": {
        "sql": """
CREATE TABLE t (id int PRIMARY KEY, a int, b int, c int, d date, s varchar(9));
CREATE TABLE u (id int PRIMARY KEY, t_id int, c int);
CREATE VIEW in_list AS SELECT a FROM t WHERE b IN (SELECT c FROM u);
CREATE VIEW in_select AS SELECT (SELECT max(u.c) FROM u WHERE u.t_id = t.id) AS m FROM t;
CREATE VIEW windowed AS SELECT a, row_number() OVER (PARTITION BY b ORDER BY d DESC) AS n FROM t;
CREATE VIEW chosen AS SELECT CASE WHEN a > 1 THEN b ELSE NULL END AS x FROM t ORDER BY s LIMIT 3;
CREATE VIEW outer_join AS SELECT t.a FROM t LEFT JOIN u ON u.t_id = t.id AND u.c > 2;
CREATE VIEW naturally AS SELECT t.a FROM t NATURAL JOIN u;
CREATE VIEW united AS SELECT a AS x FROM t UNION ALL SELECT c FROM u EXCEPT SELECT b FROM t ORDER BY x;
CREATE VIEW listed AS SELECT b, group_concat(DISTINCT s ORDER BY d SEPARATOR '`c`') AS g FROM t GROUP BY b WITH ROLLUP;
CREATE VIEW stated AS WITH x AS (SELECT id, a FROM t), y AS (SELECT id FROM x WHERE a > 1)
  SELECT y.id, u.c FROM y JOIN u USING (id);
CREATE VIEW same_names AS SELECT t.c, u.c AS uc FROM u AS t JOIN t AS u ON t.id = u.id;
CREATE VIEW dated AS SELECT d + INTERVAL 1 DAY AS n, extract(YEAR FROM d) AS y, date_format(d, '%Y `b`') AS f FROM t;
CREATE VIEW compared AS SELECT a FROM t WHERE s LIKE 'x%' AND (a, b) IN (SELECT id, c FROM u)
  AND NOT EXISTS (SELECT 1 FROM u WHERE u.id = t.c);
CREATE VIEW hinted AS SELECT a FROM t USE INDEX (PRIMARY) WHERE id > 1;
CREATE VIEW over_all AS SELECT * FROM same_names JOIN windowed;
"""
    },
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_an_account_that_sees_what_is_said_can_read_the_view(tls_mariadb: MariaDbServer, schema: str) -> None:
    credentials = tls_mariadb.create_database(**SCHEMAS[schema])
    graph = discover(credentials)
    views = [obj for obj in graph.objects.values() if obj.kind == "view" and not obj.opaque]
    views = [view for view in views if not any(graph.objects[d.object].opaque for d in view.reads)]
    assert len(views) >= 7
    with tls_mariadb.connect(credentials["database"]) as admin, admin.cursor() as asked:
        for view in views:
            asked.execute(
                "SELECT VIEW_DEFINITION FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s",
                (view.native_name,),
            )
            asked.execute(f"ALTER SQL SECURITY INVOKER VIEW {_place(view)} AS {asked.fetchone()[0]}")
        for view in views:
            _hold(tls_mariadb, asked, credentials, graph, view)


def _hold(server: MariaDbServer, admin: Any, credentials: dict[str, Any], graph: Graph, view: Object) -> None:
    """The account reads the view with what is said to be read granted, and not with any column of it taken away."""
    user, password = server.create_account("caller", f"SELECT ON {quoted(credentials['database'])}.{_place(view)}")
    said = [(graph.objects[name], column) for name, columns in _said(graph, view).items() for column in columns]
    for owner, column in said:
        admin.execute(f"GRANT SELECT ({quoted(column)}) ON {_place(owner)} TO {quoted(user)}@'%'")
    reader = pymysql.connect(
        host=server.host, port=server.port, user=user, password=password, database=credentials["database"], ssl_ca=server.ca_file
    )
    with reader, reader.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {_place(view)}")
        reads = {(d.object, column) for d in view.reads for column in d.fields or ()}
        for owner, column in said:
            if (owner.name, column) in reads:
                admin.execute(f"REVOKE SELECT ({quoted(column)}) ON {_place(owner)} FROM {quoted(user)}@'%'")
                with pytest.raises(pymysql.err.OperationalError):
                    cursor.execute(f"SELECT * FROM {_place(view)}")
                admin.execute(f"GRANT SELECT ({quoted(column)}) ON {_place(owner)} TO {quoted(user)}@'%'")


def _said(graph: Graph, view: Object) -> dict[str, tuple[str, ...]]:
    """The columns of each table and view to grant. A table that is only counted needs some column, whichever."""
    found: dict[str, tuple[str, ...]] = {}
    todo = [view]
    while todo:
        for dependency in todo.pop().reads:
            target = graph.objects[dependency.object]
            assert dependency.fields is not None, view.name
            some = dependency.fields or (target.fields[0].name,)
            found[target.name] = tuple({*found.get(target.name, ()), *some})
            todo += [target] if target.kind == "view" else []
    return found


def _place(obj: Object) -> str:
    return quoted(obj.native_name or "")
