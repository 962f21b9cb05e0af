"""The demo on the practice shop."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString, cast

import psycopg

from patchbay.cli.demo.client import Client, Refusal
from patchbay.cli.demo.conversation import converse, show_receipt
from patchbay.cli.demo.front.authority import HOST, make_identity
from patchbay.cli.demo.front.tls_front import TlsFront
from patchbay.cli.demo.loop_thread import LoopThread
from patchbay.cli.demo.practice.callers import UNKNOWN_NUMBER, Caller, next_visit, phone_formats, pick_caller, relations
from patchbay.cli.demo.practice.seed import TIME_ZONE
from patchbay.cli.demo.practice.server import DATABASE, PracticeDatabase, open_practice
from patchbay.cli.demo.show import Show
from patchbay.cli.demo.steps import KIND, Made, Steps, refuse_failed
from patchbay.connectors.sql.postgres.scripts import READ_ROLE

ORGANIZATION = "Patchbay demo"
ALLOW = f"{HOST}/32"

AGENT: dict[str, Any] = {
    "name": "Fairmont front desk",
    "persona": {
        "name": "Robin",
        "role": "You answer the phone of Fairmont Appliance Repair.",
        "goals": ["Tell callers when their next appointment is."],
        "neverDo": ["Speak about payments or cards."],
    },
    "greeting": "Fairmont Appliance Repair, this is Robin. How can I help?",
    "timeZone": TIME_ZONE,
    "defaultCountry": "US",
}
SCOPING: dict[str, Any] = {
    "blockedTables": ["payments", "payroll"],
    "blockedColumns": {"customers": ["card_last4", "notes_internal"], "appointments": ["notes_internal"]},
}
BINDING: dict[str, Any] = {
    "toolName": "Look up the next appointment",
    "description": "Find the caller's next appointment by phone number: when it is, for which service, and who is coming.",
    "operation": "appointments.read",
    "inputs": [{"param": "caller_phone", "arg": "customer.phone", "required": True, "description": "The caller's phone number"}],
    "filters": [
        {"arg": "starts_at", "op": "ge", "value": {"now": True}},
        {"arg": "status", "op": "in", "value": ["scheduled", "confirmed"]},
    ],
    "orderBy": [{"path": ["appointment", "starts_at"], "direction": "asc"}],
    "limit": 1,
    "projection": [
        {"path": ["appointment", "starts_at"], "leaf": "appointment_time"},
        {"path": ["appointment", "customer", "name"], "leaf": "customer_name"},
        {"path": ["appointment", "service", "name"], "leaf": "service"},
        {"path": ["appointment", "staff", "name"], "leaf": "technician"},
    ],
    "enabled": True,
}


def open_shop(show: Show, data_dir: Path) -> PracticeDatabase:
    """Step: start the practice database, and show what it is like."""
    show.step("A practice database: an appliance repair shop")
    shop = open_practice(data_dir / "practice")
    rows = sorted(shop.seeded.rows.items(), key=lambda counted: -counted[1])
    filled = "filled just now" if shop.seeded.fresh else "there from an earlier run"
    show.say(f"PostgreSQL with {sum(shop.seeded.rows.values()):,} made-up rows, {filled}:")
    show.say(", ".join(f"{count:,} {name}" for name, count in rows) + ".")
    with psycopg.connect(shop.conninfo) as owner:
        show.say("Its phone numbers are in the mess real ones are in: " + " · ".join(phone_formats(owner)))
    return shop


@contextmanager
def tls_front(show: Show, shop: PracticeDatabase, data_dir: Path) -> Generator[tuple[int, str]]:
    """TLS in front of the practice database, on the port of the last run if it is free. Gives the port and the authority."""
    remembered = data_dir / "practice" / "front.port"
    with LoopThread("patchbay-demo-front") as loop:
        identity = make_identity()
        front = TlsFront(shop.socket, identity.context, frozenset({READ_ROLE}))
        port = loop.call(front.start(_port(remembered)))
        remembered.write_text(str(port), encoding="utf-8")
        show.say(f"It is reached with TLS at {HOST}:{port}, with a certificate of a throw-away authority made for this run.")
        show.note(f"Patchbay refuses private addresses; this process allows {ALLOW}, as PATCHBAY_EGRESS_ALLOW would.")
        show.note("Nothing in the connector is relaxed for it.")
        try:
            yield port, identity.ca_pem
        finally:
            loop.call(front.stop())


def _port(remembered: Path) -> int:
    try:
        port = int(remembered.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
    return port if 1024 <= port <= 65535 else 0


def run_practice(client: Client, show: Show, shop: PracticeDatabase, front: tuple[int, str]) -> Made:
    """Every step from the agent to the receipt, on the practice shop."""
    steps = Steps(client, show)
    agent_id = steps.agent(AGENT)
    port, ca_pem = front
    password = _make_role(steps, shop)
    credentials = {
        "host": HOST,
        "port": port,
        "database": DATABASE,
        "user": READ_ROLE,
        "password": password,
        "sslmode": "verify-full",
        "ca_pem": ca_pem,
    }
    refuse_failed(steps.test(credentials))
    steps.connect(credentials)
    steps.discover()
    _scope(steps, shop)
    _search(steps)
    steps.bind(agent_id, BINDING)
    steps.publish(agent_id)
    caller = _conversations(steps, agent_id, shop)
    return Made(agent_id, f"When is my next appointment? My number is {caller.spoken}.")


def _make_role(steps: Steps, shop: PracticeDatabase) -> str:
    steps.show.step("A role that may read and nothing else")
    made = steps.client.get(f"/integrations/{KIND}/sql/scripts", database=DATABASE)
    steps.show.request(made)
    script: str = made.data["readOnly"]["sql"]
    with psycopg.connect(shop.conninfo, autocommit=True) as owner:
        owner.execute(cast(LiteralString, script))
    lines = script.strip().splitlines()
    said = [line for line in lines if line.startswith(("-- ", "GRANT", "COMMENT"))]
    steps.show.code("\n".join(said), "sql")
    steps.show.say(f"The script ({len(lines)} lines, run as it is by the database's owner) made {made.data['readOnly']['role']}.")
    steps.show.note("Its generated password was in that one answer, and is nowhere else in the clear.")
    return made.data["generatedPassword"]


def _scope(steps: Steps, shop: PracticeDatabase) -> None:
    show = steps.show
    show.step("Scope out what no agent may see")
    scoped = steps.client.patch(f"/integrations/{KIND}/scoping", SCOPING)
    show.request(scoped, SCOPING)
    with psycopg.connect(shop.conninfo) as owner:
        there = set(relations(owner))
    seen = {found["name"] for found in steps.client.get(f"/integrations/{KIND}/schema").data["objects"]}
    gone = sorted(there - seen)
    show.say(f"Gone from the schema, search and binding, and refused in live calls: {', '.join(gone)} and the three columns.")
    if "open_balances" in gone:
        show.note("The view open_balances was not named: it reads payments, so it went with them.")
    try:
        steps.client.get(f"/integrations/{KIND}/objects/payments")
    except Refusal as refusal:
        show.sent("GET", f"/integrations/{KIND}/objects/payments", outcome=f"{refusal.status} {refusal.code}")


def _search(steps: Steps) -> None:
    steps.show.step("Find what the goal needs")
    found = steps.client.get(f"/integrations/{KIND}/search", q="customer phone appointment")
    steps.show.request(found)
    hits: list[dict[str, Any]] = found.data
    rows = [(hit["object"], hit.get("field") or "", ", ".join(hit.get("badges") or ())) for hit in hits[:6]]
    steps.show.table(("object", "field", "badges"), rows)


def _conversations(steps: Steps, agent_id: str, shop: PracticeDatabase) -> Caller:
    client, show = steps.client, steps.show
    with psycopg.connect(shop.conninfo) as owner:
        caller = pick_caller(owner)
        visit = next_visit(owner, caller, TIME_ZONE)
    show.step("A customer calls")
    show.note(f"The caller says {caller.spoken}; the database has {caller.stored}.")
    show.sent("POST", f"/agents/{agent_id}/simulate")
    show.blank()
    first = converse(client, show, agent_id, ["Hi, when is my next appointment?", f"It's {caller.spoken}."])
    show.blank()
    show.note(f"The row, read by its owner: {visit.customer}, {visit.service}, {visit.technician}, {visit.time}.")
    show.step("Somebody else calls, whom the shop does not know")
    converse(client, show, agent_id, [f"When is my next appointment? My number is {UNKNOWN_NUMBER}."])
    show.step("And somebody asks for what was scoped out")
    converse(client, show, agent_id, ["Which credit card do you have on file for me?", "Then read me my last payments."])
    show.step("The receipt of the first conversation")
    show_receipt(client, show, first.id)
    return caller
