"""Search: ranked, over what is in view only, with the way to each hit."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from patchbay.schema_graph.badges import field_badges, looks_like_phone, object_badges
from patchbay.schema_graph.model import Graph
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
    assert object_badges("customers", 0, 5) == ("core",)
    assert object_badges("work_order", 0, 5) == ("core",)
    assert object_badges("hub", 6, 5) == ("core",)
    assert object_badges("log_lines", 0, 5) == ()
