"""Which native types are only larger than others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.schema_graph.widening import is_wider

WIDER = [
    ("postgres", "character varying(20)", "character varying(80)"),
    ("postgres", "character varying(20)", "character varying"),
    ("postgres", "character varying(70000)", "text"),
    ("postgres", "smallint", "bigint"),
    ("postgres", "numeric(8,2)", "numeric(10,2)"),
    ("postgres", "numeric(8,2)", "numeric(10,4)"),
    ("postgres", "numeric(8,2)", "numeric"),
    ("postgres", "real", "double precision"),
    ("postgres", "timestamp(0) with time zone", "timestamp with time zone"),
    ("mysql", "varchar(20)", "varchar(21)"),
    ("mysql", "varchar(20)", "mediumtext"),
    ("mysql", "int(10) unsigned", "bigint(20) unsigned"),
    ("mysql", "int unsigned", "bigint unsigned"),
    ("mysql", "tinytext", "text"),
    ("mysql", "decimal(8,2)", "decimal(9,2)"),
    ("mysql", "datetime", "datetime(6)"),
    ("rest", "integer(int32)", "integer(int64)"),
    ("rest", "integer(int32)", "integer"),
]
NOT_WIDER = [
    ("postgres", "character varying(80)", "character varying(20)"),
    ("postgres", "text", "character varying(20)"),
    ("postgres", "character(20)", "text"),
    ("postgres", "text", "json"),
    ("postgres", "numeric(10,2)", "numeric(10,4)"),
    ("postgres", "numeric(10,2)", "numeric(12,0)"),
    ("postgres", "timestamp without time zone", "timestamp with time zone"),
    ("postgres", "integer", "numeric"),
    ("postgres", "mood", "temper"),
    ("mysql", "varchar(20000)", "text"),
    ("mysql", "int(10)", "int(10) unsigned"),
    ("mysql", "int unsigned", "bigint"),
    ("rest", "string", "string(date)"),
    ("rest", "number(double)", "number(float)"),
    ("rest", "integer(int32)", "integer(double)"),
    ("graphql", "[String]", "[String!]"),
]


@pytest.mark.parametrize(("kind", "before", "after"), WIDER)
def test_what_holds_more_is_wider(kind: str, before: str, after: str) -> None:
    assert is_wider(before, after, kind)
    assert not is_wider(after, before, kind)


@pytest.mark.parametrize(("kind", "before", "after"), NOT_WIDER)
def test_what_holds_less_or_other_things_is_not(kind: str, before: str, after: str) -> None:
    assert not is_wider(before, after, kind)


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(["postgres", "mysql", "rest", "graphql"]))
def test_any_spelling_is_judged(before: str, after: str, kind: str) -> None:
    assert not (is_wider(before, after, kind) and before == after)
    assert not is_wider(before, before, kind)
