"""The whole way on databases no one here wrote: connect, test, discover, bind, publish, ask in a chat, answered from the row."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.guides.conftest import Caller
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio


async def answer(caller: Caller, binding: dict[str, Any], *utterances: str, **agent: Any) -> tuple[str, list[dict[str, Any]]]:
    """Bind, publish and ask in a chat session; returns all the agent said, and the receipt."""
    created = await caller.ask("POST", "/agents", {"name": "Front desk", **agent}, status=201)
    await caller.ask("POST", f"/agents/{created['id']}/integrations/postgres/bindings", binding, status=201)
    await caller.ask("POST", f"/agents/{created['id']}/publish", status=201)
    session = await caller.ask("POST", "/chat/sessions", {"agentId": created["id"]}, status=201)
    for utterance in utterances:
        await caller.ask("POST", f"/chat/sessions/{session['id']}/messages", {"content": utterance})
    transcript = await caller.ask("GET", f"/conversations/{session['id']}/transcript")
    receipt = await caller.ask("GET", f"/conversations/{session['id']}/receipt")
    assert [event["seq"] for event in receipt] == list(range(1, len(receipt) + 1))
    return " ".join(turn["text"] for turn in transcript if turn["role"] == "agent"), receipt


def states(receipt: list[dict[str, Any]]) -> list[str]:
    return [event["data"]["state"] for event in receipt if event["type"] == "tool_call"]


def fields(*paths: str) -> list[dict[str, Any]]:
    """A projection of dotted paths, each under a name made of its last two parts."""
    return [{"path": path.split("."), "leaf": "_".join(path.split(".")[-2:])} for path in paths]


class TestChinook:
    BINDING: dict[str, Any] = {
        "toolName": "Look up the customer",
        "description": "Look up the customer by phone and read back their name, e-mail and support representative.",
        "operation": "customer.read",
        "inputs": [{"param": "caller_phone", "arg": "phone", "required": True}],
        "projection": fields(
            "first_name", "last_name", "email", "support_rep.first_name", "support_rep.last_name", "support_rep.reports_to.title"
        ),
        "enabled": True,
    }

    @pytest.mark.parametrize(
        ("said", "name", "email", "representative"),
        [
            ("+55 12 3923 5555", "Gonçalves", "luisg@embraer.com.br", "Peacock"),
            ("+49 711 2842222", "Köhler", "leonekohler@surfeu.de", "Johnson"),
            ("+1 514 721 4711", "Tremblay", "ftremblay@gmail.com", "Peacock"),
        ],
    )
    async def test_a_customer_is_found_by_phone(
        self, caller: Caller, tls_postgres: PostgresServer, said: str, name: str, email: str, representative: str
    ) -> None:
        summary = await caller.connect(tls_postgres.create_database(dataset="chinook"), defaultCountry="US")
        assert (summary["objectCount"], summary["fieldCount"]) == (11, 64)
        text, receipt = await answer(caller, self.BINDING, "Can you look up my customer details?", f"My number is {said}")
        assert states(receipt) == ["started", "succeeded"]
        for part in (name, email, representative):
            assert part in text

    async def test_an_unknown_number_is_said_to_be_unknown(self, caller: Caller, tls_postgres: PostgresServer) -> None:
        await caller.connect(tls_postgres.create_database(dataset="chinook"), defaultCountry="US")
        text, receipt = await answer(caller, self.BINDING, "Look up the customer with phone +1 514 721 4712")
        assert states(receipt) == ["started", "succeeded"]
        assert "Tremblay" not in text


async def test_sakila_says_whether_a_film_is_there(caller: Caller, tls_postgres: PostgresServer) -> None:
    rows = """
        INSERT INTO language (name) VALUES ('English');
        INSERT INTO film (title, language_id, rental_rate, rental_duration, length, rating, fulltext)
          SELECT 'FILM ' || n, 1, 2.99, 3, 100 + n, 'PG', '' FROM generate_series(1, 400) n;
        INSERT INTO film (title, language_id, rental_rate, rental_duration, length, rating, fulltext)
          VALUES ('ACADEMY DINOSAUR', 1, 0.99, 6, 86, 'PG-13', '');
        CREATE INDEX ON film (title);
        ANALYZE;
    """
    summary = await caller.connect(tls_postgres.create_database(dataset="sakila", sql=rows))
    assert summary["objectCount"] >= 21
    binding = {
        "toolName": "Film availability",
        "description": "Look up a film by its title and say its rental rate, rating and language.",
        "operation": "film.read",
        "inputs": [{"param": "title", "arg": "title", "required": True, "description": "The film's title"}],
        "projection": fields("title", "rental_rate", "rating", "length", "language.name"),
        "enabled": True,
    }
    text, receipt = await answer(caller, binding, "Is a film available?", "ACADEMY DINOSAUR")
    assert states(receipt) == ["started", "succeeded"]
    for part in ("0.99", "PG-13", "86", "English"):
        assert part in text


async def test_northwind_reads_the_newest_orders_of_a_customer(caller: Caller, tls_postgres: PostgresServer) -> None:
    await caller.connect(tls_postgres.create_database(dataset="northwind"), timeZone="Europe/Berlin")
    binding = {
        "toolName": "Latest orders",
        "description": "Read back the latest orders of a customer by customer id.",
        "operation": "orders.read",
        "inputs": [{"param": "customer_id", "arg": "customer_id", "required": True, "description": "The customer id"}],
        "projection": fields("order_id", "order_date", "ship_city", "customer.company_name"),
        "orderBy": [{"path": ["order_date"], "direction": "desc"}],
        "limit": 2,
        "enabled": True,
    }
    text, receipt = await answer(caller, binding, "What are the latest orders of customer id ALFKI?")
    assert states(receipt) == ["started", "succeeded"]
    assert "11011" in text
    assert "10952" in text
    assert "10643" not in text
    assert "more" not in text.lower()


async def test_adventureworks_in_schemas_of_its_own(caller: Caller, tls_postgres: PostgresServer) -> None:
    rows = """
        INSERT INTO production.unitmeasure (unitmeasurecode, name) VALUES ('EA', 'Each');
        INSERT INTO production.product (productid, name, productnumber, safetystocklevel, reorderpoint, standardcost, listprice,
            daystomanufacture, sellstartdate, sizeunitmeasurecode)
          SELECT n, 'Part ' || n, 'PN-' || n, 10, 5, n, n * 1.5, 0, '2024-01-01', 'EA' FROM generate_series(1, 300) n;
        ANALYZE;
    """
    await caller.connect(tls_postgres.create_database(dataset="adventureworks", sql=rows))
    found = await caller.ask("GET", "/integrations/postgres/search?q=product%20list%20price")
    assert any(hit["object"] == "production.product" for hit in found[:12])
    binding = {
        "toolName": "Look up a product",
        "description": "Look up a product by its product number and say its name and price.",
        "operation": "production.product.read",
        "inputs": [{"param": "product_id", "arg": "productid", "required": True, "description": "The product id"}],
        "projection": fields("name", "listprice", "productnumber"),
        "enabled": True,
    }
    text, receipt = await answer(caller, binding, "What is the price of product id 42?")
    assert states(receipt) == ["started", "succeeded"]
    assert "Part 42" in text
    assert "63" in text


async def test_the_torture_schema_end_to_end(caller: Caller, tls_postgres: PostgresServer) -> None:
    rows = """
        INSERT INTO t.region VALUES ('US', 'W', 'West');
        INSERT INTO t.store (country, code, m, e) VALUES ('US', 'W', 'happy', 'w@example.com');
        INSERT INTO t."Weird Table" ("Id Col", "select", store_id) VALUES ('6f1c1c1e-0000-4000-8000-000000000001', 7, 1);
        ANALYZE;
    """
    summary = await caller.connect(tls_postgres.create_database(dataset="torture", sql=rows))
    assert summary["objectCount"] >= 509
    binding = {
        "toolName": "Weird one",
        "description": "Look up the weird record by its number.",
        "operation": "t.Weird Table.read",
        "inputs": [{"param": "record_id", "arg": "Id Col", "required": True, "description": "The record's id"}],
        "projection": [
            {"path": ["select"], "leaf": "chosen"},
            {"path": ["store", "e"], "leaf": "contact_mail"},
            {"path": ["store", "region", "name"], "leaf": "region_name"},
        ],
        "enabled": True,
    }
    problem = await caller.refused("POST", "/agents/none/integrations/postgres/bindings", binding)
    assert problem["status"] == 404
    text, receipt = await answer(caller, binding, "Look up the weird record 6f1c1c1e-0000-4000-8000-000000000001")
    assert states(receipt) == ["started", "succeeded"]
    assert "7" in text
