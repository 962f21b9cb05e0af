"""What the shop's owner sees: who calls in the demo and what is true of them, so that what the agent says can be checked."""

from __future__ import annotations

import re
from typing import NamedTuple

import psycopg

# An area code that no practice number has.
UNKNOWN_NUMBER = "989.555.0147"

_CALLER = r"""
SELECT c.name, c.phone FROM customers c
JOIN appointments a ON a.customer_id = c.id AND a.status IN ('scheduled', 'confirmed') AND a.starts_at > now() + interval '1 day'
WHERE c.phone ~ '^\(\d{3}\) 555-\d{4}$' AND NOT EXISTS (
    SELECT FROM customers other WHERE other.id <> c.id
    AND right(regexp_replace(other.phone, '\D', '', 'g'), 10) = regexp_replace(c.phone, '\D', '', 'g'))
AND EXISTS (SELECT FROM appointments past WHERE past.customer_id = c.id AND past.starts_at < now())
GROUP BY c.id HAVING count(*) >= 2 ORDER BY c.id LIMIT 1
"""
_NEXT = r"""
SELECT c.name, s.name, t.name, to_char(a.starts_at AT TIME ZONE %s, 'FMDay, FMMonth FMDD, YYYY "at" FMHH12:MI AM')
FROM appointments a
JOIN customers c ON c.id = a.customer_id JOIN services s ON s.id = a.service_id JOIN staff t ON t.id = a.staff_id
WHERE c.phone = %s AND a.status IN ('scheduled', 'confirmed') AND a.starts_at > now() ORDER BY a.starts_at LIMIT 1
"""
_MESS = r"""
WITH written AS (SELECT phone, regexp_replace(phone, '\d', '9', 'g') AS shape FROM customers WHERE phone IS NOT NULL)
SELECT max(phone) FROM written GROUP BY shape HAVING count(*) > 30 ORDER BY count(*) DESC
"""


class Caller(NamedTuple):
    """A customer with a visit to come: how the number is stored, and how it is said."""

    name: str
    stored: str
    spoken: str


class Visit(NamedTuple):
    """A customer's next visit as the database has it, with the local time written out."""

    customer: str
    service: str
    technician: str
    time: str


def pick_caller(owner: psycopg.Connection) -> Caller:
    """A customer with visits behind them and one to come, whom no one shares a number with."""
    row = owner.execute(_CALLER).fetchone()
    assert row is not None, "the practice shop always has visits to come"
    name, stored = row
    return Caller(name, stored, ".".join(re.findall(r"\d+", stored)))


def next_visit(owner: psycopg.Connection, caller: Caller, time_zone: str) -> Visit:
    """The caller's next visit, read by the owner of the data and not by Patchbay."""
    row = owner.execute(_NEXT, (time_zone, caller.stored)).fetchone()
    assert row is not None
    return Visit(*row)


def phone_formats(owner: psycopg.Connection) -> list[str]:
    """One phone number for each way of writing them that is usual in the practice shop."""
    return [phone for (phone,) in owner.execute(_MESS).fetchall()]


def relations(owner: psycopg.Connection) -> list[str]:
    """The tables and views of the practice shop, as its owner sees them."""
    query = "SELECT relname FROM pg_class WHERE relkind IN ('r', 'v') AND relnamespace = 'public'::regnamespace"
    return [name for (name,) in owner.execute(query).fetchall()]
