"""The closed set of recipes, by name. Adding one is adding reviewed code."""

from __future__ import annotations

from collections.abc import Mapping

from patchbay.agent_runtime.recipes.find_then import FindThen, FindThenWrite
from patchbay.agent_runtime.recipes.recipe import AnyRecipe

RECIPES: Mapping[str, AnyRecipe] = {recipe.name: recipe for recipe in (FindThen(), FindThenWrite())}
