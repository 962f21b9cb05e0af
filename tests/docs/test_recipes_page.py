"""docs/recipes.md names every recipe, its parts, their parameters and leaves, what is asked for, and the settings."""

from __future__ import annotations

import re

import msgspec
import pytest

from patchbay.agent_runtime.recipes.known import RECIPES
from patchbay.agent_runtime.recipes.recipe import PartNeeded
from tests.docs.conftest import ROOT

PAGE = (ROOT / "docs/recipes.md").read_text()
ROWS = {
    match[1]: [set(re.findall(r"`(\w+)`", cell)) for cell in match[0].split("|")[2:-1]]
    for match in re.finditer(r"^\| `(\w+)` \|.*\|$", PAGE, re.MULTILINE)
    if match[0].count("|") == 7
}
OWN = {name: recipe for name, recipe in RECIPES.items() if f"| `{name}` | `" in PAGE}


def test_every_recipe_is_on_the_page() -> None:
    assert set(OWN) == set(RECIPES)


@pytest.mark.parametrize("name", sorted(OWN))
def test_parts_are_as_the_page_says(name: str) -> None:
    for part, needed in OWN[name].parts.items():
        assert isinstance(needed, PartNeeded)
        _, takes, may_take, returns, _ = ROWS[part]
        assert (takes, may_take, returns) == (set(needed.arguments), set(needed.offered), set(needed.leaves))
        assert f"| `{part}` | {needed.effect} |" in PAGE or f"| `{part}` | either |" in PAGE


@pytest.mark.parametrize("name", sorted(OWN))
def test_settings_are_on_the_page(name: str) -> None:
    names = [field.encode_name for field in msgspec.structs.fields(OWN[name].settings)]
    assert [one for one in names if f"`{one}`" not in PAGE and f"`{one}: " not in PAGE] == []
