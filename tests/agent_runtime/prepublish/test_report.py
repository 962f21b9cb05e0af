"""The report says what the frozen calls and their gates say: no more of what is gated, no less of what is not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.agent_runtime.freezing import seal_document, thaw
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
        {
            "policyType": st.just("field_limit"),
            "deniedFields": st.lists(st.sampled_from([*LEAVES, "SSN"]), min_size=1, max_size=2),
        },
        optional={
            "allowedFields": st.lists(st.sampled_from(LEAVES), max_size=3),
            "liftedBy": st.sampled_from(LEVELS[1:]),
            "appliesToSkillId": st.sampled_from(["skl_a", "b", "skl_gone"]),
        },
    ),
    st.fixed_dictionaries(
        {"policyType": st.just("write_gate")},
        optional={
            "writes": st.just("off"),
            "level": st.sampled_from(LEVELS[1:]),
            "appliesToSkillId": st.sampled_from(["a", "b"]),
        },
    ).map(lambda policy: {**policy, "requiresConfirmation": True}),
    st.just({"policyType": "content_rule", "phrases": ["lawsuit"], "message": "No."}),
)


@st.composite
def skills(draw: st.DrawFn, name: str) -> dict[str, Any]:
    sources = draw(st.lists(st.sampled_from(["model", "session", "verified"]), max_size=2))
    inputs = [call_input(f"p{n}", source=source) for n, source in enumerate(sources)]
    leaves = draw(st.lists(st.sampled_from(LEAVES), min_size=1, unique=True))
    effect = draw(st.sampled_from(["read", "read", "write"]))
    webhook = draw(st.booleans())
    outputs = [output(leaf) for leaf in leaves] if not webhook else [output(leaf) for leaf in leaves[1:]]
    hidden = msgspec.structs.replace(output("secret_part"), hidden=True)
    call = frozen_call(inputs, [*outputs, hidden] if outputs else [], effect=effect, verification=draw(st.sampled_from(LEVELS)))
    if webhook:
        call = msgspec.structs.replace(call, kind="webhook", body=HttpCall("POST", "/x"))
    return skill(
        name,
        call,
        requiresVerifiedIdentity=draw(st.booleans()),
        verificationLevel=draw(st.sampled_from([None, *LEVELS[1:]])),
        allowedFields=draw(st.one_of(st.none(), st.lists(st.sampled_from(leaves), unique=True))),
    )


def about(policy: dict[str, Any], made: dict[str, Any]) -> bool:
    if "appliesToSkillId" in policy:
        return policy["appliesToSkillId"] in (made["id"], made["slug"])
    sql = '"kind":"webhook"' not in made["call"]["document"]
    return policy.get("appliesToSkillType", "postgres") in ("postgres", "db_query" if sql else "http")


def open_leaves(made: dict[str, Any], active: list[dict[str, Any]], verification: list[dict[str, Any]]) -> set[str] | None:
    """What an unverified caller is told of a skill, by the rules as a person would read them one by one; None where it is closed.
    An endpoint that declares nothing could answer with any of the leaves.
    """
    call = msgspec.json.decode(made["call"]["document"], type=FrozenCall)
    mine = [policy for policy in active if about(policy, made)]
    gates = [policy for policy in mine if policy["policyType"] == "write_gate" and call.effect == "write"]
    closed = (
        made["requiresVerifiedIdentity"]
        or call.verification != "none"
        or any(one.source == "verified" for one in call.inputs)
        or any(policy["policyType"] == "verify_before_disclose" for policy in mine)
        or any(policy.get("writes") == "off" or "level" in policy for policy in gates)
        or any(made["slug"] in config["stepUpFor"] or made["id"] == config["verifierSkillId"] for config in verification)
    )
    if closed:
        return None
    leaves = {o.leaf for o in call.outputs if not o.hidden} or set(LEAVES)
    if made["allowedFields"] is not None:
        leaves &= set(made["allowedFields"])
    for policy in mine:
        if policy["policyType"] == "field_limit":
            leaves &= set(policy.get("allowedFields", LEAVES))
            leaves -= {name.casefold() for name in policy["deniedFields"]}
    return leaves


def learned(entry: dict[str, Any]) -> set[str]:
    """The leaves an entry of the report lets a caller learn, of those there are."""
    return set(LEAVES) - set(entry["never"]) if entry["whatever"] else {field["leaf"] for field in entry["fields"]}


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
    guardrails = [{**policy, "id": f"pol_{n}", "isEnabled": on} for n, (policy, on) in enumerate(drawn)]
    drafted = document(*made, guardrails=guardrails, verification=verification)
    found = report(drafted)
    learnable = {entry["skillId"]: learned(entry) for entry in found["unverifiedCallerCanLearn"]}
    active = [policy for policy in guardrails if policy["isEnabled"]]
    expected = {one["id"]: open_leaves(one, active, verification) for one in made}
    assert {name: leaves for name, leaves in learnable.items() if leaves} == {k: v for k, v in expected.items() if v}
    assert "secret_part" not in str(found)
    for entry in found["willSay"]:
        told = set(LEAVES) if entry["whatever"] else {field["leaf"] for field in entry["fields"]}
        assert learnable.get(entry["skillId"], set[str]()) <= told
    agent = thaw(*seal_document(drafted), version_id=None, number=None)
    for one in agent.offered:
        gate = agent.gates.of(one.id)
        runs = gate.decide(0, confirmed=True) is None
        row = {leaf: "x" for leaf in LEAVES if one.call.open_ended or leaf in {o.leaf for o in one.call.outputs}}
        assert (set(gate.row(row, 0)) if runs else set()) == learnable.get(one.id, set[str]())


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
    call = msgspec.structs.replace(frozen_call([call_input("serial")]), kind="webhook", body=HttpCall("POST", "/x"), outputs=())
    limit = {"id": "p", "policyType": "field_limit", "isEnabled": True}

    def learnable(guardrails: Any = (), **more: Any) -> list[tuple[bool, list[str], list[str]]]:
        """Whether whatever it answers may be learned, what of that never, and what by name."""
        found = report(document(skill("w", call, **more), guardrails=guardrails))
        entries = found["unverifiedCallerCanLearn"]
        return [(one["whatever"], one["never"], [field["leaf"] for field in one["fields"]]) for one in entries]

    assert learnable() == [(True, [], [])]
    assert learnable([limit | {"deniedFields": ["ssn"]}]) == [(True, ["ssn"], [])]
    assert learnable([limit | {"allowedFields": ["status"]}]) == [(False, [], ["status"])]
    assert learnable(allowedFields=["status", "ssn"], guardrails=[limit | {"deniedFields": ["ssn"]}]) == [(False, [], ["status"])]
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
    verification = [{"id": "vrf_1", "method": "account_pin", "verifierSkillId": "skl_gone", "level": "basic"}]
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
    asked = [call_input("account_number"), call_input("date_of_birth"), call_input("postcode")]
    verifier = skill("Check", frozen_call(asked, [output("verified", "boolean")]))
    gated = skill("Balance", CALL, requiresVerifiedIdentity=True)
    required = ["account_number", "date_of_birth", "postcode"]
    verification = [{"id": "vrf_1", "method": "dob_postcode", "verifierSkillId": "skl_check", "requiredFields": required}]
    found = report(document(gated, verifier, verification=verification))
    assert "verification_unreachable" not in codes(found)
    assert [way["works"] for way in found["callerVerification"]] == [True]
    assert [entry["name"] for entry in found["willSay"]] == ["Balance"]
    assert [(flow["name"], flow["verifier"]) for flow in found["dataFlows"]] == [("Balance", False), ("Check", True)]


def test_what_is_withheld_and_refused_is_told() -> None:
    made = skill("Balance", CALL, allowedFields=["time"])
    rule = {"policyType": "content_rule", "phrases": ["lawsuit"], "action": "redirect", "message": "I can't say."}
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


def test_a_verification_that_cannot_work_is_told_with_why() -> None:
    gated = skill("Balance", CALL, requiresVerifiedIdentity=True)
    verifier = skill("Check", frozen_call([call_input("account_number")], [output("pin"), output("phone")]))
    unfit = {"id": "vrf_1", "method": "account_pin", "verifierSkillId": "skl_check", "requiredFields": ["account_number"]}
    texted = {"id": "vrf_2", "method": "otp_sms", "verifierSkillId": "check", "requiredFields": ["account_number"]}
    made = document(gated, verifier, verification=[unfit, texted])
    found = report(made)
    assert [way["works"] for way in found["callerVerification"]] == [False, False]
    assert codes(found) >= {"verifier_unfit", "sms_unconfigured", "verification_unreachable", "secret_method_refused"}
    assert "'Balance' refused there" in next(w["message"] for w in found["warnings"] if w["code"] == "secret_method_refused")
    with_carrier = report(made, Known(texts=True))
    assert [way["works"] for way in with_carrier["callerVerification"]] == [False, True]
    assert "verification_unreachable" not in codes(with_carrier)


def test_one_method_reaches_step_up_by_being_made_again() -> None:
    gated = skill("Refund", CALL, requiresVerifiedIdentity=True, verificationLevel="step_up")
    verifier = skill("Check", frozen_call([call_input("account_number")], [output("pin")]))
    config = {"id": "vrf_1", "method": "account_pin", "verifierSkillId": "skl_check", "requiredFields": ["account_number", "pin"]}
    assert "verification_unreachable" not in codes(report(document(gated, verifier, verification=[config])))


def test_an_input_in_two_parts_is_shown_once_with_both_places() -> None:
    name = [call_input("caller_name", arg="first_name"), call_input("last", arg="last_name", source="derived", key="caller_name")]
    (flow,) = report(document(skill("Find", frozen_call(name, [output("status")]))))["dataFlows"]
    assert [(one["param"], one["to"]) for one in flow["inputs"]] == [("caller_name", "first_name, last_name")]


def test_an_endpoint_that_declares_nothing_may_tell_whatever_it_answers() -> None:
    call = msgspec.structs.replace(frozen_call(), kind="webhook", body=HttpCall("POST", "/x"))
    denied = {"id": "pol_1", "policyType": "field_limit", "deniedFields": ["SSN"]}
    found = report(document(skill("Ask", call), guardrails=[denied]))
    (entry,) = found["unverifiedCallerCanLearn"]
    assert (entry["whatever"], entry["never"], entry["whose"]) == (True, ["ssn"], "everyones")
    assert found["willSay"][0]["text"] == "Anyone is told whatever the endpoint answers but ssn."
    assert "can learn whatever the endpoint answers but ssn of everyone (Ask)" in found["summary"]
    assert found["dataFlows"][0]["whatever"] is True
    narrow = report(document(skill("Ask", call, allowedFields=["status"])))["unverifiedCallerCanLearn"]
    assert [(one["whatever"], [f["leaf"] for f in one["fields"]]) for one in narrow] == [(False, ["status"])]


def test_what_a_policy_is_about_is_what_its_gate_is_part_of() -> None:
    read, write = (
        skill("Look", CALL),
        skill("Book", frozen_call([call_input("day")], [output("time")], effect="write"), stakes="low"),
    )
    silent = {**write, "requiresConfirmation": False}
    gate = {"id": "pol_1", "policyType": "write_gate", "requiresConfirmation": True}
    rule = {"id": "pol_2", "policyType": "content_rule", "phrases": ["lawsuit"], "appliesTo": "caller", "message": "No."}
    known = Known(writes=(Unpublished("skl_book", "Book", enabled=True, reviewed=True),))
    found = report(document(read, silent, guardrails=[gate, rule]), known)
    assert [one["skills"] for one in found["guardrails"]] == [["Book"], None]
    assert found["writes"][0]["confirmedFirst"] is True
    assert found["guardrails"][1]["text"] == "Does not take from callers the words 'lawsuit' (redirect)."
    assert [one for one in found["wontSay"] if one["kind"] == "content_rule"] == []
    assert report(document(silent), known)["writes"][0]["confirmedFirst"] is False
    assert "policy_matches_nothing" in codes(report(document(read, guardrails=[gate])))


@pytest.mark.parametrize(
    ("call", "more", "tells"),
    [
        (frozen_call([call_input("number")], [], effect="write"), {}, True),
        (frozen_call([call_input("number")], [], effect="write"), {"requiresVerifiedIdentity": True}, False),
        (frozen_call([call_input("number", source="session")], [], effect="write"), {}, False),
        (frozen_call([call_input("number")], [output("time")]), {}, False),
    ],
)
def test_an_ungated_write_tells_a_stranger_what_exists(call: FrozenCall, more: dict[str, Any], tells: bool) -> None:
    found = report(document(skill("Add a number", call, **more)))
    assert ("write_tells_existence" in codes(found)) is tells
