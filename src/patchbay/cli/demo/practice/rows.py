"""The practice rows: made from one seed and one day, so that the same day gives the same shop.

Appointments run from a year and a half before the day to two months after it. No technician is at two places at once,
every completed visit has an invoice, and every paid invoice a payment.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from patchbay.cli.demo.practice import words
from patchbay.cli.demo.practice.phones import as_typed, national_number

SEED = 20
CUSTOMERS = 12_000
TECHNICIANS = 36
OFFICE = 6
PAST_DAYS, FUTURE_DAYS = 545, 60
SLOTS = ("08:00", "10:00", "13:00", "15:00")

Value = str | int | float | date | bool | None
Row = tuple[Value, ...]


class Table(NamedTuple):
    """Rows of one table, in the order of ``columns``."""

    name: str
    columns: tuple[str, ...]
    rows: list[Row]


class _Visit(NamedTuple):
    id: int
    customer: int
    service: int
    day: date
    status: str


def tables(today: date, *, seed: int = SEED) -> Iterator[Table]:
    """Every table with its rows, parents before children. ``today`` is the day in the shop's own time zone."""
    rnd = Random(seed)
    yield Table("regions", ("id", "name", "travel_fee"), [(i, n, fee) for i, (n, fee) in enumerate(words.REGIONS, 1)])
    yield _addresses(rnd)
    yield _customers(rnd, today)
    yield _staff(rnd, today)
    yield Table(
        "services",
        ("id", "name", "category", "minutes", "price"),
        [(i, *service) for i, service in enumerate(words.SERVICES, 1)],
    )
    appliances, owned = _appliances(rnd, today)
    yield appliances
    appointments, completed = _appointments(rnd, today, owned)
    yield appointments
    yield from _money(rnd, today, completed)
    yield _payroll(rnd, today)


def _person(rnd: Random) -> tuple[str, str]:
    first, last = rnd.choice(words.FIRST_NAMES), rnd.choice(words.LAST_NAMES)
    return f"{first} {last}", f"{first}.{last}".lower().replace("'", "")


