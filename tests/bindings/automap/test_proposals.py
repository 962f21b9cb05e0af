"""Goals over the clinic's records: operation, inputs, fields, order and gates; and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from patchbay.bindings.automap.choosing import offers, question, read_choice
from patchbay.bindings.automap.goal import read_goal
from patchbay.bindings.automap.proposing import NoValidBinding, Proposal, propose, propose_from
from patchbay.bindings.automap.scoring import rank
from patchbay.bindings.check import Target
from patchbay.schema_graph.model import Field, Graph, Key, Object
from patchbay.schema_graph.operations import RecordOperations
from patchbay.schema_graph.scoping import View
from patchbay.schema_graph.search import build_index
from tests.bindings.clinic import OBJECTS, TARGET, clinic

VIEW = clinic()
INDEX = build_index(VIEW)


def proposed(goal: str, **more: Any) -> Proposal:
    return propose(goal, VIEW, INDEX, TARGET, **more)


def inputs(proposal: Proposal) -> dict[str, str]:
    return {rule.arg: rule.source for rule in proposal.binding.inputs}


def fields(proposal: Proposal) -> set[str]:
    return {".".join(map(str, rule.path)) for rule in proposal.binding.projection}


def test_a_look_up_by_phone():
    proposal = proposed("Look up a customer by phone and return their name and email")
    assert proposal.binding.operation == "customers.read"
    assert inputs(proposal) == {"phone": "model"}
    assert proposal.binding.inputs[0].param == "caller_phone"
    assert {"name", "email"} <= fields(proposal)
    assert proposal.binding.enabled is False
    assert proposal.binding.requires_verified_identity is True
    assert any("caller_number" in text for text in proposal.why.questions)


def test_the_callers_own_comes_from_the_session():
    proposal = proposed("Look up the caller by phone")
    assert inputs(proposal) == {"phone": "session"}
    assert proposal.binding.requires_verified_identity is False
    assert any("source model" in text for text in proposal.why.questions)


def test_the_next_one_is_ordered_limited_and_from_now_on():
    proposal = proposed("What is the caller's next appointment? Time and status.")
    binding = proposal.binding
    assert binding.operation == "appointments.read"
    assert [(rule.arg, rule.op, rule.value) for rule in binding.filters] == [("starts_at", "ge", {"now": True})]
    assert [(rule.path, rule.direction) for rule in binding.order_by] == [(["starts_at"], "asc")]
    assert binding.limit == 1
    assert {"starts_at", "status"} <= fields(proposal)


def test_a_range_of_time_bounds_its_column_twice():
    binding = proposed("Which appointments of a customer are between two dates?").binding
    assert {(rule.arg, rule.op, rule.param) for rule in binding.filters} == {
        ("starts_at", "ge", "from_date"),
        ("starts_at", "le", "to_date"),
    }


@pytest.mark.parametrize("when", ["a given date", "last month", "a certain day"])
def test_a_time_after_since_bounds_the_date(when: str):
    binding = proposed(f"List the appointments a customer booked since {when}").binding
    assert [(rule.arg, rule.op) for rule in binding.filters] == [("starts_at", "ge")]
    assert {rule.arg for rule in binding.inputs} == {"customer_id", "starts_at"}


def test_the_latest_three():
    binding = proposed("Show the latest 3 appointments of a customer").binding
    assert [(rule.path, rule.direction) for rule in binding.order_by] == [(["starts_at"], "desc")]
    assert binding.limit == 3
    assert [rule.arg for rule in binding.inputs] == ["customer_id"]


def test_a_state_is_fixed_where_the_schema_lists_it():
    binding = proposed("Which cancelled appointments does a customer have?").binding
    fixed = {rule.arg: rule.value for rule in binding.inputs if rule.source == "constant"}
    assert fixed == {"status": "cancelled"}


def test_a_record_by_its_number():
    assert inputs(proposed("Look up an order by its order number and say the total")) == {"order_number": "model"}


def test_a_list_that_needs_nothing():
    binding = proposed("List all products with name and category").binding
    assert binding.operation == "products.read"
    assert (binding.inputs, binding.limit) == ([], 10)
    assert binding.order_by


def test_card_data_is_never_chosen():
    proposal = proposed("Look up a customer by phone and return their card number and name")
    assert not any("card" in path for path in fields(proposal))
    assert any("card" in text for text in proposal.why.questions)


def test_the_name_of_the_tool_is_the_goals_or_the_one_given():
    assert proposed("Look up the customer by phone and return the name").binding.tool_name == "Look up customer by phone"
    assert proposed("Look up the customer by phone", tool_name="Finder").binding.tool_name == "Finder"


@pytest.mark.parametrize("goal", ["", "?!", "the of and", "Calibrate the telescope", "\x00\ud800", "🤖" * 50])
def test_nothing_near(goal: str):
    with pytest.raises(NoValidBinding) as refused:
        proposed(goal)
    assert "no_valid_binding" in refused.value.detail
    assert isinstance(refused.value.extensions["candidates"], list)


def test_a_write_is_never_answered_by_a_read():
    with pytest.raises(NoValidBinding) as refused:  # the role of this clinic may write nothing
        proposed("Change the status of an appointment")
    assert all(not one["operation"].endswith(".read") for one in refused.value.extensions["candidates"])


def writable_clinic(*states: str, beside: Sequence[Object] = (), **keys: Key) -> View:
    """The clinic to a role that may write everything; ``states`` are further ones of appointments, ``keys`` further ones by
    table, ``beside`` further tables.
    """
    objects = {
        obj.name: msgspec.structs.replace(
            obj,
            insertable=True,
            updatable=True,
            keys=(*obj.keys, *([keys[obj.name]] if obj.name in keys else ())),
            fields=tuple(
                msgspec.structs.replace(
                    f, insertable=True, updatable=not f.primary_key, enum=(*f.enum, *states) if f.enum else ()
                )
                for f in obj.fields
            ),
        )
        for obj in OBJECTS
    } | {obj.name: obj for obj in beside}
    return View(Graph("postgres", "public", objects, RecordOperations(objects)))


WRITABLE = writable_clinic()
WRITABLE_INDEX = build_index(WRITABLE)


def written(goal: str) -> Proposal:
    proposal = propose(goal, WRITABLE, WRITABLE_INDEX, TARGET)
    assert proposal.binding.enabled is False
    assert proposal.checked.plan.effect == "write"
    assert any("changes data" in text for text in proposal.why.questions)
    return proposal


@pytest.mark.parametrize(
    ("goal", "operation", "args"),
    [
        ("Change a customer's phone number", "customers.update", {"id", "phone"}),
        ("Change the status of an appointment", "appointments.update", {"id", "status"}),
        ("Reschedule the caller's appointment", "appointments.update", {"id", "starts_at"}),
        ("Add a new customer with name and phone", "customers.insert", {"id", "country", "name", "phone", "email"}),
    ],
)
def test_a_write_is_given_keys_and_values(goal: str, operation: str, args: set[str]):
    proposal = written(goal)
    assert proposal.binding.operation == operation
    assert set(inputs(proposal)) == args
    assert all(len(rule.path) == 1 for rule in proposal.binding.projection)


def test_what_is_cancelled_is_set_to_that_state():
    binding = written("Cancel an appointment").binding
    assert binding.operation == "appointments.update"
    assert {rule.arg: rule.value for rule in binding.inputs if rule.source == "constant"} == {"status": "cancelled"}


@pytest.mark.parametrize(
    "goal", ["Delete a customer", "Remove a product from the catalogue", "Cancel the order by its order number"]
)
def test_what_is_removed_is_not_overwritten_nor_added(goal: str):
    with pytest.raises(NoValidBinding) as refused:
        propose(goal, WRITABLE, WRITABLE_INDEX, TARGET)
    assert [one.code for one in refused.value.errors] == ["another_deed"]


def test_what_a_record_is_found_by_is_not_set():
    proposal = written("Update the email of a customer by phone")
    assert set(inputs(proposal)) == {"id", "email"}  # no key is of the phone alone
    assert any("look-up" in text for text in proposal.why.questions)


def test_a_unique_key_that_the_goal_names_finds_the_record():
    view = writable_clinic(orders=Key("number", ("order_number",)))
    proposal = propose("Change the total of an order by its order number", view, build_index(view), TARGET)
    assert proposal.binding.operation == "orders.update"
    assert set(inputs(proposal)) == {"order_number", "total"}
    assert [rule.arg for rule in proposal.binding.filters] == ["order_number"]
    assert proposal.checked.plan.key == ("order_number",)


CONFIRMABLE = writable_clinic("confirmed")
CONFIRMABLE_INDEX = build_index(CONFIRMABLE)


@pytest.mark.parametrize(
    "goal", ["Confirm the appointment", "Confirm the caller's appointment", "Let callers confirm their appointment"]
)
def test_what_has_such_a_state_can_be_confirmed(goal: str):
    proposal = propose(goal, CONFIRMABLE, CONFIRMABLE_INDEX, TARGET)
    assert proposal.binding.operation == "appointments.update"
    assert {rule.arg: rule.value for rule in proposal.binding.inputs if rule.source == "constant"} == {"status": "confirmed"}


@pytest.mark.parametrize(
    "goal",
    [
        "Confirm when the appointment is",
        "Confirm the status of an appointment",
        "Confirm the caller's phone number",
        "Confirm that the appointment is open",
        "Confirm the appointment and return its time",
        "Confirm an order",
    ],
)
def test_what_is_only_told_is_read(goal: str):
    proposal = propose(goal, CONFIRMABLE, CONFIRMABLE_INDEX, TARGET)
    assert proposal.binding.operation.endswith(".read")


def test_without_such_a_state_confirming_reads():
    assert propose("Confirm the appointment", WRITABLE, WRITABLE_INDEX, TARGET).binding.operation == "appointments.read"


@pytest.mark.parametrize("goal", ["Add a note to an appointment", "Leave a note on the caller's appointment"])
def test_what_is_added_to_a_record_with_a_column_for_it_changes_that_column(goal: str):
    proposal = written(goal)
    assert proposal.binding.operation == "appointments.update"
    assert set(inputs(proposal)) == {"id", "note"}


def test_what_is_added_to_a_record_has_a_table_of_its_own_where_there_is_one():
    key = Field(name="id", type="integer", native_type="integer", primary_key=True, generated=True, updatable=False)
    text = Field(name="text", type="string", native_type="text", insertable=True)
    visit = Field(name="appointment_id", type="integer", native_type="integer", insertable=True)
    notes = Object(
        name="notes",
        slug="notes",
        kind="table",
        insertable=True,
        fields=(key, visit, text),
        keys=(Key("pk", ("id",), primary=True),),
    )
    view = writable_clinic(beside=[notes])
    assert propose("Add a note to an appointment", view, build_index(view), TARGET).binding.operation == "notes.insert"


def test_what_cannot_be_read_back_is_added_all_the_same():
    objects = {
        "notes": Object(
            name="notes",
            slug="notes",
            kind="table",
            insertable=True,
            fields=(Field(name="text", type="string", native_type="text", insertable=True),),
        )
    }
    view = View(Graph("mysql", "shop", objects, RecordOperations(objects)))
    target = Target(connection_id="con_1", kind="mysql")
    binding = propose("Add a note with a text", view, build_index(view), target).binding
    assert (binding.operation, binding.projection) == ("notes.insert", [])


BLOCKED = {"customers": ("ssn", "name"), "appointments": ("note",), "open_appointments": ("note",)}


def test_blocking_takes_away_what_could_be_proposed():
    view = clinic(blocked_tables=("staff",), blocked_columns=BLOCKED)
    index = build_index(view)
    for goal in (
        "Look up a customer by phone and return their ssn and name",
        "List all staff",
        "Note of an appointment by phone",
    ):
        try:
            proposal = propose(goal, view, index, TARGET)
        except NoValidBinding as refusal:
            told = str((refusal.extensions, refusal.errors, refusal.hint))
            assert "staff." not in told
            continue
        paths = {".".join(map(str, rule.path)) for rule in proposal.binding.projection}
        assert proposal.binding.operation != "staff.read"
        assert not any(path.endswith(("ssn", "note")) or path in ("name", "customer.name") for path in paths)


def test_without_a_country_what_needs_one_is_not_proposed():
    target = Target(connection_id="con_1", kind="postgres")
    with pytest.raises(NoValidBinding) as refused:
        propose("Look up a customer by phone and say the name", VIEW, INDEX, target)
    assert "no country is set" in refused.value.detail
    assert "defaultCountry" in (refused.value.hint or "")


GOAL = read_goal("Look up a customer by phone and return their name")


class TestChoosing:
    def offered(self):
        return offers(GOAL, rank(GOAL, VIEW, INDEX))

    def test_a_choice_is_followed_inside_what_is_offered(self):
        offered = self.offered()
        at = next(number for number, one in enumerate(offered, 1) if one.operation == "appointments.read")
        offer = offered[at - 1]
        arguments, paths = offer.arguments.index("phone") + 1, offer.fields.index(("starts_at",)) + 1
        choice = read_choice(f'{{"candidate": {at}, "arguments": [{arguments}], "fields": [{paths}]}}', offered)
        assert choice is not None
        proposal = propose_from(GOAL, rank(GOAL, VIEW, INDEX), VIEW, TARGET, choice=choice)
        assert proposal.binding.operation == "appointments.read"
        assert fields(proposal) == {"starts_at"}
        assert "phone" in inputs(proposal)

    @pytest.mark.parametrize(
        "answer",
        [
            "",
            "I would take the first one.",
            "null",
            "[]",
            '{"candidate": 1}',
            '{"candidate": 99, "arguments": [], "fields": [1]}',
            '{"candidate": 0, "arguments": [], "fields": [1]}',
            '{"candidate": 1, "arguments": [], "fields": []}',
            '{"candidate": 1, "arguments": [], "fields": [999]}',
            '{"candidate": 1, "arguments": ["phone"], "fields": ["ssn"]}',
            '{"candidate": "customers.read", "arguments": [], "fields": [1]}',
            '{"candidate": 1, "arguments": [], "fields": [1], "sql": "DROP TABLE customers"}',
            '{"candidate": 1, "arguments": [], "fields": [1]} and more',
            '{"candidate": 1.5, "arguments": [], "fields": [1]}',
            "[" * 3_000,
            "x" * 100_000,
            "\ud800",
        ],
    )
    def test_anything_else_is_no_choice(self, answer: str):
        assert read_choice(answer, self.offered()) is None

    def test_what_is_asked_shows_only_what_is_in_view(self):
        view = clinic(blocked_columns={"customers": ("ssn",)}, blocked_tables=("staff",))
        asked = question(GOAL, offers(GOAL, rank(GOAL, view, build_index(view))))
        assert "ssn" not in asked
        assert "staff." not in asked
        assert "card_number" not in asked

    def test_a_choice_that_does_not_compile_counts_for_nothing(self):
        offered = self.offered()
        at = next(number for number, one in enumerate(offered, 1) if one.operation == "appointments.read")
        note = offered[at - 1].arguments.index("note") + 1  # which no index serves
        choice = read_choice(f'{{"candidate": {at}, "arguments": [{note}], "fields": [1]}}', offered)
        assert choice is not None
        proposal = propose_from(GOAL, rank(GOAL, VIEW, INDEX), VIEW, TARGET, choice=choice)
        assert proposal.binding.operation == "customers.read"

    def test_a_choice_of_no_arguments_does_not_turn_a_look_up_into_a_list(self):
        choice = read_choice('{"candidate": 1, "arguments": [], "fields": [1]}', self.offered())
        proposal = propose_from(GOAL, rank(GOAL, VIEW, INDEX), VIEW, TARGET, choice=choice)
        assert "phone" in inputs(proposal)
