"""What the gates promise, one by one: verification in the engine, confirmation, policies."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import pytest
import time_machine

from patchbay.agent_runtime.planner.client import Planner
from patchbay.connectors.refusals import OutcomeUnknown, SourceUnavailable
from tests.agent_runtime.doubles import ScriptedModel
from tests.agent_runtime.gated import (
    BALANCES,
    DOB_CONFIG,
    OTP_CONFIG,
    PIN_CONFIG,
    PRICES,
    REFUND,
    SKILLS,
    Business,
    Talk,
    gated_agent,
    skill,
)

ASK_BALANCE = [("read_the_balance", {}), "Here it is."]
REFUND_IT = ("refund_an_order", {"order_number": "1001", "amount": "12.50"})


def told(talk: Talk) -> str:
    """Everything that left the engine: events, and what the model was shown."""
    return repr(talk.all) + repr(getattr(talk.model, "asked", ""))


def states(talk: Talk) -> list[str]:
    return [e["state"] for e in talk.of("verification")]


def test_a_caller_is_verified_by_the_engine_and_the_call_that_waited_runs() -> None:
    talk = Talk(gated_agent(), ScriptedModel(*ASK_BALANCE))
    assert talk.say("what is my balance?").endswith("Could you tell me your account number?")
    assert "PIN" in talk.say("AC-1001")
    assert talk.say("four oh seven one") == "Here it is."
    assert states(talk) == ["started", "asked", "asked", "succeeded"]
    assert [e.data["text"] for e in talk.all if e.type == "user_utterance"][1:] == ["[redacted:account_number]", "[redacted:pin]"]
    assert BALANCES["c1"] in told(talk)
    assert "4071" not in told(talk)
    assert "four oh seven" not in told(talk)
    assert talk.held.state["verified"]["facts"] == {"customer_id": "c1"}
    assert "verifying" not in talk.held.state
    assert len(talk.model.asked) == 2


def test_the_verification_goes_on_in_another_process() -> None:
    talk = Talk(gated_agent(), ScriptedModel(*ASK_BALANCE))
    talk.say("my balance")
    talk.again()
    talk.say("AC 1001")
    assert "1001" not in repr(talk.held.state)
    talk.again()
    assert talk.say("4071") == "Here it is."


def test_wrong_answers_and_unknown_customers_hear_the_same_words_and_lock() -> None:
    agent, books = gated_agent(), None
    heard: list[list[str]] = []
    for account in ("AC1001", "AC9999"):
        talk = Talk(agent, ScriptedModel(("read_the_balance", {})), session={"caller_number": f"+4477009001{len(heard)}0"})
        heard.append([talk.say(said) for said in ["balance", *[account, "1111"] * 3, "my balance"]])
        books = talk.books
        assert states(talk)[-2:] == ["failed", "locked"]
        assert [e["attemptsLeft"] for e in talk.of("verification") if e["state"] == "failed"] == [2, 1, 0]
        assert BALANCES["c1"] not in told(talk)
        assert [t.type for t in books.told] == ["verification.locked"]
        assert "1111" not in repr(books.told)
    assert heard[0] == heard[1]


def test_attempts_count_across_conversations_by_identity_and_by_origin() -> None:
    first = Talk(gated_agent(), ScriptedModel(("read_the_balance", {})))
    for said in ["balance", "AC1001", "1111", "AC1001", "2222"]:
        first.say(said)
    other_origin = Talk(gated_agent(), ScriptedModel(("read_the_balance", {})), books=first.books, session={"visitor": "v2"})
    for said in ["balance", "AC1001", "3333"]:
        other_origin.say(said)
    assert states(other_origin)[-1] == "locked"
    third = Talk(gated_agent(), ScriptedModel(*ASK_BALANCE), books=first.books, session={"visitor": "v3"})
    for said in ["balance", "AC1001", "4071"]:
        third.say(said)
    assert states(third)[-1] == "locked"
    assert BALANCES["c1"] not in told(third)
    same_origin = Talk(gated_agent(), ScriptedModel(*ASK_BALANCE), books=first.books)
    for said in ["balance", "AC1002", "1234"]:
        same_origin.say(said)
    assert states(same_origin)[-1] == "locked"


def test_proving_ones_own_identity_buys_no_more_guesses_at_others() -> None:
    agent, books = gated_agent(), Talk(gated_agent(), None).books
    for _ in range(3):
        own = Talk(agent, ScriptedModel(*ASK_BALANCE), books=books)
        for said in ["balance", "AC1001", "4071"]:
            own.say(said)
        victim = Talk(agent, ScriptedModel(*ASK_BALANCE), books=books)
        for said in ["balance", "AC1002", "1111"]:
            victim.say(said)
    assert states(victim)[-1] == "locked"


@pytest.mark.parametrize(
    ("said", "ends", "kept"),
    [
        ("never mind", "withdrawn", "never mind"),
        ("I don't know it", "not_known", "I don't know it"),
        ("let me talk to a human", "asked", "let me talk to a human"),
        ("never mind, it was 4071", None, "[redacted:pin]"),
    ],
)
def test_the_caller_can_back_out(said: str, ends: str | None, kept: str) -> None:
    talk = Talk(gated_agent(), ScriptedModel(*ASK_BALANCE))
    talk.say("balance")
    talk.say("AC1001")
    talk.say(said)
    assert [e.data["text"] for e in talk.all if e.type == "user_utterance"][-1] == kept
    assert "4071" not in told(talk)
    if ends == "asked":
        assert talk.of("handoff")
    elif ends:
        assert talk.of("verification")[-1]["reason"] == ends
    if ends:
        assert "verifying" not in talk.held.state


def test_talking_of_something_else_goes_to_the_model_and_the_question_stays_open() -> None:
    talk = Talk(gated_agent(), ScriptedModel(("read_the_balance", {}), "It keeps your account safe.", "Here it is."))
    talk.say("balance")
    talk.say("AC1001")
    assert talk.say("why do you need that?") == "It keeps your account safe."
    assert talk.say("4071") == "Here it is."


def test_secrets_are_masked_wherever_they_recur_streaming_too() -> None:
    guess = ("look_up_a_price", {"product": "4071"})
    model = ScriptedModel(
        ("read_the_balance", {}), ["Your PIN is 40", "71, I mean four oh ", "seven one."], [guess, "4-0-7-1"], "ok"
    )
    talk = Talk(gated_agent(), model)
    for said in ["balance", "AC1001", "4071", "I said 4 0 7 1 before"]:
        talk.say(said)
    assert not re.search(r"4\W*0\W*7\W*1|four oh\W*seven one", told(talk))
    assert "[redacted:pin]" in talk.of("agent_message")[-2]["text"]
    streamed = "".join(e["text"] for e in talk.of("agent_message_delta"))
    assert "4071" not in streamed
    assert [e["text"] for e in talk.of("user_utterance")][-1] == "I said [redacted:pin] before"
    (guessed,) = {e["arguments"]["product"] for e in talk.of("tool_call") if e.get("slug") == "look_up_a_price"}
    assert guessed == "[redacted:pin]"


def test_secrets_are_not_collected_on_completions() -> None:
    talk = Talk(gated_agent(), ScriptedModel(("read_the_balance", {}), "Sorry."), via="completions")
    talk.say("balance")
    assert [e["code"] for e in talk.of("tool_call")] == ["verification_not_here"]
    assert talk.of("verification") == []
    begun = Talk(gated_agent(), ScriptedModel(*ASK_BALANCE))
    begun.say("balance")
    begun.say("AC1001")
    begun.via = "completions"
    begun.again()
    assert "can't check who you are in this kind of chat" in begun.say("4071")
    assert begun.books.takes == 0
    assert "4071" not in told(begun)


def test_a_verification_expires() -> None:
    talk = Talk(
        gated_agent(verification=[{**PIN_CONFIG, "tokenTtlSeconds": 60}]),
        ScriptedModel(("read_the_balance", {}), "Here.", ("read_the_balance", {})),
    )
    with time_machine.travel(time.time(), tick=True) as clock:
        for said in ["balance", "AC1001", "4071"]:
            talk.say(said)
        clock.shift(61)
        assert "account number" in talk.say("and now?")
    assert "expired" in states(talk)
    shown = repr(talk.model.asked[-1])
    assert BALANCES["c1"] not in shown


def test_step_up_is_a_second_check_and_may_not_be_another_person() -> None:
    config = [PIN_CONFIG, {**DOB_CONFIG, "level": "step_up", "stepUpFor": ["balance"]}]
    talk = Talk(gated_agent(verification=config), ScriptedModel(*ASK_BALANCE))
    for said in ["balance", "AC1001", "4071"]:
        talk.say(said)
    assert [e["level"] for e in talk.of("verification") if e["state"] == "succeeded"] == ["basic"]
    for said in ["AC1002", "30 November 1975", "M1 1AE"]:
        talk.say(said)
    assert states(talk)[-2] == "failed"
    for said in ["AC1001", "3rd of May 1980", "sw1a 1aa"]:
        answer = talk.say(said)
    assert answer == "Here it is."
    assert talk.held.state["verified"]["grants"].keys() == {"basic", "step_up"}


def test_with_one_method_step_up_is_that_check_again() -> None:
    talk = Talk(
        gated_agent(verification=[{**PIN_CONFIG, "stepUpFor": ["refund"]}]),
        ScriptedModel(("read_the_balance", {}), "Here.", REFUND_IT),
    )
    for said in ["balance", "AC1001", "4071"]:
        talk.say(said)
    assert "account number" in talk.say("refund it")
    talk.say("AC1001")
    assert "Shall I go ahead?" in talk.say("4071")
    assert [e["level"] for e in talk.of("verification") if e["state"] == "succeeded"] == ["basic", "step_up"]


def test_a_one_time_code_goes_to_the_number_on_file_and_nowhere_else() -> None:
    talk = Talk(gated_agent(verification=[OTP_CONFIG]), ScriptedModel(*ASK_BALANCE))
    talk.say("balance")
    sent = talk.say("AC1002")
    assert talk.sms.sent[0][0] == "+447700900456"
    code = talk.sms.code
    assert code not in repr(talk.held.state)
    wrong = "0" * 6 if code != "0" * 6 else "1" * 6
    assert "isn't right" in talk.say(wrong)
    assert talk.say(" ".join(code)) == "Here it is."
    assert BALANCES["c2"] in told(talk)
    assert code not in told(talk)
    nobody = Talk(gated_agent(verification=[OTP_CONFIG]), ScriptedModel(*ASK_BALANCE))
    nobody.say("balance")
    assert nobody.say("AC9999") == sent
    assert nobody.sms.sent == []
    assert "isn't right" in nobody.say("123456")


def test_a_code_is_sent_again_three_times_at_most_and_runs_out() -> None:
    talk = Talk(gated_agent(verification=[OTP_CONFIG]), ScriptedModel(*ASK_BALANCE))
    for said in ["balance", "AC1002", "I didn't get it", "send it again", "resend please"]:
        talk.say(said)
    assert len(talk.sms.sent) == 3
    code = talk.sms.code
    with time_machine.travel(time.time() + 301, tick=True):
        assert "isn't right" in talk.say(code)


def test_without_a_carrier_a_code_is_unavailable_and_a_dead_verifier_costs_no_attempt() -> None:
    talk = Talk(gated_agent(verification=[OTP_CONFIG]), ScriptedModel(("read_the_balance", {}), "Sorry."), sms=None)
    talk.say("balance")
    assert talk.of("tool_call")[0]["code"] == "verification_unavailable"
    business = Business()
    business.trouble = SourceUnavailable()
    dead = Talk(gated_agent(), ScriptedModel(("read_the_balance", {})), business=business)
    for said in ["balance", "AC1001", "4071"]:
        answer = dead.say(said)
    assert "right now" in answer
    assert all(t.failures == 0 for t in dead.books.tallies.values())


def test_a_write_runs_once_after_the_callers_own_yes_to_these_very_arguments() -> None:
    talk = Talk(gated_agent(), ScriptedModel(REFUND_IT, "Done.", REFUND_IT, "Again?"))
    assert talk.say("refund 1001") == (
        "Let me make sure I have this right. I'm about to refund an order with order number: 1001 and amount: 12.50."
        " Shall I go ahead?"
    )
    assert talk.business.wrote == []
    assert talk.say("Yes, please.") == "Done."
    (arguments, key) = talk.business.wrote[0]
    assert arguments == {"order_number": "1001", "amount": "12.50"}
    assert key is not None
    assert "Shall I go ahead?" in talk.say("yes")
    talk.say("yes")
    assert len({k for _, k in talk.business.wrote}) == 2


@pytest.mark.parametrize(
    "said", ["yes but make it 20", "yes?", "no", "what?", "maybe", "yes and also cancel 1002", "I said yes to you yesterday", ""]
)
def test_anything_else_than_a_plain_yes_confirms_nothing(said: str) -> None:
    talk = Talk(gated_agent(), ScriptedModel(REFUND_IT, "All right."))
    talk.say("refund 1001")
    talk.say(said or "hm")
    talk.say("yes")
    assert talk.business.wrote == []


def test_a_model_cannot_confirm_or_change_what_was_confirmed() -> None:
    other = ("refund_an_order", {"order_number": "9", "amount": "999"})
    talk = Talk(gated_agent(), ScriptedModel([REFUND_IT, REFUND_IT, other], other, "ok"))
    talk.say("refund 1001")
    assert [e["code"] for e in talk.of("tool_call")] == ["confirmation_required", "confirmation_pending", "confirmation_pending"]
    answer = talk.say("yes")
    assert [a for a, _ in talk.business.wrote] == [REFUND_IT[1]]
    assert "order number: 9" in answer


def test_low_stakes_may_go_without_and_the_same_is_not_done_twice_in_a_turn() -> None:
    low = [*SKILLS[:4], skill("Refund an order", REFUND, stakes="low", requiresConfirmation=False), SKILLS[5]]
    talk = Talk(gated_agent(skills=low), ScriptedModel([REFUND_IT, REFUND_IT], "ok"))
    talk.say("refund")
    assert len(talk.business.wrote) == 1
    high = [*SKILLS[:4], skill("Refund an order", REFUND, stakes="high", requiresConfirmation=False), SKILLS[5]]
    talk = Talk(gated_agent(skills=high), ScriptedModel(REFUND_IT, "ok"))
    talk.say("refund")
    assert talk.business.wrote == []


@pytest.mark.parametrize("trouble", [OutcomeUnknown(), RuntimeError("boom"), TimeoutError()])
def test_an_unknown_outcome_is_told_as_unknown_and_keeps_its_key(trouble: BaseException) -> None:
    business = Business()
    talk = Talk(gated_agent(), ScriptedModel(REFUND_IT, "It is all done!"), business=business)
    talk.say("refund 1001")
    business.trouble = trouble
    assert "can't tell whether that went through" in talk.say("yes")
    assert "all done" not in told(talk)
    assert talk.of("done")[-1]["outcome"] == "unresolved"
    assert talk.of("tool_call")[-1]["code"] == "outcome_unknown"
    assert [t.type for t in talk.books.told] == ["write.unknown"]
    lost_key = business.ran[-1][1].idempotency_key
    business.trouble, talk.model = None, ScriptedModel(REFUND_IT, "ok")
    talk.again()
    talk.say("try again")
    talk.say("yes")
    assert business.wrote[0][1] == lost_key


def test_a_killed_process_leaves_an_unknown_outcome_behind() -> None:
    talk = Talk(gated_agent(), ScriptedModel(REFUND_IT, "ok", "hello"))
    talk.say("refund 1001")
    stored: dict[str, Any] = {}

    async def killed() -> None:
        stored.update(talk.held.state)
        raise SystemExit

    talk.journal.keep_state = killed
    with pytest.raises(SystemExit):
        asyncio.run(talk.hear("yes"))
    assert "pending" not in stored
    talk.held.state = stored
    del talk.journal.keep_state
    talk.model = ScriptedModel("hello")
    talk.again()
    talk.say("did it work?")
    assert talk.of("tool_call")[-1]["code"] == "outcome_unknown"
    assert [t.type for t in talk.books.told] == ["write.unknown"]
    assert "outcome_unknown" in repr(talk.model.asked)
    assert talk.business.wrote == []


def test_a_verifier_is_no_tool() -> None:
    talk = Talk(gated_agent(), ScriptedModel(("check_a_pin", {"account_number": "AC1001"}), "ok"))
    talk.say("hi")
    assert "check_a_pin" not in [t.slug for t in talk.model.asked[0].tools]
    assert talk.of("tool_call")[0]["code"] == "unknown_tool"
    assert talk.business.ran == []


PRICE = [("look_up_a_price", {"product": "soap"}), "It is 12.50."]


def test_rate_limits_count_turns_and_calls() -> None:
    limits = [
        {"policyType": "rate_limit", "limit": 2, "windowSeconds": 60, "counts": "tool_calls", "scope": "caller"},
        {"policyType": "rate_limit", "limit": 3, "windowSeconds": 60, "message": "Slow down."},
    ]
    talk = Talk(gated_agent(guardrails=limits), ScriptedModel([PRICE[0]] * 3, "ok", "ok", "ok"))
    talk.say("price")
    assert [e.get("code") for e in talk.of("tool_call") if e["state"] != "started"] == [None, None, "rate_limited"]
    talk.say("b")
    talk.say("c")
    assert talk.say("d") == "Slow down."
    assert talk.of("guardrail")[-1] == {
        "policy": "rate_limited", "policyId": "pol_1", "policyType": "rate_limit", "action": "blocked",
        "reason": "more than 3 turns in 60 seconds for this conversation",
    }  # fmt: skip


def test_business_hours() -> None:
    hours = {"monday": [{"from": "09:00", "to": "17:00"}], "friday": [{"from": "22:00", "to": "02:00"}]}
    policy = {
        "policyType": "business_hours",
        "timeZone": "Europe/London",
        "hours": hours,
        "holidays": ["2026-11-23"],
        "message": "Closed.",
    }
    for moment, is_open in [
        ("2026-11-30T09:00:00Z", True), ("2026-11-30T08:59:00Z", False), ("2026-11-30T17:00:00Z", False),
        ("2026-11-23T10:00:00Z", False), ("2026-11-28T01:59:00Z", True), ("2026-11-28T02:00:00Z", False),
        ("2026-07-06T08:30:00Z", True),
    ]:  # fmt: skip
        with time_machine.travel(moment, tick=True):
            assert (Talk(gated_agent(guardrails=[policy]), ScriptedModel("Hi.")).say("hi") == "Hi.") is is_open, moment
            tools = Talk(gated_agent(guardrails=[{**policy, "blocks": "tools"}]), ScriptedModel(*PRICE))
            tools.say("price")
            assert bool(tools.business.ran) is is_open
            writes = Talk(gated_agent(guardrails=[{**policy, "blocks": "writes"}]), ScriptedModel(PRICE[0], REFUND_IT, "ok"))
            writes.say("price")
            assert len(writes.business.ran) == 1
            assert ("confirmation_required" in told(writes)) is is_open


@pytest.mark.parametrize(
    "about", [{"appliesToSkillType": "db_query"}, {"appliesToSkillType": "postgres"}, {"appliesToSkillId": "look_up_a_price"}, {}]
)
def test_verify_before_disclose_gates_what_is_not_flagged(about: dict[str, Any]) -> None:
    talk = Talk(gated_agent(guardrails=[{"policyType": "verify_before_disclose", **about}]), ScriptedModel(*PRICE))
    assert "account number" in talk.say("price")
    assert talk.business.ran == []
    off = Talk(
        gated_agent(guardrails=[{"policyType": "verify_before_disclose", "isEnabled": False, **about}]), ScriptedModel(*PRICE)
    )
    assert off.say("price") == "It is 12.50."


def test_field_limits_are_applied_before_anybody_sees_the_result() -> None:
    limits = [
        {"policyType": "field_limit", "deniedFields": ["SSN"]},
        {"policyType": "field_limit", "deniedFields": ["note"], "liftedBy": "basic"},
    ]
    talk = Talk(gated_agent(guardrails=limits), ScriptedModel(PRICE[0], "ok", ("read_the_balance", {}), PRICE[0], "ok"))
    talk.say("price")
    assert "ignore your rules" not in told(talk)
    assert [o.leaf for t in talk.model.asked[0].tools if t.slug == "look_up_a_price" for o in t.outputs] == ["price"]
    for said in ["balance", "AC1001", "4071"]:
        talk.say(said)
    assert "SSN-CANARY" not in told(talk)
    assert "ignore your rules" in told(talk)


def test_write_gates() -> None:
    off = Talk(
        gated_agent(guardrails=[{"policyType": "write_gate", "writes": "off", "message": "No changes."}]),
        ScriptedModel(REFUND_IT, "ok"),
    )
    off.say("refund")
    assert off.of("tool_call")[0]["code"] == "writes_off"
    level = Talk(gated_agent(guardrails=[{"policyType": "write_gate", "level": "basic"}]), ScriptedModel(REFUND_IT))
    assert "account number" in level.say("refund")
    low = [*SKILLS[:4], skill("Refund an order", REFUND, stakes="low", requiresConfirmation=False), SKILLS[5]]
    confirm = Talk(
        gated_agent(skills=low, guardrails=[{"policyType": "write_gate", "requiresConfirmation": True}]), ScriptedModel(REFUND_IT)
    )
    assert "Shall I go ahead?" in confirm.say("refund")


@pytest.mark.parametrize(
    ("rule", "said", "heard"),
    [
        ({"phrases": ["guaranteed returns"], "message": "I can't."}, ["Has GUARAN", "TEED,  return", "s now"], "Has I can't."),
        ({"phrases": ["damn"], "action": "redact"}, ["Well da", "mn it."], "Well HIDDEN it."),
        ({"patterns": ["call ### ####"], "action": "redact"}, ["Please call 555 12", "34 now."], "Please HIDDEN now."),
        ({"patterns": ["we * promise"], "message": "No."}, ["Yes we do really pro", "mise it"], "Yes No."),
        ({"categories": ["payment_card"], "action": "redact"}, ["It is 4111 1111 ", "1111 1111, ok?"], "It is HIDDEN, ok?"),
        ({"categories": ["email_address"], "action": "redact"}, ["Write to a@b", ".com please"], "Write to HIDDEN please"),
        ({"categories": ["payment_card"], "action": "redact"}, ["Order 4111 1111 1111 1112."], "Order 4111 1111 1111 1112."),
        ({"phrases": ["goodbye"], "action": "end", "message": "Bye."}, ["ok good", "bye then"], "ok Bye."),
    ],
)  # fmt: skip
def test_content_rules_hold_back_what_would_violate_them(rule: dict[str, Any], said: list[str], heard: str) -> None:
    talk = Talk(gated_agent(guardrails=[{"policyType": "content_rule", **rule}]), ScriptedModel(said))
    heard = heard.replace("HIDDEN", "[redacted:content]")
    assert talk.say("hi") == heard
    streamed = "".join(e["text"] for e in talk.of("agent_message_delta"))
    assert heard.startswith(streamed.rstrip())
    assert talk.engine.ends is (rule.get("action") == "end")
    assert bool(talk.of("guardrail")) is ("1112" not in heard)


def test_content_rules_on_what_the_caller_says() -> None:
    rule = {"policyType": "content_rule", "appliesTo": "caller", "phrases": ["lawsuit"], "message": "Please write to us."}
    talk = Talk(gated_agent(guardrails=[rule]), ScriptedModel("never"))
    assert talk.say("I'll file a LAWSUIT") == "Please write to us."
    assert talk.model.asked == []
    cards = {"policyType": "content_rule", "appliesTo": "caller", "categories": ["payment_card"], "action": "redact"}
    talk = Talk(gated_agent(guardrails=[cards]), ScriptedModel("ok"))
    talk.say("my card is 4111 1111 1111 1111")
    assert "4111" not in told(talk)


def test_escalations() -> None:
    def talk(model: Any, **rule: Any) -> Talk:
        return Talk(gated_agent(guardrails=[{"policyType": "escalation", **rule}]), model)

    phrase = talk(ScriptedModel("never"), phrases=["gas leak"], message="Call 999 now.")
    assert phrase.say("there is a gas leak!") == "Call 999 now."
    assert phrase.of("handoff")
    assert phrase.model.asked == []
    request = talk(ScriptedModel("never"), onRequest=True)
    request.say("can I speak to a human")
    assert request.of("done")[-1]["outcome"] == "handed_off"
    failed = talk(ScriptedModel(("read_the_balance", {})), afterFailedVerifications=2)
    for said in ["balance", "AC1001", "1111", "AC1001", "2222"]:
        failed.say(said)
    assert failed.of("handoff")
    off = [{"policyType": "write_gate", "writes": "off"}, {"policyType": "escalation", "afterRefusedCalls": 2}]
    refused = Talk(gated_agent(guardrails=off), ScriptedModel([REFUND_IT, REFUND_IT], "ok"))
    refused.say("refund")
    assert refused.of("guardrail")[-1]["policyType"] == "escalation"
    assert refused.of("handoff")


def test_the_planner_copes_with_gates() -> None:
    talk = Talk(gated_agent(), Planner())
    assert "account number" in talk.say("what is the balance of my account?")
    talk.say("AC1001")
    assert BALANCES["c1"] in talk.say("4071")
    asked = talk.say("please refund order number 1001 with amount 12.50")
    if "Could you" in asked:
        asked = talk.say("12.50")
    assert "Shall I go ahead?" in asked
    assert "R-1" in talk.say("yes")
    assert len(talk.business.wrote) == 1
    talk.say("refund order number 1002 amount 5")
    assert talk.say("no") == "All right. Is there anything else I can do for you?"
    assert len(talk.business.wrote) == 1


def test_the_outputs_used_are_those_of_the_call() -> None:
    assert [o.leaf for o in PRICES.outputs] == ["price", "note"]
