"""The report says what the frozen calls and their gates say: no more of what is gated, no less of what is not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.agent_runtime.prepublish.learnable import whose_data
from patchbay.agent_runtime.prepublish.report import report_of
from patchbay.agent_runtime.prepublish.subject import Known, Place, Unpublished, subject_of
from patchbay.api.prepublish_shown import PrepublishReport
from patchbay.bindings.tool_schema import tool_schema
from patchbay.schema_graph.call import CallInput, FrozenCall, HttpCall, SliceItem, SqlCall, SqlSlot
from patchbay.schema_graph.canonical import seal
from patchbay.schema_graph.transform import JoinName
from tests.agent_runtime.doubles import call_input, frozen_call, output, phone_input

LEAVES = ("time", "status", "balance", "ssn")
LEVELS = ("none", "basic", "step_up")


def skill(name: str, call: FrozenCall, **more: Any) -> dict[str, Any]:
    sealed = seal(call)
    slug = name.lower().replace(" ", "_")
    return {
        "id": f"skl_{slug}",
        "name": name,
        "slug": slug,
        "description": "",
        "skillType": "postgres",
        "requiresVerifiedIdentity": False,
        "verificationLevel": None,
        "allowedFields": None,
        "binding": None,
        "tool": tool_schema(slug, "", call.inputs),
        "call": {"digest": sealed.digest, "document": sealed.document.decode()},
        **more,
    }


def document(*skills: dict[str, Any], guardrails: Any = (), verification: Any = (), **persona: Any) -> dict[str, Any]:
    return {
        "formatVersion": 1,
        "agentId": "agt_1",
        "profile": {"name": "Corner Clinic", "persona": persona},
        "skills": list(skills),
        "guardrails": list(guardrails),
        "callerVerification": list(verification),
        "playbooks": [],
        "knowledge": [],
    }


def report(made: dict[str, Any], known: Known | None = None) -> dict[str, Any]:
    found = report_of(subject_of(made, known or Known()))
    PrepublishReport.model_validate(found)
    return found


def codes(found: dict[str, Any]) -> set[str]:
    return {warning["code"] for warning in found["warnings"]}


CALL = frozen_call([phone_input()], [output("time", "datetime"), output("balance", "decimal")])

policies = st.one_of(
    st.fixed_dictionaries(
        {"policyType": st.just("verify_before_disclose")},
        optional={"level": st.sampled_from(LEVELS[1:]), "appliesToSkillType": st.sampled_from(["postgres", "db_query", "rest"])},
    ),
    st.fixed_dictionaries(
        {"policyType": st.just("field_limit")},
        optional={
            "allowedFields": st.lists(st.sampled_from(LEAVES), max_size=3),
            "deniedFields": st.lists(st.sampled_from([*LEAVES, "SSN"]), max_size=2),
            "liftedBy": st.sampled_from(LEVELS[1:]),
            "appliesToSkillId": st.sampled_from(["skl_a", "b", "skl_gone"]),
        },
    ),
    st.fixed_dictionaries({"policyType": st.just("write_gate"), "writes": st.sampled_from(["allowed", "off"])}),
    st.fixed_dictionaries({"policyType": st.just("content_rule"), "phrases": st.just(["lawsuit"])}),
    st.fixed_dictionaries({"policyType": st.just("of a later release")}),
)


@st.composite
def skills(draw: st.DrawFn, name: str) -> dict[str, Any]:
    sources = draw(st.lists(st.sampled_from(["model", "session", "verified"]), max_size=2))
    inputs = [call_input(f"p{n}", source=source) for n, source in enumerate(sources)]
    leaves = draw(st.lists(st.sampled_from(LEAVES), min_size=1, unique=True))
    effect = draw(st.sampled_from(["read", "read", "write"]))
    call = frozen_call(inputs, [output(leaf) for leaf in leaves], effect=effect, verification=draw(st.sampled_from(LEVELS)))
    return skill(
        name,
        call,
        requiresVerifiedIdentity=draw(st.booleans()),
        verificationLevel=draw(st.sampled_from([None, *LEVELS])),
        allowedFields=draw(st.one_of(st.none(), st.lists(st.sampled_from(leaves), unique=True))),
    )


def about(policy: dict[str, Any], made: dict[str, Any]) -> bool:
    if "appliesToSkillId" in policy:
        return policy["appliesToSkillId"] in (made["id"], made["slug"])
    return policy.get("appliesToSkillType", "postgres") in ("postgres", "db_query")


def open_leaves(made: dict[str, Any], active: list[dict[str, Any]], verification: list[dict[str, Any]]) -> set[str]:
    """What an unverified caller is told of a skill, by the rules as a person would read them one by one."""
    call = msgspec.json.decode(made["call"]["document"], type=FrozenCall)
    mine = [policy for policy in active if about(policy, made)]
    closed = (
        made["requiresVerifiedIdentity"]
        or call.verification != "none"
        or any(one.source == "verified" for one in call.inputs)
        or any(policy["policyType"] == "verify_before_disclose" for policy in mine)
        or (call.effect == "write" and any(policy.get("writes") == "off" for policy in mine))
        or any(made["slug"] in config["stepUpFor"] or made["id"] == config["verifierSkillId"] for config in verification)
    )
    leaves = set() if closed else {o.leaf for o in call.outputs}
    if made["allowedFields"] is not None:
        leaves &= set(made["allowedFields"])
    for policy in mine:
        if policy["policyType"] == "field_limit":
            leaves &= set(policy.get("allowedFields", LEAVES))
            leaves -= {name.casefold() for name in policy.get("deniedFields", ())}
    return leaves


@given(
    st.tuples(skills("a"), skills("b")),
    st.lists(st.tuples(policies, st.booleans()), max_size=4),
    st.lists(
        st.fixed_dictionaries(
            {"method": st.just("account_pin"), "verifierSkillId": st.sampled_from(["skl_a", "skl_gone"]),
             "stepUpFor": st.lists(st.sampled_from(["b", "other"]), max_size=1)}
        ),
        max_size=1,
    ),
)  # fmt: skip
def test_an_unverified_caller_learns_the_ungated_fields_and_no_other(
    made: tuple[dict[str, Any], ...], drawn: list[tuple[dict[str, Any], bool]], verification: list[dict[str, Any]]
) -> None:
    guardrails = [{**policy, "isEnabled": on} for policy, on in drawn]
    found = report(document(*made, guardrails=guardrails, verification=verification))
    learnable = {entry["skillId"]: {field["leaf"] for field in entry["fields"]} for entry in found["unverifiedCallerCanLearn"]}
    active = [policy for policy in guardrails if policy["isEnabled"]]
    expected = {one["id"]: open_leaves(one, active, verification) for one in made}
    assert learnable == {name: leaves for name, leaves in expected.items() if leaves}
    said = {entry["skillId"]: {field["leaf"] for field in entry["fields"]} for entry in found["willSay"]}
    assert all(leaves <= said[name] for name, leaves in learnable.items())


def found_by(
    condition: str, sql: str = 'SELECT "r"."x" AS "x" FROM "t" AS "r"', *, param: str = "caller_phone"
) -> dict[str, Any]:
    return {"body": SqlCall(sql=f"{sql} WHERE {condition}", slots=(SqlSlot("text", "string", param=param),))}


RINGS = phone_input(source="session", key="caller_number")
BY_ONE, BY_ANY = '"r"."phone" = $1', '("r"."phone" = ANY($1)) AND ("r"."day" = $2 OR $2 IS NULL)'
SETS = 'UPDATE "t" AS "r" SET "phone" = $1'
WHOSE: list[tuple[str, list[CallInput], str, dict[str, Any]]] = [
    ("the number that rings", [RINGS], "own", found_by(BY_ANY)),
    ("a change of who rings", [RINGS, call_input("note")], "own", found_by(BY_ONE, 'UPDATE "t" AS "r" SET "note" = $2')),
    ("a change to what rings", [RINGS, call_input("order_number")], "anyones", found_by('"r"."number" = $2', SETS)),
    ("all but who rings", [RINGS, call_input("order_number")], "anyones", found_by('"r"."phone" <> $1')),
    ("who rings, or anybody", [RINGS, call_input("order_number")], "anyones", found_by('"r"."phone" = $1 OR "r"."n" = $2')),
    ("who rings, on MySQL", [RINGS], "own", {"kind": "mysql"} | found_by("`r`.`phone` IN (?)")),
    ("a number that is said", [phone_input()], "anyones", {}),
    ("an order number that is said", [call_input("order_number")], "anyones", {}),
    ("the number that rings, and a date", [RINGS, call_input("day")], "own", found_by(BY_ANY)),
    ("a name the channel shows", [call_input("caller_name", source="session"), call_input("order_number")], "anyones", {}),
    ("a search of customers", [call_input("city")], "anyones", {"slice": (SliceItem("customers"),)}),
    ("a list of customers", [], "everyones", {"slice": (SliceItem("customers"),)}),
    ("opening hours", [call_input("day")], "no_ones", {"slice": (SliceItem("opening_hours"),)}),
    ("a webhook", [call_input("day")], "anyones", {"kind": "webhook", "body": HttpCall("POST", "/x")}),
    ("a webhook that asks nothing", [], "everyones", {"kind": "webhook", "body": HttpCall("GET", "/x")}),
    ("a row by its key", [call_input("which")], "anyones", {"identifying": True}),
    (
        "an API that may heed either",
        [phone_input(source="session", key="caller_number"), call_input("account_number")],
        "anyones",
        {"body": HttpCall("GET", "/x")},
    ),
]


@pytest.mark.parametrize(("what", "inputs", "whose", "more"), WHOSE, ids=[case[0] for case in WHOSE])
def test_whose_data_it_is_follows_from_who_gives_the_inputs(what: str, inputs: Any, whose: str, more: dict[str, Any]) -> None:
    call = frozen_call(inputs, [output("status", object="opening_hours")])
    assert whose_data(msgspec.structs.replace(call, **more))[0] == whose


def test_a_webhook_that_declares_nothing_may_tell_anything() -> None:
    call = msgspec.structs.replace(frozen_call([call_input("serial")]), kind="webhook", body=HttpCall("POST", "/x"))
    limit = {"id": "p", "policyType": "field_limit", "isEnabled": True}

    def learnable(guardrails: Any = (), **more: Any) -> list[str]:
        found = report(document(skill("w", call, **more), guardrails=guardrails))
        return [field["leaf"] for entry in found["unverifiedCallerCanLearn"] for field in entry["fields"]]

    assert learnable() == ["*"]
    assert learnable([limit | {"deniedFields": ["ssn"]}]) == ["*"]
    assert learnable([limit | {"allowedFields": ["status"]}]) == ["*"]
    assert learnable(allowedFields=["status", "ssn"], guardrails=[limit | {"deniedFields": ["ssn"]}]) == ["status"]
    assert learnable(requiresVerifiedIdentity=True) == []


def test_a_joined_name_is_one_field_made_of_two() -> None:
    family = msgspec.structs.replace(output("0.family"), hidden=True)
    joined = msgspec.structs.replace(output("name"), transform=JoinName("0.family"))
    found = report(document(skill("n", frozen_call([phone_input()], [joined, family]))))
    assert [field["leaf"] for field in found["unverifiedCallerCanLearn"][0]["fields"]] == ["name"]
    assert [field["leaf"] for field in found["willSay"][0]["fields"]] == ["name"]
    assert [one["leaf"] for one in found["dataFlows"][0]["outputs"]] == ["name", "name"]


def test_everything_that_should_be_known_is_warned_of() -> None:
    gated = skill("Balance", CALL, requiresVerifiedIdentity=True, verificationLevel="step_up")
    paused = {"status": "broken", "paused": True, "reasons": []}
    known = Known(
        drift={"skl_balance": paused},
        warnings={"skl_balance": [{"code": "model_chosen_identity", "message": "Whose record…", "hint": None}]},
        writes=(Unpublished("skl_new", "Book", enabled=False, reviewed=False),),
    )
    guardrails = [{"policyType": "verify_before_disclose", "appliesToSkillType": "shopify"}]
    verification = [{"method": "account_pin", "verifierSkillId": "skl_gone", "level": "basic"}]
    found = report(document(gated, guardrails=guardrails, verification=verification), known)
    assert codes(found) == {
        "model_chosen_identity",
        "skill_paused",
        "write_unreviewed",
        "verification_unreachable",
        "verifier_missing",
        "secret_method_refused",
        "policy_matches_nothing",
    }
    assert found["unverifiedCallerCanLearn"] == []
    assert "A caller whom nobody has verified can learn nothing" in found["summary"]


def test_a_gate_that_verification_reaches_is_not_warned_of() -> None:
    verifier = skill("Check", frozen_call([call_input("pin")], [output("verified", "boolean")]))
    gated = skill("Balance", CALL, requiresVerifiedIdentity=True)
    verification = [{"method": "dob_postcode", "verifierSkillId": "skl_check", "requiredFields": ["postcode"]}]
    found = report(document(gated, verifier, verification=verification))
    assert "verification_unreachable" not in codes(found)
    assert [way["works"] for way in found["callerVerification"]] == [True]
    assert [entry["name"] for entry in found["willSay"]] == ["Balance"]
    assert [(flow["name"], flow["verifier"]) for flow in found["dataFlows"]] == [("Balance", False), ("Check", True)]


def test_what_is_withheld_and_refused_is_told() -> None:
    made = skill("Balance", CALL, allowedFields=["time"])
    rule = {"policyType": "content_rule", "phrases": ["lawsuit"], "action": "redirect"}
    place = Place("con_test", "postgres", "shop on db", "db", 3)
    found = report(document(made, guardrails=[rule], neverDo=["Give legal advice"]), Known(places={"con_test": place}))
    said = {(one["kind"], one["text"]) for one in found["wontSay"]}
    assert said == {
        ("never_do", "Give legal advice"),
        ("content_rule", "Does not say the words 'lawsuit' (redirect)."),
        ("field_withheld", "Balance: nobody is told balance."),
        ("data_scoping", "3 tables or columns of shop on db may not be read at all."),
    }
    (flow,) = found["dataFlows"]
    assert flow["connection"] == {"id": "con_test", "kind": "postgres", "label": "shop on db", "host": "db"}
    assert [(one["param"], one["source"], one["to"]) for one in flow["inputs"]] == [("caller_phone", "model", "caller_phone")]
    assert [one["leaf"] for one in flow["outputs"]] == ["time"]


def test_a_blocked_skill_is_named_and_nothing_of_it_is() -> None:
    made = skill("Balance", CALL)
    found = report(document(made), Known(blocked=frozenset({"skl_balance"})))
    assert (found["willSay"], found["unverifiedCallerCanLearn"]) == ([], [])
    assert codes(found) == {"scoped_out"}
    assert "balance" not in str(found).replace("skl_balance", "")
