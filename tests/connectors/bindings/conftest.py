"""A shop on both kinds of database."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tests.connectors.bound import Bound, Kind

PLAIN = """
CREATE TABLE customers (
  id int PRIMARY KEY, first_name varchar(40), last_name varchar(40), phone varchar(40), token varchar(20), note varchar(200));
CREATE TABLE products (id int PRIMARY KEY, name varchar(60), price_cents bigint);
CREATE TABLE orders (
  id bigint PRIMARY KEY, customer_id int REFERENCES customers (id), number varchar(40), total_cents bigint, total decimal(12, 2),
  status int, placed_on date, placed_epoch bigint, seen_at {moment}, paid {flag}, weight {real}, secret varchar(40));
CREATE TABLE items (
  id int PRIMARY KEY, order_id bigint REFERENCES orders (id), product_id int REFERENCES products (id), quantity int);
CREATE INDEX by_customer ON orders (customer_id);
CREATE INDEX by_order ON items (order_id);
CREATE INDEX by_token ON customers (token);
CREATE INDEX by_last_name ON customers (last_name);
INSERT INTO customers VALUES (1, 'Ada', 'Byron', '+16135550142', 'a', NULL), (2, 'Ben', 'von Uhl', '613-555-0143', 'b', 'x'),
  (3, 'Cid', NULL, NULL, 'c', NULL);
INSERT INTO products VALUES (1, 'Stove; "hot", {{a}}', 129900), (2, 'Pan', 2599);
INSERT INTO orders VALUES
  (9007199254740993, 1, 'A-1', 1999, 19.99, 1, '2031-03-04', 1930000000, '2031-03-04 09:30:00', {true}, 1.5, 's1'),
  (12, 1, NULL, NULL, NULL, 2, NULL, NULL, NULL, NULL, NULL, 's2'),
  (13, 1, 'ünï ''"\\', -5, 0.10, 7, '2031-03-05', 0, '2031-07-04 09:30:00', {false}, 0.1, 's3');
INSERT INTO items VALUES (1, 12, 1, 2), (2, 12, 2, 1), (3, 13, NULL, 5);
"""
DIALECTS: dict[Kind, dict[str, str]] = {
    "postgres": {"moment": "timestamp", "flag": "boolean", "real": "double precision", "true": "true", "false": "false"},
    "mysql": {"moment": "datetime", "flag": "tinyint(1)", "real": "double", "true": "1", "false": "0"},
}


def sql_of(kind: Kind) -> str:
    plain = PLAIN.format(**DIALECTS[kind])
    if kind == "postgres":
        return plain + "ANALYZE;"
    # Its REFERENCES behind a column declares nothing in older versions, and a backslash would escape.
    return "SET sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES');" + plain + "ANALYZE TABLE customers, orders, items;"


@pytest.fixture(scope="module", params=["postgres", "mysql"])
def bound(request: pytest.FixtureRequest) -> Bound:
    kind = cast("Kind", request.param)
    server: Any = request.getfixturevalue("tls_postgres" if kind == "postgres" else "tls_mariadb")
    return Bound(kind, server, sql_of(kind))
