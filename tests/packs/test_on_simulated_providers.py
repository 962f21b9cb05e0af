"""Packs on providers with state: what a caller gets, what an outsider does not, and what is not done twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from patchbay.connectors.refusals import AlreadyExists, SourceBusy
from patchbay.schema_graph.arguments import ArgumentsInvalid
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.packs.operating import operating
from tests.servers.providers.field_service import API_KEY, FieldService
from tests.servers.providers.serving import serving
from tests.servers.providers.shopify import SHOP, TOKEN, Shopify

pytestmark = pytest.mark.anyio
ADA = {"caller_number": "+14155550132"}


async def test_an_order_is_told_to_who_knows_number_and_address(
    settings: Settings, database: Database, vault: Vault, tmp_path: Path
) -> None:
    with serving(Shopify()) as shop:
        async with operating(settings, database, vault, {f"https://{SHOP}": shop}, directory=tmp_path) as operator:
            wrong = {"credentials": {"shop": SHOP, "access_token": "shpat_not_the_token_at_all"}}
            problem = await operator.caller.refused("POST", "/integrations/shopify/connect", wrong)
            assert problem["code"] == "authorization_refused"
            await operator.connect("shopify", {"credentials": {"shop": SHOP, "access_token": TOKEN}})
            agent = await operator.agent()
            (skill,) = await operator.provision(agent, "shopify", "lookup_order")
            asked = {"order_number": "#1001", "caller_email": "ada@example.com"}
            (row,) = (await operator.run(agent, skill, asked)).rows
            assert (row["status"], row["tracking_numbers"]) == ("shipped", ["7035114477138472"])
            assert (await operator.run(agent, skill, asked | {"caller_email": "alan@example.com"})).rows == []
            with pytest.raises(ArgumentsInvalid):
                await operator.run(agent, skill, asked | {"order_number": '1" OR status:any OR name:"1'})
            shop.trouble.limited = 1
            with pytest.raises(SourceBusy):
                await operator.run(agent, skill, asked)
            assert shop.problems == []


async def test_one_time_is_booked_once_and_an_answer_that_is_lost_books_nothing_twice(
    settings: Settings, database: Database, vault: Vault, tmp_path: Path
) -> None:
    with serving(FieldService()) as field:
        origin = "https://field.example.com"
        async with operating(settings, database, vault, {origin: field}, directory=tmp_path) as operator:
            await operator.connect("field_service", {"credentials": {"address": "field.example.com/v1", "api_key": API_KEY}})
            agent = await operator.agent()
            (skill,) = await operator.provision(agent, "field_service", "book_visit")
            asked = {"caller_name": "Ada Byron", "starts_at": "2026-12-01T09:00:00-05:00", "service_name": "Furnace"}
            runs = [operator.run(agent, skill, asked, key=f"k{n}", session=ADA) for n in range(3)]
            done = await asyncio.gather(*runs, return_exceptions=True)
            assert sum(isinstance(one, AlreadyExists) for one in done) == 2
            assert len(field.visits) == 1
            field.trouble.lost = 1
            later = asked | {"starts_at": "2026-12-01T13:00:00-05:00"}
            assert (await operator.run(agent, skill, later, key="k9", session=ADA)).outcome == "done"
            assert len(field.visits) == 2
            assert field.problems == []


async def test_of_a_number_that_two_clients_share_nobody_is_greeted(
    settings: Settings, database: Database, vault: Vault, tmp_path: Path
) -> None:
    with serving(FieldService()) as field, serving(Shopify()) as shop:
        field.clients.append(field.clients[0] | {"id": "cl_99", "name": "Byron Senior"})
        shop.customers.append(shop.customers[0] | {"id": "gid://shopify/Customer/99", "displayName": "Byron Senior"})
        stand_ins = {"https://field.example.com": field, f"https://{SHOP}": shop}
        async with operating(settings, database, vault, stand_ins, directory=tmp_path) as operator:
            await operator.connect("field_service", {"credentials": {"address": "field.example.com/v1", "api_key": API_KEY}})
            await operator.connect("shopify", {"credentials": {"shop": SHOP, "access_token": TOKEN}})
            agent = await operator.agent()
            for kind, action in (("field_service", "find_client"), ("shopify", "find_customer")):
                (skill,) = await operator.provision(agent, kind, action)
                assert (await operator.run(agent, skill, {}, session=ADA)).ambiguous, kind


@pytest.mark.parametrize("number", ["anonymous", "+266696687"])
async def test_of_those_who_withhold_their_number_none_hears_of_anothers_job(
    settings: Settings, database: Database, vault: Vault, tmp_path: Path, number: str
) -> None:
    with serving(FieldService()) as field:
        field.clients.append(field.clients[0] | {"id": "cl_99", "name": "Somebody Shy", "phone": number})
        async with operating(settings, database, vault, {"https://field.example.com": field}, directory=tmp_path) as operator:
            await operator.connect("field_service", {"credentials": {"address": "field.example.com/v1", "api_key": API_KEY}})
            agent = await operator.agent()
            (skill,) = await operator.provision(agent, "field_service", "find_client")
            await operator.caller.ask("POST", f"/agents/{agent}/publish", status=201)
            path, asked = f"/agents/{agent}/skills/{skill['id']}/call", {"arguments": {}, "session": {"callerNumber": number}}
            answer = await operator.caller.ask("POST", path, asked)
            assert (answer["status"], answer["code"], answer["rows"]) == ("refused", "facts_missing", [])
