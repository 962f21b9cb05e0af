"""Names: spelling, splitting, singulars, path roots and slugs."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.schema_graph.naming import (
    object_name,
    path_roots,
    singular,
    singular_word,
    slug,
    spelled_words,
    spellings,
    split_name,
    split_words,
    unique_slugs,
    without_id,
)

identifiers = st.text(alphabet='abA9_ ."é-', min_size=1, max_size=12).filter(lambda t: t.strip() == t)


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("customers", "customer"), ("OrderItems", "OrderItem"), ("addresses", "address"), ("categories", "category"),
        ("people", "person"), ("PEOPLE", "PERSON"), ("statuses", "status"), ("boxes", "box"), ("purchases", "purchase"),
        ("sales_tax_rates", "sales_tax_rate"), ("photos", "photo"), ("Invoice", "Invoice"), ("address", "address"),
        ("status", "status"), ("news", "news"), ("bus", "bus"), ("analysis", "analysis"), ("invoices_2020", "invoices_2020"),
    ],
)  # fmt: skip
def test_singular(plural: str, one: str) -> None:
    assert singular(plural) == one


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("customerPhoneNo_2", ("customer", "phone", "no", "2")),
        ("HTTPServerURL", ("http", "server", "url")),
        ("Weird Table", ("weird", "table")),
        ("größe_mm", ("größe", "mm")),
    ],
)
def test_words(name: str, words: tuple[str, ...]) -> None:
    assert split_words(name) == words


@pytest.mark.parametrize("word", ["email", "address", "birth", "policy", "person", "status", "e", "zip", "series"])
@given(st.sampled_from(["", "s", "es", "ies"]), st.booleans(), st.sampled_from([str.lower, str.upper, str.capitalize]))
def test_words_are_found_as_they_stand_where_their_singulars_are(
    word: str, ending: str, short: bool, spelled: Callable[[str], str]
) -> None:
    name = spelled((word[:-1] if short else word) + ending)
    found = [singular_word(one.lower()) for one in spelled_words(name)]
    assert (not spellings([word]).isdisjoint(spelled_words(name))) == (word in found)


def test_a_name_outside_the_default_schema_carries_it_and_dots_are_quoted() -> None:
    assert object_name("public", "orders", "public") == "orders"
    assert object_name("sales", "orders", "public") == "sales.orders"
    assert object_name("sales", "a.b", "public") == 'sales."a.b"'
    assert object_name("public", "Weird Table", "public") == "Weird Table"


@given(identifiers, identifiers)
def test_a_name_can_be_taken_apart_again(schema: str, name: str) -> None:
    assert split_name(object_name(schema, name, None)) == (schema, name)
    assert split_name(object_name(None, name, None)) == (name,)


@pytest.mark.parametrize(
    ("field", "edge"),
    [
        ("customer_id", "customer"),
        ("CustomerId", "Customer"),
        ("customerID", "customer"),
        ("id", None),
        ("billing", None),
        ("paid", None),
    ],
)
def test_edge_name_of_a_field(field: str, edge: str | None) -> None:
    assert without_id(field) == edge


def test_path_roots_are_singular_only_while_unique() -> None:
    names = [
        ("customers", "customers"),
        ("customer", "customer"),
        ("orders", "orders"),
        ("a.visits", "visits"),
        ("b.visits", "visits"),
    ]
    assert path_roots(names) == {
        "customers": "customers",
        "customer": "customer",
        "orders": "order",
        "a.visits": "visits",
        "b.visits": "visits",
    }


@given(st.lists(st.text(min_size=1, max_size=90), unique=True, max_size=20), st.randoms())
def test_slugs_are_unique_valid_and_independent_of_order(names: list[str], random) -> None:
    slugs = unique_slugs(names)
    assert set(slugs) == set(names)
    assert len(set(slugs.values())) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,57}", s) for s in slugs.values())
    shuffled = list(names)
    random.shuffle(shuffled)
    assert unique_slugs(shuffled) == slugs


def test_a_plain_name_is_its_own_slug() -> None:
    assert slug("customers.read") == "customers_read"
    assert unique_slugs(["a b", "a_b"])["a_b"] == "a_b"
