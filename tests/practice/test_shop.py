"""What the demo relies on in the practice shop: its size, its mess, and that it hangs together."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import psycopg

from patchbay.cli.demo.practice.phones import AREA_CODES, national_number
from patchbay.cli.demo.practice.rows import CUSTOMERS, OFFICE, TECHNICIANS, tables
from patchbay.cli.demo.practice.seed import seed
from patchbay.cli.demo.practice.server import PracticeDatabase, open_practice
from patchbay.schema_graph.phones import to_e164

TODAY = date(2026, 11, 20)


def scalar(owner: psycopg.Connection, query: str) -> object:
    row = owner.execute(query).fetchone()  # type: ignore[call-overload]
    assert row is not None
    return row[0]


def test_same_day_gives_the_same_shop() -> None:
    assert list(tables(TODAY)) == list(tables(TODAY))
    assert list(tables(TODAY)) != list(tables(TODAY + timedelta(days=1)))


def test_every_number_is_another_and_none_rings() -> None:
    numbers = {national_number(index) for index in range(CUSTOMERS + TECHNICIANS + OFFICE + 1)}
    assert len(numbers) == CUSTOMERS + TECHNICIANS + OFFICE + 1
    assert all(area in AREA_CODES and 100 <= int(last) <= 199 for area, last in numbers)


def test_tens_of_thousands_of_rows_are_there(practice: PracticeDatabase, owner: psycopg.Connection) -> None:
    expected = {table.name: len(table.rows) for table in tables(practice.seeded.today)}
    assert practice.seeded.rows == expected
    assert sum(expected.values()) > 100_000
    for name, count in expected.items():
        assert scalar(owner, f"SELECT count(*) FROM {name}") == count


def test_appointments_lie_on_both_sides_of_now_in_business_hours(owner: psycopg.Connection) -> None:
    assert scalar(owner, "SELECT count(*) > 1500 FROM appointments WHERE starts_at > now()") is True
    assert scalar(owner, "SELECT count(*) > 20000 FROM appointments WHERE starts_at < now()") is True
    local = "starts_at AT TIME ZONE 'America/Chicago'"
    assert scalar(owner, f"SELECT count(*) FROM appointments WHERE extract(hour FROM {local}) NOT IN (8, 10, 13, 15)") == 0
    assert scalar(owner, f"SELECT count(*) FROM appointments WHERE extract(isodow FROM {local}) = 7") == 0
    assert scalar(owner, "SELECT count(*) FROM appointments WHERE starts_at > now() AND status = 'completed'") == 0


def test_no_technician_is_at_two_places_at_once(owner: psycopg.Connection) -> None:
    clashes = """SELECT count(*) FROM appointments a JOIN appointments b
        ON a.staff_id = b.staff_id AND a.id < b.id AND tstzrange(a.starts_at, a.ends_at) && tstzrange(b.starts_at, b.ends_at)"""
    assert scalar(owner, clashes) == 0


def test_the_rows_hang_together_beyond_the_foreign_keys(owner: psycopg.Connection) -> None:
    foreign = (
        "SELECT count(*) FROM appointments v JOIN appliances a ON a.id = v.appliance_id WHERE a.customer_id <> v.customer_id"
    )
    assert scalar(owner, foreign) == 0
    assert scalar(owner, "SELECT count(*) FROM appointments v LEFT JOIN invoices i ON i.appointment_id = v.id"
                         " WHERE (v.status = 'completed') <> (i.id IS NOT NULL)") == 0  # fmt: skip
    assert scalar(owner, "SELECT count(*) FROM invoices i LEFT JOIN payments p ON p.invoice_id = i.id"
                         " WHERE (i.status = 'paid') <> (p.id IS NOT NULL AND p.amount = i.total)") == 0  # fmt: skip
    assert scalar(owner, "SELECT count(*) FROM payments WHERE paid_at::date > current_date + 1") == 0
    assert scalar(owner, "SELECT count(*) FROM appointments v JOIN customers c ON c.id = v.customer_id"
                         " WHERE c.created_at > v.starts_at") == 0  # fmt: skip
    assert scalar(owner, "SELECT last_value FROM pg_sequences WHERE sequencename = 'customers_id_seq'") == CUSTOMERS


def test_the_phone_column_is_the_mess_real_ones_are(owner: psycopg.Connection) -> None:
    phones = [phone for (phone,) in owner.execute("SELECT phone FROM customers").fetchall()]
    shapes = Counter(re.sub(r"\d", "9", phone) for phone in phones if phone is not None)
    usual = {"(999) 999-9999", "999-999-9999", "9999999999", "+99999999999", "999.999.9999", "9-999-999-9999", "+9 999 999 9999"}
    assert usual <= shapes.keys()
    assert len(shapes) > 15
    assert shapes["999-9999"] > 50
    assert sum(count for shape, count in shapes.items() if "x" in shape) > 50
    assert 100 < phones.count(None) < 500
    assert sum(to_e164(phone, "US") is None for phone in phones if phone is not None) > 100
    readable = Counter(filter(None, (to_e164(phone, "US") for phone in phones if phone is not None)))
    assert max(readable.values()) > 1, "some share a telephone"
    assert sum(count == 1 for count in readable.values()) > 10_000


def test_the_indexed_columns_are_indexed(owner: psycopg.Connection) -> None:
    plan = "\n".join(line for (line,) in owner.execute("EXPLAIN SELECT * FROM customers WHERE phone = ANY('{a,b,c}')").fetchall())
    assert "customers_phone" in plan
    unindexed = """SELECT conrelid::regclass || '.' || conname FROM pg_constraint c WHERE contype = 'f' AND conrelid IN
        ('customers'::regclass, 'invoices'::regclass, 'payments'::regclass, 'appliances'::regclass) AND NOT EXISTS
        (SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1])"""
    assert owner.execute(unindexed).fetchall() == []


def test_seeding_again_the_same_day_does_nothing(practice: PracticeDatabase) -> None:
    with psycopg.connect(practice.conninfo, autocommit=True) as connection:
        again = seed(connection)
    assert again == practice.seeded._replace(fresh=False)


def test_an_older_shop_is_made_anew(tmp_path: Path) -> None:
    fresh = open_practice(tmp_path / "old")
    with psycopg.connect(fresh.conninfo, autocommit=True) as connection:
        connection.execute("COMMENT ON SCHEMA public IS 'Practice data, as of 2020-01-01'")
        connection.execute("DELETE FROM payments")
    again = open_practice(tmp_path / "old")
    assert again.seeded.fresh
    assert again.seeded.rows == fresh.seeded.rows
