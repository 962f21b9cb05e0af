"""Values inside a search language: whatever an agent says is one value there, and no part of the language."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from patchbay.schema_graph.arguments import ArgumentsInvalid, prepare_inputs
from patchbay.schema_graph.call import CallContext, CallInput, Caps, FrozenCall, HttpCall, RequestSlot
from patchbay.schema_graph.requests import prepare_request
from patchbay.schema_graph.said_times import Unfit
from patchbay.schema_graph.transform import Affix
from patchbay.schema_graph.transforming import refused_in, to_agent, to_system
from tests.servers.providers.search_language import Term, terms_of

NAME = Affix('name:"', '"')
EMAIL = Affix("email:'", "'", "*")
GID = Affix("gid://shop/Order/")
QUOTED = st.builds(
    lambda name, mark, without: Affix(f"{name}:{mark}", mark, without),
    st.sampled_from(["name", "email", "tag"]),
    st.sampled_from(['"', "'"]),
    st.text("*:()#", max_size=3),
)
SAID = st.text(max_size=30) | st.text("\"'\\ :()*ORAND-a1\n＂＇＼", max_size=15)


def written(affix: Affix, said: str) -> str | None:
    try:
        return to_system(affix)(said, "UTC")
    except Unfit:
        return None


@given(QUOTED, SAID)
@example(NAME, '1001" OR status:any OR name:"1')
@example(NAME, "1001\\")
@example(NAME, "1001＂ OR status:any OR name:＂")
@example(EMAIL, "x' OR email:'*")
@example(EMAIL, "a*")
def test_what_is_said_is_one_value_of_one_term(affix: Affix, said: str) -> None:
    text = written(affix, said)
    if text is None:
        return
    field = affix.before.partition(":")[0]
    assert terms_of(text) == [Term(field, said)]
    folded = terms_of(unicodedata.normalize("NFKC", text))
    assert [term.field for term in folded] == [field]


@given(QUOTED, QUOTED, SAID, SAID)
def test_two_parts_of_one_search_are_two_terms(one: Affix, other: Affix, first: str, second: str) -> None:
    inputs = [
        CallInput("a", "query", "string", "string", transform=one),
        CallInput("b", "query", "string", "string", transform=other),
    ]
    slot = RequestSlot("query", "query", "string", "string", param="a", parts=("b",))
    call = FrozenCall(
        format_version=1,
        connection_id="con_1",
        kind="rest",
        operation="search",
        effect="read",
        body=HttpCall("GET", "/search", (slot,)),
        inputs=tuple(inputs),
        outputs=(),
        touches=(),
        caps=Caps(),
        slice=(),
        slice_fingerprint="f",
    )
    try:
        values = prepare_inputs(call)(CallContext(arguments={"a": first, "b": second}))
    except ArgumentsInvalid:
        return
    (query,) = prepare_request(call)(values, datetime.now(UTC))
    told = [(affix, said) for affix, said in ((one, first), (other, second)) if said.strip()]
    assert query == (" ".join(f"{affix.before}{said}{affix.after}" for affix, said in told) or None)
    assert terms_of(query or "") == [Term(affix.before.partition(":")[0], said) for affix, said in told]


@given(st.text(max_size=30))
def test_a_bare_value_has_no_character_of_any_language(said: str) -> None:
    text = written(GID, said)
    if text is not None:
        assert all(character.isascii() and (character.isalnum() or character in "_-.@+") for character in said)
        assert to_agent(GID, UTC)(text) == said


@given(QUOTED, SAID)
def test_it_comes_back_or_is_not_of_the_form(affix: Affix, said: str) -> None:
    text = written(affix, said)
    if text is not None:
        assert to_agent(affix, UTC)(text) == said
    elif said:
        with pytest.raises(Unfit):
            to_agent(affix, UTC)(f"{affix.before}{said}{affix.after}")


@pytest.mark.parametrize("said", ["", "gid://shop/Order/", "12", "gid://shop/Order/1/2", "gid://shop/Orders/1"])
def test_what_is_not_of_the_form_is_not_told(said: str) -> None:
    with pytest.raises(Unfit):
        to_agent(GID, UTC)(said)


def test_it_says_what_may_not_be_in_it() -> None:
    with pytest.raises(Unfit, match="without ' "):
        to_system(EMAIL)("it's", "UTC")
    with pytest.raises(Unfit, match="only letters, digits"):
        to_system(GID)("1/2", "UTC")


def test_the_first_character_that_is_refused_is_told() -> None:
    assert refused_in("Jo O'Neil ü 漢", NAME) is None
    assert refused_in('a"b', NAME) == '"'
    assert refused_in("a\u2028b", NAME) == "\u2028"
    assert refused_in("a b", GID) == " "
