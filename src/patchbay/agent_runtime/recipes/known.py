"""The closed set of recipes, by name. Adding one is adding reviewed code."""

from __future__ import annotations

from collections.abc import Mapping

from patchbay.agent_runtime.recipes.append_row import AppendRow
from patchbay.agent_runtime.recipes.availability import Availability
from patchbay.agent_runtime.recipes.book import Book
from patchbay.agent_runtime.recipes.cancel import Cancel
from patchbay.agent_runtime.recipes.find_then import FindThen, FindThenWrite
from patchbay.agent_runtime.recipes.lookup_row import LookupRow
from patchbay.agent_runtime.recipes.recipe import AnyRecipe
from patchbay.agent_runtime.recipes.reschedule import Reschedule

_ALL: tuple[AnyRecipe, ...] = (
    Availability(), Book(), Reschedule(), Cancel(), AppendRow(), LookupRow(), FindThen(), FindThenWrite(),
)  # fmt: skip
RECIPES: Mapping[str, AnyRecipe] = {recipe.name: recipe for recipe in _ALL}
