"""A read bound on a verified fact returns that caller's rows and no other's, whatever the model sends."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patchbay.errors import PatchbayError
from patchbay.schema_graph.arguments import ArgumentRefused, ArgumentsInvalid, MissingFacts
from patchbay.schema_graph.call import FrozenCall
from tests.connectors.bound import Bound

MINE: dict[str, Any] = {
    "operation": "orders.read",
    "inputs": [
        {"param": "customer_id", "arg": "customer_id", "source": "verified", "key": "customer_id"},
        {"param": "number", "arg": "number"},
        {"param": "numbers", "arg": "number"},
        {"param": "at_least", "arg": "total"},
        {"param": "state", "arg": "status"},
        {"param": "whose", "arg": "customer.first_name"},
    ],
    "filters": [
        {"arg": "number", "op": "in", "param": "numbers"},
        {"arg": "total", "op": "ge", "param": "at_least"},
        {"arg": "status", "op": "ne", "param": "state"},
    ],
    "projection": [
        {"path": ["id"], "leaf": "id"},
        {"path": ["customer_id"], "leaf": "owner"},
        {"path": ["items", "quantity"], "leaf": "q"},
    ],
    "orderBy": [{"path": ["total"], "direction": "desc"}],
    "limit": 50,
}
HOSTILE = ["' OR '1'='1", "A-1", "1 OR 1=1", "%", "\\", "*", "null", "A-1'; --", '{"$gt": ""}', "2", ""]
OWNERS = st.integers(1, 4)
ROWS = st.lists(
    st.tuples(
        st.none() | OWNERS, st.none() | st.sampled_from(HOSTILE), st.none() | st.integers(-3, 3), st.none() | st.integers(0, 2)
    ),
    max_size=12,
)
VALUES = (
    st.none() | st.sampled_from(HOSTILE) | st.integers(-5, 5) | st.booleans() | st.lists(st.sampled_from(HOSTILE), max_size=3)
)
ARGUMENTS = st.dictionaries(
    st.sampled_from(["number", "numbers", "at_least", "state", "whose", "customer_id", "owner", "limit"]), VALUES, max_size=5
)


@pytest.fixture(scope="module")
def mine(bound: Bound) -> FrozenCall:
    return asyncio.run(bound.frozen(MINE))


@given(rows=ROWS, arguments=ARGUMENTS, caller=OWNERS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_only_the_verified_callers_rows_ever_come_back(
    bound: Bound, mine: FrozenCall, rows: list[tuple[Any, ...]], arguments: dict[str, Any], caller: int
) -> None:
    lay_out(bound, rows)
    owned = {str(1000 + at) for at, row in enumerate(rows) if row[0] == caller}

    try:
        result = asyncio.run(bound.run(mine, arguments=arguments, verified={"customer_id": caller}))
    except (ArgumentRefused, ArgumentsInvalid):
        assert arguments, "what is refused was sent"
        return
    assert {row["id"] for row in result.rows} <= owned
    assert {row["owner"] for row in result.rows} <= {caller}
    if all(value in (None, "", []) for value in arguments.values()):
        assert {row["id"] for row in result.rows} == owned


@given(arguments=ARGUMENTS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_without_verification_nothing_runs_whatever_is_sent(bound: Bound, mine: FrozenCall, arguments: dict[str, Any]) -> None:
    with pytest.raises(PatchbayError) as refused:
        asyncio.run(bound.run(mine, arguments=arguments, session={"customer_id": 1}))
    assert isinstance(refused.value, MissingFacts) or arguments, "what was sent is told first"


def lay_out(bound: Bound, rows: list[tuple[Any, ...]]) -> None:
    """The customers 1 to 4 and these orders, and nothing else."""
    said = [f"({1000 + at}, {', '.join(map(written, row))})" for at, row in enumerate(rows)]
    orders = [f"INSERT INTO orders (id, customer_id, number, total, status) VALUES {', '.join(said)}"] if said else []
    for statement in itertools.chain(
        ["DELETE FROM items", "DELETE FROM orders", "DELETE FROM customers"],
        ["INSERT INTO customers (id, first_name) VALUES (1, 'A'), (2, 'A'), (3, NULL), (4, 'null')"],
        orders,
    ):
        bound.execute(statement)


def written(value: Any) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"
