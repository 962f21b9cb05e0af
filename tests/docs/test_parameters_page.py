"""docs/parameters.md lists the registry, and what it says of normalization is what is done."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from patchbay.bindings.parameters import BY_NAME, PARAMETERS, is_tidied, meaning_of
from patchbay.schema_graph.arguments import validate_arguments
from patchbay.schema_graph.call import CallContext
from tests.bindings.clinic import bind, project

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "parameters.md").read_text()


def test_the_page_lists_every_parameter_as_the_registry_has_it() -> None:
    rows = [tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in PAGE.splitlines() if re.match(r"\| `", line)]
    assert rows == [(f"`{p.name}`", p.type, p.means, p.normal, p.description, ", ".join(p.words)) for p in PARAMETERS]


@pytest.mark.parametrize("one", PARAMETERS, ids=lambda one: one.name)
def test_its_words_mean_it(one: object) -> None:
    parameter = BY_NAME[getattr(one, "name", "")]
    assert meaning_of(parameter.name) == parameter
    for words in parameter.words:
        found = meaning_of(words.replace(" ", "_"))
        assert found == parameter, words


@pytest.mark.parametrize(
    ("param", "said", "sent"),
    [
        ("caller_name", "  Ada   Byron ", "Ada Byron"),
        ("order_number", " #10  01 ", "#10 01"),
        ("postcode", "k1a  0b1", "k1a 0b1"),
        ("something_else", "a  b", "a  b"),
    ],
)
def test_only_white_space_is_changed(param: str, said: str, sent: str) -> None:
    made = bind(
        operation="products.read",
        inputs=[{"param": param, "arg": "name", "required": True}],
        projection=project("name"),
    )
    assert is_tidied(param) == (param in BY_NAME)
    assert validate_arguments(made.plan.inputs, CallContext(arguments={param: said})) == {param: sent}
