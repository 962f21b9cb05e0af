"""Ways around the gates that an attacker tried, one by one: each was open once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from patchbay.agent_runtime.conversation.confirming import MOST_TOLD
from patchbay.agent_runtime.conversation.turn import Turn
from patchbay.agent_runtime.guardrails.categories import CATEGORIES
from patchbay.schema_graph.call import WEBHOOK, CallContext, CallInput, CallResult, FrozenCall
from tests.agent_runtime.doubles import ScriptedModel, call_input, frozen_call, output
from tests.agent_runtime.gated import ACCOUNTS, DOB_CONFIG, PIN_CONFIG, PRICES, SKILLS, Business, Talk, gated_agent, skill

REFUND_IT = ("refund_an_order", {"order_number": "1001", "amount": "12.50"})
PRICE = ("look_up_a_price", {"product": "x"})
NOTE = frozen_call([call_input("text")], [], effect="write")


class SlowPrices(Business):
    async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
        if call is PRICES:
            await asyncio.sleep(10)
        return await super().run(org_id, call, context)


class LostNotes(Business):
    async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
        if call is NOTE:
            raise TimeoutError
        return await super().run(org_id, call, context)


@pytest.mark.parametrize(
    ("beside", "business"),
    [
        pytest.param(PRICE, Business, id="a person is brought in instead"),
        pytest.param(PRICE, SlowPrices, id="the turn's time is over"),
        pytest.param(("note_it", {"text": "x"}), LostNotes, id="another write is lost"),
    ],
)
def test_what_the_caller_was_never_asked_they_cannot_confirm(beside: Any, business: type[Business]) -> None:
    closed: dict[str, Any] = {"policyType": "business_hours", "timeZone": "UTC", "blocks": "tools", "hours": {}}
    rules: list[Mapping[str, Any]] = [
        {"policyType": "escalation", "afterRefusedCalls": 1},
        {**closed, "appliesToSkillId": "look_up_a_price"},
    ]
    noting = skill("Note it", NOTE, stakes="low", requiresConfirmation=False)
    agent = gated_agent(skills=[*SKILLS, noting], guardrails=rules if business is Business else ())
    talk = Talk(agent, ScriptedModel([REFUND_IT, beside], "Fine."), business=business())
    talk.engine._turn_seconds = 0.2  # pyright: ignore[reportPrivateUsage]
    assert "Shall I go ahead?" not in talk.say("refund 1001")
    talk.say("ok")
    assert talk.business.wrote == []


def test_a_caller_who_was_gone_before_the_question_confirmed_nothing() -> None:
    talk = Talk(gated_agent(), ScriptedModel(REFUND_IT, "Fine."))

    async def gone() -> None:
        first = talk.engine.hear("refund 1001")
        events = Turn(talk.held, talk.journal, talk.engine, ["refund 1001"], first, ends=False).events()
        async for event in events:
            if event.type == "guardrail":
                break
        await events.aclose()
        await talk.runtime.drain()

    asyncio.run(gone())
    talk.say("ok")
    assert talk.business.wrote == []


def test_what_may_not_be_said_whole_cannot_be_confirmed() -> None:
    hiding = [{"policyType": "content_rule", "phrases": ["1001"], "action": "redact", "appliesTo": "agent"}]
    talk = Talk(gated_agent(guardrails=hiding), ScriptedModel(REFUND_IT, "Fine."))
    talk.say("refund 1001")
    assert talk.of("tool_call")[-1]["code"] == "content_denied"
    talk.say("yes")
    assert talk.business.wrote == []


def test_arguments_are_read_back_whole_or_not_at_all() -> None:
    long = "the blue one " * 20 + "and everything else he ordered"
    talk = Talk(gated_agent(), ScriptedModel(("refund_an_order", {"order_number": long, "amount": "1"}), "Fine."))
    assert "and everything else he ordered" in talk.say("refund")
    too_long = ("refund_an_order", {"order_number": "x " * (MOST_TOLD // 2 - 10), "amount": "1"})
    talk = Talk(gated_agent(), ScriptedModel(too_long, "Fine."))
    talk.say("refund")
    assert talk.of("tool_call")[-1]["code"] == "too_long_to_confirm"
    talk.say("yes")
    assert talk.business.wrote == []


@pytest.mark.parametrize(
    ("account", "ways"),
    [
        (call_input("account_number", "integer", native_type="int4"), ["77120", "077120", "0077120", "0000077120"]),
        (call_input("account_number", "decimal", native_type="numeric"), ["77120", "077120", "0077120", "0000077120"]),
        (call_input("account_number"), ["77120", "077120", "00-77120", "000 77120"]),
    ],
)
def test_no_other_way_to_write_an_account_number_is_another_account(account: CallInput, ways: list[str]) -> None:
    check = frozen_call([account], [output("pin"), output("customer_id")])

    class Bank(Business):
        def _row(self, call: FrozenCall, values: Mapping[str, Any]) -> dict[str, Any] | None:
            if call is check:
                return {"pin": "4071", "customer_id": "c1"} if int(values["account_number"]) == 77120 else None
            return super()._row(call, values)

    agent = gated_agent(skills=(skill("Check a PIN", check), *SKILLS[1:]))
    first = talk = Talk(agent, None)
    for number, said in enumerate(ways):
        model = ScriptedModel(("read_the_balance", {}), "Here it is.")
        talk = Talk(agent, model, business=Bank(), books=first.books, session={"visitor": f"v{number}"})
        for utterance in ("my balance", said, "1111" if number < 3 else "4071"):
            talk.say(utterance)
    assert talk.of("verification")[-1]["state"] == "locked"


def test_a_secret_that_was_said_before_it_was_asked_for_is_not_told_again() -> None:
    talk = Talk(gated_agent(), ScriptedModel(PRICE, "OK.", ("read_the_balance", {}), "Here it is."))
    talk.model.script[0] = ("look_up_a_price", {"product": "4071"})
    talk.say("my pin is 4071, what is the price?")
    talk.say("and my balance?")
    talk.say("AC1001")
    assert talk.say("four oh seven one") == "Here it is."
    assert "4071" not in repr(talk.model.asked[-1].messages)
    assert "4071" not in repr(talk.held.state)


def test_a_secret_in_a_language_whose_figures_nobody_reads_is_not_kept() -> None:
    talk = Talk(gated_agent(languages=["de"]), ScriptedModel(("read_the_balance", {}), "Bitte in Ziffern.", "Hier."))
    talk.say("Kontostand")
    talk.say("AC1001")
    assert talk.say("vier null sieben eins") == "Bitte in Ziffern."
    assert "sieben" not in repr(talk.all) + repr(talk.model.asked) + repr(talk.held.state)
    talk.say("4071")
    assert talk.of("verification")[-1]["state"] == "succeeded"


def test_a_second_check_is_not_another_persons_where_the_two_prove_nothing_in_common() -> None:
    by_birthday = frozen_call(
        [call_input("account_number")], [output("date_of_birth", "date"), output("postcode"), output("member")]
    )

    class Bank(Business):
        def _row(self, call: FrozenCall, values: Mapping[str, Any]) -> dict[str, Any] | None:
            if call is by_birthday:
                account = ACCOUNTS[str(values["account_number"])]
                return {**{leaf: account[leaf] for leaf in ("date_of_birth", "postcode")}, "member": account["customer_id"]}
            return super()._row(call, values)

    config = [{**PIN_CONFIG, "stepUpFor": ["balance"]}, DOB_CONFIG]
    agent = gated_agent(skills=(SKILLS[0], skill("Check a birthday", by_birthday), *SKILLS[2:]), verification=config)
    talk = Talk(agent, ScriptedModel(("read_the_balance", {}), "Here it is."), business=Bank())
    for said in ("my balance", "AC1001", "4071", "AC1002", "30 November 1975", "M1 1AE"):
        talk.say(said)
    assert [e["state"] for e in talk.of("verification")][-2:] == ["failed", "asked"]
    for said in ("ac-1001", "3rd of May 1980", "SW1A 1AA"):
        answer = talk.say(said)
    assert answer == "Here it is."
    assert "AC1001" not in repr(talk.held.state)


@pytest.mark.parametrize(
    ("category", "said"),
    [
        ("payment_card", "4111\u00a01111\u202f1111 1111"),
        ("payment_card", "4111\u20111111\u20111111\u20111111"),
        ("payment_card", "4111  1111 . 1111 \u2013 1111"),
        ("payment_card", "\uff14\uff11\uff11\uff11\u200b111111111111"),
        ("social_security_number", "123\u201145\u00a06789"),
        ("iban", "GB82-WEST\u00a01234-5698\u20117654-32"),
        ("phone_number", "+44\u202f7700\u2011900\u2011123"),
    ],
)
def test_no_dash_or_blank_hides_a_number(category: str, said: str) -> None:
    assert CATEGORIES[category].find(f"it is {said}, all right?") == [(6, 6 + len(said))]
    assert len(said) <= CATEGORIES[category].width


def test_a_denied_field_is_taken_out_of_documents_that_are_kept_as_text() -> None:
    class Catalog(Business):
        def _row(self, call: FrozenCall, values: Mapping[str, Any]) -> dict[str, Any] | None:
            return {"price": "[12.50]", "note": ' {"supplier": {"IBAN": "GB82-CANARY", "name": "Acme"}, "iban": 1}'}

    denied = [{"policyType": "field_limit", "deniedFields": ["iban"]}]
    talk = Talk(gated_agent(guardrails=denied), ScriptedModel(PRICE, "There."), business=Catalog())
    talk.say("the price?")
    assert "GB82-CANARY" not in repr(talk.all) + repr(talk.model.asked)
    assert talk.of("tool_call")[-1]["result"]["rows"] == [{"price": "[12.50]", "note": '{"supplier":{"name":"Acme"}}'}]


def test_an_emergency_is_one_even_while_a_secret_is_asked_for() -> None:
    rule = [{"policyType": "escalation", "phrases": ["gas leak"], "message": "Please leave the house."}]
    talk = Talk(gated_agent(guardrails=rule), ScriptedModel(("read_the_balance", {}), "Here it is."))
    talk.say("my balance")
    talk.say("AC1001")
    assert talk.say("there is a gas leak at 12 Mill Lane") == "Please leave the house."
    assert "Mill Lane" not in repr(talk.all) + repr(talk.held.state)
    assert talk.of("handoff")
    assert "verifying" not in talk.held.state


@pytest.mark.parametrize(
    ("answer", "verified"),
    [
        ({"verified": True, "subject": {"customer_id": "c1"}}, True),
        ({"verified": True}, True),
        ({"verified": False}, False),
        ({"verified": "true"}, False),
        ({"valid": False, "error": "wrong PIN"}, False),
        ({}, False),
    ],
)
def test_a_webhook_has_to_say_that_the_caller_is_verified(answer: dict[str, Any], verified: bool) -> None:
    check = msgspec.structs.replace(frozen_call([call_input("account_number"), call_input("pin")], []), kind=WEBHOOK)

    class Service(Business):
        async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
            return CallResult(rows=[answer], row_count=1) if call is check else await super().run(org_id, call, context)

    agent = gated_agent(skills=(skill("Check a PIN", check, skillType="http_webhook"), *SKILLS[1:]))
    talk = Talk(agent, ScriptedModel(("read_the_balance", {}), "Here it is."), business=Service())
    for said in ("my balance", "AC1001", "4071"):
        talk.say(said)
    assert ("verified" in talk.held.state) == verified
