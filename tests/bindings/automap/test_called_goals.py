"""Goals over REST and GraphQL systems: payloads, unions, bulk writes, filters in input objects, and what is confirmed by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from patchbay.bindings.automap.proposing import Proposal, propose
from patchbay.bindings.check import Target
from patchbay.bindings.model import Succeeds
from patchbay.connectors.graphql.task import graph_of
from patchbay.connectors.rest.task import DocumentSettings, read_graph
from patchbay.schema_graph.scoping import View
from patchbay.schema_graph.search import SearchIndex, build_index

GYM = """
type Query {
  booking(id: ID!): Booking
  bookings(where: BookingWhere, first: Int, after: String): [Booking!]!
  lockers(where: LockerWhere): [Locker!]!
}
type Mutation {
  confirmBooking(id: ID!): ConfirmBookingPayload
  bulkCancelBookings(ids: [ID!]!): BulkPayload
  cancelBooking(id: ID!, reason: String): CancelBookingPayload
  updateLocker(id: ID!, input: LockerInput!): UpdateLockerPayload
  moveBooking(id: ID!, input: MoveInput!): MoveBookingResultOrError
}
input BookingWhere { member: MemberWhere startsAt: TimeOp }
input MemberWhere { phone: StringOp }
input StringOp { _eq: String }
input TimeOp { _gte: String }
input LockerWhere { heated: BoolOp }
input BoolOp { _eq: Boolean }
input LockerInput { outOfOrder: Boolean label: String }
input MoveInput { startsAt: String! }
type Member { id: ID! name: String! phone: String }
type Booking { id: ID! startsAt: String! status: String! member: Member! }
type Locker { id: ID! label: String! heated: Boolean! outOfOrder: Boolean! }
type Problem { field: String message: String! }
type ConfirmBookingPayload { booking: Booking problems: [Problem!]! }
type CancelBookingPayload { member: Member booking: Booking problems: [Problem!]! }
type BulkPayload { count: Int! }
type UpdateLockerPayload { locker: Locker }
type MoveBookingSuccess { booking: Booking }
type MoveBookingFailure { message: String! }
union MoveBookingResultOrError = MoveBookingFailure | MoveBookingSuccess
"""
BOOKING = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "startsAt": {"type": "string"}, "status": {"type": "string"}},
}


def _answer(schema: dict[str, Any]) -> dict[str, Any]:
    return {"200": {"description": "ok", "content": {"application/json": {"schema": schema}}}}


REST = {
    "openapi": "3.0.0",
    "info": {"title": "Bookings", "version": "1"},
    "paths": {
        "/bookings/{bookingId}": {
            "parameters": [{"name": "bookingId", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {"operationId": "getBooking", "responses": _answer(BOOKING)},
        },
        "/bookings/{bookingId}/confirm": {
            "parameters": [{"name": "bookingId", "in": "path", "required": True, "schema": {"type": "string"}}],
            "post": {"operationId": "confirmBooking", "responses": _answer(BOOKING)},
        },
    },
}
System = tuple[View, SearchIndex]


@pytest.fixture(scope="module")
def gym() -> System:
    view = View(graph_of(GYM.encode()))
    return view, build_index(view)


@pytest.fixture(scope="module")
def rest() -> System:
    view = View(read_graph({"bookings.json": json.dumps(REST).encode()}, DocumentSettings()).graph)
    return view, build_index(view)


def proposed(system: System, goal: str) -> Proposal:
    view, index = system
    return propose(goal, view, index, Target(connection_id="con_1", kind=view.kind, default_country="CA"))


def inputs(proposal: Proposal) -> dict[str, Any]:
    return {one.arg: one.value if one.source == "constant" else one.source for one in proposal.binding.inputs}


def fields(proposal: Proposal) -> list[str]:
    return [".".join(map(str, one.path)) for one in proposal.binding.projection]


CONFIRMS = ["Confirm the booking", "Confirm the caller's booking", "Let callers confirm their booking"]
TELLS = ["Confirm when the booking is", "Confirm the status of a booking", "Confirm that the booking is open"]


@pytest.mark.parametrize("goal", CONFIRMS)
def test_a_rest_operation_of_that_name_confirms(rest: System, goal: str):
    proposal = proposed(rest, goal)
    assert (proposal.binding.operation, inputs(proposal)) == ("confirmBooking", {"bookingId": "model"})
    assert proposal.checked.plan.effect == "write"


@pytest.mark.parametrize("goal", TELLS)
def test_a_rest_record_is_only_told(rest: System, goal: str):
    assert proposed(rest, goal).binding.operation == "getBooking"


@pytest.mark.parametrize("goal", CONFIRMS)
def test_a_mutation_of_that_name_confirms(gym: System, goal: str):
    proposal = proposed(gym, goal)
    assert (proposal.binding.operation, inputs(proposal)) == ("mutation.confirmBooking", {"id": "model"})
    assert "booking.id" in fields(proposal)


@pytest.mark.parametrize("goal", TELLS)
def test_a_record_of_a_query_is_only_told(gym: System, goal: str):
    assert proposed(gym, goal).binding.operation in ("query.booking", "query.bookings")


def test_one_record_is_not_written_in_bulk_and_its_payload_is_read_as_the_record(gym: System):
    proposal = proposed(gym, "Cancel a booking")
    assert proposal.binding.operation == "mutation.cancelBooking"
    told = fields(proposal)
    assert {"booking.id", "booking.status"} <= set(told)
    assert told.index("booking.id") == 0


def test_a_union_is_read_as_what_went_right(gym: System):
    proposal = proposed(gym, "Move a booking to another time")
    assert proposal.binding.operation == "mutation.moveBooking"
    assert set(inputs(proposal)) == {"id", "input.startsAt"}
    assert "MoveBookingSuccess.booking.startsAt" in fields(proposal)
    assert proposal.binding.succeeds == Succeeds(path=["__typename"], equals="MoveBookingSuccess")


def test_a_filter_deep_in_an_input_object(gym: System):
    proposal = proposed(gym, "Which bookings does the member with this phone number have?")
    assert proposal.binding.operation == "query.bookings"
    assert inputs(proposal) == {"where.member.phone._eq": "model"}


def test_a_kind_of_records_that_a_yes_or_no_tells(gym: System):
    proposal = proposed(gym, "Heated lockers")
    assert (proposal.binding.operation, inputs(proposal)) == ("query.lockers", {"where.heated._eq": True})


def test_what_a_record_is_marked_as(gym: System):
    proposal = proposed(gym, "Mark a locker as out of order")
    assert (proposal.binding.operation, inputs(proposal)) == ("mutation.updateLocker", {"id": "model", "input.outOfOrder": True})
