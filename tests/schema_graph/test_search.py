"""Search: ranked, over what is in view only, with the way to each hit."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from patchbay.schema_graph.badges import field_badges, is_core_by_name, is_core_by_use, looks_like_phone
from patchbay.schema_graph.compounds import parts_of_all
from patchbay.schema_graph.model import Edge, Field, Graph, Object, Operation
from patchbay.schema_graph.operations import RecordOperations
from patchbay.schema_graph.scoping import Scoping, View
from patchbay.schema_graph.search import build_index
from patchbay.schema_graph.stems import stems
from tests.schema_graph.clinic import clinic
from tests.schema_graph.graphs import COLUMNS, NAMES, graphs, scopings


def first(q: str, view: View | None = None) -> tuple[str, str | None]:
    hit = build_index(view or View(clinic())).search(q, 5)[0]
    return hit.object, hit.field


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("customer phone", ("customers", "phone")),
        ("mobile number of the client", ("customers", "phone")),
        ("when does the appointment start", ("appointments", "starts_at")),
        ("happy", ("staff", "mood")),
        ("employees", ("staff", None)),
        ("people who come", ("customers", None)),
    ],
)
def test_the_best_hit(q: str, expected: tuple[str, str | None]) -> None:
    assert first(q) == expected


def test_a_hit_says_how_to_reach_it() -> None:
    view = View(clinic())
    hit = build_index(view).search("appointment customer", 10)
    field = next(h for h in hit if h.field == "customer_id")
    assert (field.object, field.operation, field.path) == ("appointments", "appointments.read", ["appointment", "customer_id"])
    assert (field.type, field.relationship_target) == ("integer", "customers")
    phone = build_index(view).search("phone", 1)[0]
    assert phone.badges == ("pii",)


def table(name: str, *fields: str) -> Object:
    made = tuple(Field(name=field, type="string", native_type="text") for field in fields)
    return Object(name=name, slug=name, kind="table", native_schema="public", native_name=name, fields=made)


def test_a_name_written_as_one_word_answers_to_its_words() -> None:
    objects = {o.name: o for o in (table("vendor", "vendorid", "creditrating", "harvestforecast"), table("harvest", "forecast"))}
    view = View(Graph("postgres", "public", objects, RecordOperations(objects)))
    assert first("rating of the credit", view) == ("vendor", "creditrating")
    assert first("vendor's forecast of the harvest", view) == ("vendor", "harvestforecast")
    assert first("creditrating", view) == ("vendor", "creditrating")


def test_a_query_written_as_one_word_finds_separate_ones() -> None:
    objects = {o.name: o for o in (table("vendor", "id", "credit_rating"), table("rating", "id"))}
    view = View(Graph("postgres", "public", objects, RecordOperations(objects)))
    assert first("creditrating", view) == ("vendor", "credit_rating")


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("emailaddress", ("email", "address")),
        ("emailaddressid", ("email", "address", "id")),
        ("customerphonenumber", ("customer", "phone", "number")),
        ("harvestyear", ("harvest", "year")),
        ("person", None),
        ("carpeting", None),
        ("statement", None),
        ("xharvest", None),
    ],
)
def test_compounds(word: str, parts: tuple[str, ...] | None) -> None:
    assert parts_of_all([word, "harvest", "year", "pet", "ing", "per", "son"]).get(word) == parts


def test_building_pauses_where_it_is_asked_to() -> None:
    pauses: list[None] = []
    view = View(clinic())
    assert build_index(view, lambda: pauses.append(None)).search("phone") == build_index(view).search("phone")
    assert len(pauses) >= len(view.object_names())


def test_no_word_known_no_hit() -> None:
    index = build_index(View(clinic()))
    assert index.search("zyxw", 5) == []
    assert index.search("", 5) == []
    assert index.search("  ?! ", 5) == []
    assert len(index.search("customer", 2)) == 2


@given(graphs(), scopings(), st.sampled_from([*NAMES, *COLUMNS, "number title", "person"]))
@settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
def test_only_what_is_in_view_is_found(graph: Graph, scoping: Scoping, q: str) -> None:
    view = View(graph, scoping)
    hits = build_index(view).search(q, 100)
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    for hit in hits:
        obj = view.object(hit.object)
        assert obj is not None
        assert obj.name == hit.object
        assert hit.field is None or obj.field(hit.field) is not None
        assert hit.relationship_target is None or hit.relationship_target in view.object_names()


@pytest.mark.parametrize(
    ("one", "other"), [("payments", "payment"), ("cancelled", "cancel"), ("scheduling", "schedule"), ("qty", "quantity")]
)
def test_words_meet_at_their_stem(one: str, other: str) -> None:
    assert stems(one) == stems(other)


@pytest.mark.parametrize(
    ("name", "kind", "badges"),
    [
        ("email", "string", ("pii",)), ("CustomerPhoneNo", "string", ("pii",)), ("first_name", "string", ("pii",)),
        ("birth_date", "date", ("pii",)),
        ("card_number", "string", ("payment_card",)), ("cvv", "string", ("payment_card",)), ("email_sent", "boolean", ()),
        ("address_id", "integer", ()), ("total", "decimal", ()), ("product_name", "string", ()), ("company", "string", ()),
    ],
)  # fmt: skip
def test_field_badges(name: str, kind, badges: tuple[str, ...]) -> None:
    assert field_badges(name, kind) == badges


def test_a_comment_can_give_a_badge_too() -> None:
    assert field_badges("e", "string", "contact e-mail") == ("pii",)
    assert field_badges("e", "string", "the weather") == ()
    assert looks_like_phone("tel_no", "string")
    assert looks_like_phone("c7", "string", "Mobile number of the guardian")
    assert not looks_like_phone("phone_type", "string")
    assert not looks_like_phone("phone", "integer")


def test_core_objects() -> None:
    assert is_core_by_name("customers")
    assert is_core_by_name("work_order")
    assert not is_core_by_name("hub")
    assert is_core_by_use(6, 5)
    assert not is_core_by_name("log_lines")
    assert not is_core_by_use(0, 5)


class TestCalledOperations:
    """Search over a graph of called operations and embedded data."""

    @staticmethod
    def view(**scoping: object) -> View:
        def obj(name: str, *fields: str, holds: tuple[tuple[str, str], ...] = ()) -> Object:
            edges = tuple(Edge(field, target, "many_to_one", ((field, ""),), embedded=True) for field, target in holds)
            every = tuple(Field(name=field, type="string", native_type="string") for field in fields)
            held = tuple(Field(name=field, type="object", native_type=target) for field, target in holds)
            return Object(name=name, slug=name, kind="type", fields=every + held, edges=edges)

        def call(name: str, returns: str, method: str, path: str) -> Operation:
            effect = "read" if method == "GET" else "write"
            return Operation(name, name, returns, effect, "call", invoke={"method": method, "path": path})

        objects = {
            o.name: o
            for o in (
                obj("Booking", "start_at", holds=(("place", "Location"),)),
                obj("Location", "city"),
                obj("CityReport", "city"),
                obj("BookingResponse", "errors", holds=(("booking", "Booking"),)),
            )
        }
        operations = {
            o.name: o
            for o in (
                call("RetrieveBooking", "Booking", "GET", "/bookings/{id}"),
                call("CancelBooking", "Booking", "POST", "/bookings/{id}/cancel"),
            )
        }
        return View(Graph("rest", None, objects, operations), Scoping.from_json(scoping))

    def test_what_is_to_be_done_finds_the_operation(self) -> None:
        hit = build_index(self.view()).search("cancel my appointment", 5)[0]
        assert (hit.kind, hit.operation, hit.object, hit.path) == ("operation", "CancelBooking", "Booking", [])

    def test_what_a_read_reaches_comes_first_with_the_way_to_it(self) -> None:
        hits = build_index(self.view()).search("city", 5)
        assert (hits[0].object, hits[0].field) == ("Location", "city")
        assert (hits[0].operation, hits[0].path) == ("RetrieveBooking", ["Booking", "place", "city"])
        report = next(hit for hit in hits if hit.object == "CityReport" and hit.field == "city")
        assert report.operation is None

    def test_a_record_comes_before_what_wraps_it(self) -> None:
        hits = build_index(self.view()).search("booking", 20)
        objects = [hit.object for hit in hits if hit.kind == "object"]
        assert objects.index("Booking") < objects.index("BookingResponse")

    def test_nothing_blocked_is_found(self) -> None:
        hits = build_index(self.view(blockedTables=["Location"])).search("city of the booking's place", 20)
        assert all(hit.object != "Location" and hit.field != "place" for hit in hits)
        gone = build_index(self.view(blockedTables=["Booking"])).search("cancel booking", 20)
        assert all(hit.kind != "operation" for hit in gone)