def _addresses(rnd: Random) -> Table:
    rows: list[Row] = []
    for number in range(1, CUSTOMERS - CUSTOMERS // 12):
        line1 = f"{rnd.randint(1, 9899)} {rnd.choice(words.STREETS)} {rnd.choice(words.STREET_KINDS)}"
        line2 = f"Apt {rnd.randint(1, 48)}" if rnd.random() < 0.18 else None
        region = rnd.randint(1, len(words.REGIONS))
        rows.append((number, line1, line2, "Fairmont", "TX", f"787{region + 20:02d}", region))
    return Table("addresses", ("id", "line1", "line2", "city", "state", "postal_code", "region_id"), rows)


def _customers(rnd: Random, today: date) -> Table:
    rows: list[Row] = []
    homes = CUSTOMERS - CUSTOMERS // 12 - 1
    for number in range(1, CUSTOMERS + 1):
        name, mail = _person(rnd)
        email = f"{mail}{number}@{rnd.choice(('example.com', 'example.net', 'example.org'))}" if rnd.random() > 0.06 else None
        # One in thirty shares a telephone with somebody who was there before: a household, an office.
        phone = as_typed(*national_number(rnd.randrange(number) if rnd.random() < 0.03 else number), rnd)
        card = f"{rnd.randrange(10_000):04d}" if rnd.random() < 0.7 else None
        note = rnd.choice(words.CUSTOMER_NOTES) if rnd.random() < 0.08 else None
        created = f"{today - timedelta(days=rnd.randint(PAST_DAYS, 2_400))} 09:{number % 60:02d}"
        rows.append((number, name, email, phone, rnd.randint(1, homes), rnd.random() < 0.4, card, note, created))
    columns = ("id", "name", "email", "phone", "address_id", "sms_opt_in", "card_last4", "notes_internal", "created_at")
    return Table("customers", columns, rows)


def _staff(rnd: Random, today: date) -> Table:
    rows: list[Row] = []
    for number in range(1, TECHNICIANS + OFFICE + 1):
        name, mail = _person(rnd)
        if number <= TECHNICIANS:
            role = "technician" if number % 6 else "apprentice"
        else:
            role = "manager" if number % 3 == 0 else "dispatcher"
        area, last = national_number(CUSTOMERS + number)
        hired = today - timedelta(days=rnd.randint(600, 5_000))
        region = 1 + number % len(words.REGIONS)
        rows.append((number, name, f"{mail}{number}@shop.example", f"{area}-555-{last}", role, region, hired, True))
    return Table("staff", ("id", "name", "email", "phone", "role", "region_id", "hired_on", "active"), rows)


def _appliances(rnd: Random, today: date) -> tuple[Table, dict[int, list[int]]]:
    rows: list[Row] = []
    owned: dict[int, list[int]] = {}
    for customer in range(1, CUSTOMERS + 1):
        for _ in range(1 if rnd.random() < 0.7 else 2):
            brand = rnd.choice(words.BRANDS)
            model = f"{brand[:2].upper()}-{rnd.randint(100, 999)}"
            serial = f"{rnd.getrandbits(40):010X}" if rnd.random() > 0.2 else None
            bought = today - timedelta(days=rnd.randint(PAST_DAYS, 4_500)) if rnd.random() > 0.3 else None
            rows.append((len(rows) + 1, customer, rnd.choice(words.KINDS), brand, model, serial, bought))
            owned.setdefault(customer, []).append(len(rows))
    return Table("appliances", ("id", "customer_id", "kind", "brand", "model", "serial_number", "bought_on"), rows), owned


def _appointments(rnd: Random, today: date, owned: dict[int, list[int]]) -> tuple[Table, list[_Visit]]:
    rows: list[Row] = []
    completed: list[_Visit] = []
    for offset in range(-PAST_DAYS, FUTURE_DAYS + 1):
        day = today + timedelta(days=offset)
        if day.isoweekday() == 7:
            continue
        busy = 0.42 if offset < 0 else 0.65 * (1 - offset / (FUTURE_DAYS + 10))
        for technician in range(1, TECHNICIANS + 1):
            for slot in SLOTS:
                if rnd.random() >= busy:
                    continue
                customer = rnd.randint(1, CUSTOMERS)
                service = rnd.randint(1, len(words.SERVICES))
                status = _status(rnd, offset)
                number = len(rows) + 1
                note = rnd.choice(words.VISIT_NOTES) if rnd.random() < 0.05 else None
                starts, ends = f"{day} {slot}", f"{day} {_end(slot, words.SERVICES[service - 1][2])}"
                rows.append((number, customer, technician, service, rnd.choice(owned[customer]), starts, ends, status, note))
                if status == "completed":
                    completed.append(_Visit(number, customer, service, day, status))
    columns = (
        "id", "customer_id", "staff_id", "service_id", "appliance_id", "starts_at", "ends_at", "status", "notes_internal",
    )  # fmt: skip
    return Table("appointments", columns, rows), completed


def _status(rnd: Random, offset: int) -> str:
    dice = rnd.random()
    if offset < 0:
        return "completed" if dice < 0.86 else "cancelled" if dice < 0.96 else "no_show"
    return "confirmed" if dice < 0.55 else "scheduled" if dice < 0.94 else "cancelled"


def _end(slot: str, minutes: int) -> str:
    total = int(slot[:2]) * 60 + int(slot[3:]) + minutes
    return f"{total // 60:02d}:{total % 60:02d}"


def _money(rnd: Random, today: date, completed: list[_Visit]) -> Iterator[Table]:
    invoices: list[Row] = []
    payments: list[Row] = []
    for visit in completed:
        total = float(words.SERVICES[visit.service - 1][3]) + rnd.choice((0, 0, 0, 24.5, 61.25, 118.9))
        due = visit.day + timedelta(days=14)
        paid = rnd.random() < 0.93
        status = "paid" if paid else "overdue" if due < today else "sent"
        number = len(invoices) + 1
        year = visit.day.year
        invoices.append((number, f"{year}-{number:06d}", visit.customer, visit.id, visit.day, due, total, status))
        if paid:
            method = rnd.choice(("card", "card", "card", "cash", "transfer", "check"))
            card = f"{rnd.randrange(10_000):04d}" if method == "card" else None
            when = min(visit.day + timedelta(days=rnd.randint(0, 20)), today)
            payments.append((len(payments) + 1, number, f"{when} 17:{number % 60:02d}", total, method, card))
    columns = ("id", "number", "customer_id", "appointment_id", "issued_on", "due_on", "total", "status")
    yield Table("invoices", columns, invoices)
    yield Table("payments", ("id", "invoice_id", "paid_at", "amount", "method", "card_last4"), payments)


def _payroll(rnd: Random, today: date) -> Table:
    rows: list[Row] = []
    for staff in range(1, TECHNICIANS + OFFICE + 1):
        gross = rnd.randint(3_400, 6_900)
        account = f"TEST-{rnd.getrandbits(48):014d}"
        month = today.replace(day=1)
        for _ in range(12):
            rows.append((staff, month, gross, account))
            month = (month - timedelta(days=1)).replace(day=1)
    return Table("payroll", ("staff_id", "month", "gross", "bank_account"), rows)
