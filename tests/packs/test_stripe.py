"""Stripe end to end: what verified callers hear of their invoices and payments, and nobody of anybody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from patchbay.connectors.refusals import CallRefused
from patchbay.schema_graph.arguments import ArgumentsInvalid, MissingFacts
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.api.guides.conftest import calls, said
from tests.packs.operating import Operator, operating
from tests.servers.providers.provider import Trouble
from tests.servers.providers.serving import serving
from tests.servers.providers.stripe import ADA, ALAN, KEY, RESTRICTED, Stripe, customer, invoice

pytestmark = pytest.mark.anyio
ACTIONS = ("find_customer", "list_invoices", "payment_status", "list_payments", "verify_customer")
CONFIGURATION: dict[str, Any] = {action: {"currency": "USD"} for action in ("list_invoices", "payment_status", "list_payments")}
PROOF = ("ada@example.com", "M5V 2T6")
VERIFIED = {"customer_id": ADA["id"]}


@pytest.fixture
def stripe() -> Iterator[Stripe]:
    with serving(Stripe()) as running:
        yield running
        assert running.problems == []


@pytest.fixture
async def operator(
    stripe: Stripe, settings: Settings, database: Database, vault: Vault, tmp_path: Path
) -> AsyncIterator[Operator]:
    async with operating(settings, database, vault, {"https://api.stripe.com": stripe}, directory=tmp_path) as running:
        yield running


@pytest.fixture
async def desk(operator: Operator) -> tuple[str, dict[str, dict[str, Any]]]:
    """A published agent with every action, and its skills by their actions."""
    await operator.connect("stripe", {"credentials": {"api_key": KEY}})
    agent = await operator.agent(country="CA")
    skills = await operator.provision(agent, "stripe", *ACTIONS, configuration=CONFIGURATION)
    assert all(one["enabled"] for one in skills), [one["warnings"] for one in skills]
    await operator.verified_by(agent, skills[-1], "caller_email", "postcode")
    await operator.publish(agent)
    return agent, {one["provenance"]["action"]: one for one in skills}


async def label(operator: Operator) -> str | None:
    catalog = await operator.caller.ask("GET", "/integrations/catalog")
    return next(one["accountLabel"] for one in catalog if one["kind"] == "stripe")


async def test_the_catalog_says_whose_account_it_is(operator: Operator, stripe: Stripe) -> None:
    await operator.connect("stripe", {"credentials": {"api_key": KEY}})
    assert await label(operator) == "Engines"
    stripe.account["settings"]["dashboard"]["display_name"] = None
    await operator.connect("stripe", {"credentials": {"api_key": KEY}})
    assert await label(operator) == "Engines Ltd"
    stripe.key = RESTRICTED
    made = await operator.connect("stripe", {"credentials": {"api_key": RESTRICTED}})
    assert (made["status"], await label(operator)) == ("connected", "Stripe")


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("sk_test_4eC39HqLyjWDarjtT1zdpWRONG", "authorization_refused"),
        ("pk_live_4eC39HqLyjWDarjtT1zdp7dc", "validation_error"),
        ("whsec_4eC39HqLyjWDarjtT1zdp7dc", "validation_error"),
        (f"{KEY}\r\nX: 1", "validation_error"),
    ],
)
async def test_another_key_connects_nothing(operator: Operator, key: str, code: str) -> None:
    problem = await operator.caller.refused("POST", "/integrations/stripe/connect", {"credentials": {"api_key": key}})
    assert problem["code"] == code
    assert key not in str(problem)


async def test_a_verified_caller_hears_their_own_invoices(operator: Operator, desk: Any, stripe: Stripe) -> None:
    agent, _ = desk
    asked = "Please list my invoices."
    assert "129.90" not in said(await operator.talk(agent, asked))
    frames = await operator.talk(agent, asked, *PROOF, "And please list my payments.")
    assert calls(frames)[-1] == ("succeeded", "List my payments")
    told = [frame["data"]["result"]["rows"] for name, frame in frames if name == "tool_call" and "result" in frame["data"]]
    assert [[row["left_to_pay"] for row in told[0]], [row["purpose"] for row in told[1]]] == [
        ["45.00 USD", "0.00 USD"], ["Spare parts", "Annual plan"],
    ]  # fmt: skip
    assert ALAN["name"] not in str(frames)
    assert "999.00" not in str(frames)
    stranger = await operator.talk(agent, asked, "alan@example.com", "M5V 2T6")
    assert "999.00" not in str(stranger)


async def test_one_invoice_is_found_by_its_number_and_only_the_callers(operator: Operator, desk: Any) -> None:
    agent, skills = desk
    ask = skills["payment_status"]
    (row,) = (await operator.run(agent, ask, {"invoice_number": "inv1-0002"}, verified=VERIFIED)).rows
    assert (row["status"], row["left_to_pay"], row["due"][:10]) == ("to be paid", "45.00 USD", "2026-12-14")
    assert (await operator.run(agent, ask, {"invoice_number": "INV2-0003"}, verified=VERIFIED)).rows == []
    for hostile in ('INV1" OR customer:"cus_2', "INV1\\", 'x" number~"INV'):
        with pytest.raises(ArgumentsInvalid):
            await operator.run(agent, ask, {"invoice_number": hostile}, verified=VERIFIED)
    with pytest.raises(MissingFacts):
        await operator.run(agent, ask, {"invoice_number": "INV1-0002"})


async def test_the_ringing_number_tells_a_name_and_of_two_nobody(operator: Operator, desk: Any, stripe: Stripe) -> None:
    agent, skills = desk
    rings = {"caller_number": "+14155550132"}
    assert (await operator.run(agent, skills["find_customer"], session=rings)).rows == [{"customer_name": "Ada Byron"}]
    stripe.customers.append(customer(3, "Byron Senior", "old@example.com", "+14155550132", "M5V 2T6"))
    assert (await operator.run(agent, skills["find_customer"], session=rings)).ambiguous


async def test_of_many_invoices_the_newest_are_told_and_that_there_are_more(
    operator: Operator, desk: Any, stripe: Stripe
) -> None:
    agent, skills = desk
    stripe.invoices += [invoice(number, ADA, "open", 100 * number) for number in range(10, 20)]
    result = await operator.run(agent, skills["list_invoices"], verified=VERIFIED)
    assert (result.row_count, result.truncated) == (5, True)
    assert result.rows[0]["invoice_number"] == "INV1-0019"


@pytest.mark.parametrize(
    ("trouble", "code"),
    [("limited", "source_busy"), ("failed", "source_unavailable"), ("key", "credentials_refused")],
)
async def test_trouble_is_told_and_nothing_of_what_was_sent(
    operator: Operator, desk: Any, stripe: Stripe, trouble: str, code: str
) -> None:
    agent, skills = desk
    if trouble == "key":
        stripe.key = "sk_test_rolled"
    else:
        stripe.trouble = Trouble(**{trouble: 3})
    with pytest.raises(CallRefused) as refused:
        await operator.run(agent, skills["list_invoices"], verified=VERIFIED)
    assert refused.value.code == code
    assert "sk_test" not in str(vars(refused.value))
