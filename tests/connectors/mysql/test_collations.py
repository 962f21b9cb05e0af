"""A collation takes one text for another; whose record it is must not depend on that."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from patchbay.bindings.check import Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.connectors.proving import prove
from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.mysql.execute import Source
from patchbay.connectors.sql.mysql.prove import ProvenStatement
from patchbay.connectors.sql.mysql.ready import ReadyStatement
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import CallContext
from patchbay.schema_graph.coercion import zone_info
from patchbay.schema_graph.scoping import Scoping, View
from tests.connectors.discovery.mysql_reading import discover
from tests.servers.mariadb import MariaDbServer

pytestmark = pytest.mark.anyio
GUARD = EgressGuard([ip_network("127.0.0.1/32")])
STORED = ("josé@x.com", "straße@x.com", "Bob@X.com", "Cy@x.com", "ada@x.com ", "😀")
COLUMNS = ", ".join(
    f"{name} varchar(80) CHARACTER SET {charset} COLLATE {collation}, KEY ({name})"
    for name, charset, collation in (
        ("email", "utf8mb4", "utf8mb4_unicode_ci"),
        ("email_general", "utf8mb4", "utf8mb4_general_ci"),
        ("email_latin", "latin1", "latin1_swedish_ci"),
        ("name", "utf8mb4", "utf8mb4_unicode_ci"),
    )
)


@pytest.fixture(scope="module")
def credentials(tls_mariadb: MariaDbServer) -> dict[str, Any]:
    made = tls_mariadb.create_database(sql=f"CREATE TABLE customers (id int PRIMARY KEY, {COLUMNS});")
    for number, text in enumerate(STORED):
        latin = text.encode("latin1", "replace").decode("latin1")
        tls_mariadb.execute(
            made["database"], "INSERT INTO customers VALUES (%s, %s, %s, %s, %s)", (number, text, text, latin, text)
        )
    return made


@pytest.fixture(scope="module")
def view(credentials: dict[str, Any]) -> View:
    return View(discover(credentials), Scoping())


async def proven(view: View, credentials: dict[str, Any], **given: Any) -> ProvenStatement:
    body = {
        "toolName": "Find the customer",
        "operation": "customers.read",
        "inputs": [{"param": "wanted", **given}],
        "projection": [{"path": ["email"], "leaf": "found"}],
    }
    checked = check(parse_binding(body), view, Target(connection_id="con_1", kind="mysql", default_country="CA"))
    made = await prove(
        compile_plan(checked.plan, view), view, credentials=parse_sql_credentials("mysql", credentials), guard=GUARD
    )
    assert isinstance(made, ProvenStatement)
    return made


async def found(view: View, credentials: dict[str, Any], wanted: str, **given: Any) -> list[str]:
    """The addresses of whom ``wanted`` finds."""
    ready = ReadyStatement((await proven(view, credentials, **given)).call)
    source = Source(parse_sql_credentials("mysql", credentials), GUARD, size=1)
    facts = {given.get("source", "model"): {given.get("key", "wanted"): wanted}}
    context = CallContext(
        arguments=facts.get("model", {}), session=facts.get("session", {}), verified=facts.get("verified", {}), time_zone="UTC"
    )
    try:
        answer = await ready.run(source, ready.values(context, zone_info("UTC")), source._loop.time() + 5.0)  # pyright: ignore[reportPrivateUsage]
    finally:
        await source.close()
    return [(row[0] or b"").decode() for row in answer.rows]


@pytest.mark.parametrize("column", ["email", "email_general", "email_latin"])
async def test_an_address_finds_nobody_elses_record(view: View, credentials: dict[str, Any], column: str) -> None:
    for said in ("jose@x.com", "JOSÉ@x.com", "strasse@x.com", "bob@x.co", "bób@x.com"):
        assert await found(view, credentials, said, arg=column, required=True) == [], said
    for said, whose in (("josé@x.com", 0), ("straße@x.com", 1), ("Bob@X.com", 2), ("CY@X.COM", 3), ("ada@x.com", 4)):
        assert await found(view, credentials, said, arg=column, required=True) == [STORED[whose]], said


@pytest.mark.parametrize("source", ["session", "verified"])
async def test_what_is_known_of_the_caller_is_compared_letter_by_letter(
    view: View, credentials: dict[str, Any], source: str
) -> None:
    given = {"arg": "name", "source": source, "key": "caller_name", "required": True}
    for other in ("jose@x.com", "bob@x.com", "😁", "strasse@x.com"):
        assert await found(view, credentials, other, **given) == [], other
    for text in STORED:
        assert await found(view, credentials, text, **given) == [text]


async def test_what_a_model_was_told_is_compared_as_the_owner_wants_it(view: View, credentials: dict[str, Any]) -> None:
    assert await found(view, credentials, "bob@x.com", arg="name", required=True) == ["Bob@X.com"]


async def test_an_optional_one_holds_too_and_the_index_serves(view: View, credentials: dict[str, Any]) -> None:
    result = await proven(view, credentials, arg="email", required=False)
    assert result.estimate.scanned == ()
    assert await found(view, credentials, "jose@x.com", arg="email", required=False) == []
