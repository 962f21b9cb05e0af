"""Literals against the real server: each comes back as exactly the value it was made of, whatever the session's settings."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pymysql
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patchbay.connectors.refusals import ValueNotAccepted
from patchbay.connectors.sql.mysql.literals import encoder, literal, statement, template
from patchbay.connectors.sql.mysql.server import SQL_MODE
from patchbay.schema_graph.call import SqlSlot
from tests.servers.mariadb import MariaDbServer

MODES = (SQL_MODE, "", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT", "ORACLE")
TEXTS = (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
    | st.text(st.sampled_from("'\"\\`\0\x1a\n%_;-/*#?x\U0001f600é\u2028"), max_size=12)
    | st.sampled_from(["' OR 1=1 -- ", "\\' OR 1=1 #", "\\", "'", "x' or '1", "\0", "\U0001f600", "ß", ""])
)
EVERY = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def ask(tls_mariadb: MariaDbServer) -> Iterator[Any]:
    """Selects one expression under a ``sql_mode``; three of them are the whole row or the statement was another one."""
    credentials = tls_mariadb.create_database()
    connection = pymysql.connect(
        host=credentials["host"], port=credentials["port"], user=credentials["user"], password=credentials["password"],
        database=credentials["database"], ssl_ca=tls_mariadb.ca_file, charset="utf8mb4", autocommit=True,
    )  # fmt: skip

    def select(expression: bytes, mode: str = SQL_MODE) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SET sql_mode = %s", (mode,))
            cursor.execute((b"SELECT 'before', %s, 'after'" % expression).decode())
            ((before, value, after),) = cursor.fetchall()
            assert (before, after) == ("before", "after")
            return value

    yield select
    connection.close()


@given(TEXTS, st.sampled_from(MODES))
@EVERY
def test_a_text_comes_back_as_it_was(ask: Any, value: str, mode: str) -> None:
    assert ask(literal(value), mode) == value
    assert ask(b"%s = %s" % (literal(value), literal(value)), mode) == 1


@given(TEXTS)
@EVERY
def test_nothing_of_a_text_is_outside_its_hexadecimal_digits(value: str) -> None:
    written = literal(value)
    assert written.startswith(b"_utf8mb4 x'")
    assert written.endswith(b"'")
    assert set(written[11:-1]) <= set(b"0123456789abcdef")


@given(st.binary(max_size=80), st.sampled_from(MODES))
@EVERY
def test_bytes_come_back_as_they_were(ask: Any, value: bytes, mode: str) -> None:
    assert ask(literal(value), mode) == value


@given(st.integers(-(10**65) + 1, 10**65 - 1))
@EVERY
def test_whole_numbers(ask: Any, value: int) -> None:
    assert ask(literal(value)) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**40), max_value=10**40))
@EVERY
def test_decimals(ask: Any, value: Decimal) -> None:
    assert ask(literal(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
@EVERY
def test_doubles(ask: Any, value: float) -> None:
    assert ask(b"CAST(%s AS CHAR)" % literal(value)) is not None
    assert ask(literal(value)) == pytest.approx(value, rel=1e-14)


@given(st.dates())
@EVERY
def test_dates(ask: Any, value: date) -> None:
    assert ask(literal(value)) == value


@given(st.datetimes(timezones=st.none() | st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))])))
@EVERY
def test_moments_are_written_in_utc(ask: Any, value: datetime) -> None:
    try:
        plain = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    except OverflowError:
        return
    assert ask(literal(value)) == plain


@given(st.times())
@EVERY
def test_times_of_day(ask: Any, value: time) -> None:
    span = timedelta(hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond)
    assert ask(literal(value)) == span


@given(st.timedeltas(-timedelta(hours=838, minutes=59, seconds=59), timedelta(hours=838, minutes=59, seconds=59)))
@EVERY
def test_spans(ask: Any, value: timedelta) -> None:
    assert ask(literal(value)) == value


def test_the_rest(ask: Any) -> None:
    assert (ask(literal(None)), ask(literal(True)), ask(literal(False))) == (None, 1, 0)
    assert ask(literal(2**64 - 1)) == 2**64 - 1
    assert ask(literal(UUID(int=5))) == str(UUID(int=5))
    assert ask(b"JSON_VALUE(%s, '$.a')" % literal({"a": "it's \\ \U0001f600"})) == "it's \\ \U0001f600"


@pytest.mark.parametrize(
    "value",
    [
        "\ud800", "a\udfffb", math.inf, -math.inf, math.nan, Decimal("NaN"), Decimal("Infinity"), 10**65, Decimal("1e70"),
        Decimal("1e-80"), timedelta(hours=839), object(), {1, 2},
    ],
)  # fmt: skip
def test_what_has_no_literal_is_refused(value: Any) -> None:
    with pytest.raises(ValueNotAccepted):
        literal(value)


def test_lists_are_never_empty_and_texts_stay_texts(ask: Any) -> None:
    many = encoder(SqlSlot("varchar(20)", "string", param="p", many=True))
    assert many(None) == many([]) == b"NULL"
    assert ask(b"'b' IN (%s)" % many(["a", "b"])) == 1
    assert ask(b"'1a' IN (%s)" % many([1])) == 0, "as numbers the two would be equal"
    assert encoder(SqlSlot("varchar(20)", "string", param="p"))(5) == literal("5")


@given(st.floats(-1e30, 1e30))
@EVERY
def test_single_precision_is_compared_with_its_own_numbers(ask: Any, value: float) -> None:
    write = encoder(SqlSlot("float", "number", param="p"))
    stored = struct.unpack("<f", struct.pack("<f", value))[0]
    assert ask(b"%s = CAST(CAST(%s AS FLOAT) AS DOUBLE)" % (write(value), write(value))) == 1 or abs(stored) < 1.2e-38


@pytest.mark.parametrize(
    ("sql", "parts"),
    [
        ("SELECT 1", (b"SELECT 1",)),
        ("a = ? OR ? IS NULL", (b"a = ", b" OR ", b" IS NULL")),
        ("`a?b` = ? AND `c``?` IN (?)", (b"`a?b` = ", b" AND `c``?` IN (", b")")),
        ("?", (b"", b"")),
    ],
)
def test_a_statement_is_cut_at_its_placeholders_only(sql: str, parts: tuple[bytes, ...]) -> None:
    assert template(sql) == parts
    marks = [b"<%d>" % n for n in range(len(parts) - 1)]
    filled = statement(parts, marks)
    assert all(filled.count(mark) == 1 for mark in marks)
    with pytest.raises(ValueError, match="size"):
        statement(parts, [*marks, b"extra"])
