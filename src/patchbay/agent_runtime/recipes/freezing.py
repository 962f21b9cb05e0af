"""From a recipe's name, its settings and its proven parts to one frozen call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from patchbay.agent_runtime.recipes.known import RECIPES
from patchbay.agent_runtime.recipes.recipe import AnyRecipe, RecipeInvalid, RecipeSettings
from patchbay.errors import Finding
from patchbay.nearest import did_you_mean
from patchbay.schema_graph.call import (
    FORMAT_VERSION,
    RECIPE,
    CallInput,
    Caps,
    FrozenCall,
    RecipeCall,
    SliceItem,
    Touch,
    VerificationLevel,
)
from patchbay.schema_graph.canonical import canonical_json, sha256_hex

_DEADLINE_MS = 12_000


def known_recipe(name: str, recipes: Mapping[str, AnyRecipe] = RECIPES) -> AnyRecipe:
    """The recipe of a name. Raises :class:`RecipeInvalid`."""
    found = recipes.get(name)
    if found is None:
        raise RecipeInvalid(f"There is no recipe {name[:64]!r} (recipe_invalid).", hint=did_you_mean(name[:64], recipes))
    return found


def freeze_recipe(
    name: str,
    settings: Mapping[str, Any],
    parts: Mapping[str, FrozenCall],
    *,
    verification: VerificationLevel = "none",
    recipes: Mapping[str, AnyRecipe] = RECIPES,
) -> FrozenCall:
    """The call that runs ``parts`` as the recipe ``name`` composes them. Raises :class:`RecipeInvalid` with every finding."""
    recipe = known_recipe(name, recipes)
    findings = list(_of_parts(recipe, parts))
    read = read_settings(recipe, settings, findings)
    if findings or read is None:
        raise RecipeInvalid(f"The recipe {name} cannot be made of this (recipe_invalid).", errors=findings)
    calls = tuple(parts.values())
    (connection_id,) = {call.connection_id for call in calls}
    asked = recipe.inputs(read, parts)
    return FrozenCall(
        format_version=FORMAT_VERSION,
        connection_id=connection_id,
        kind=RECIPE,
        operation=name,
        effect=recipe.effect,
        body=RecipeCall(recipe=name, parts=dict(parts), settings=msgspec.to_builtins(read)),
        inputs=(*asked, *_facts(calls, {one.param for one in asked})),
        outputs=recipe.outputs(read, parts),
        touches=_touches(calls),
        caps=Caps(rows=max(call.caps.rows for call in calls), deadline_ms=_DEADLINE_MS),
        slice=_slice(calls),
        slice_fingerprint=sha256_hex(canonical_json({part: call.slice_fingerprint for part, call in parts.items()})),
        verification=verification,
        guarantee=_guarantee(recipe, calls),
    )


def read_settings(recipe: AnyRecipe, settings: Mapping[str, Any], findings: list[Finding]) -> RecipeSettings | None:
    """The settings as the recipe's own type, or None with what is wrong in ``findings`` (fields start with ``settings``)."""
    try:
        return msgspec.convert(dict(settings), recipe.settings)
    except msgspec.ValidationError as invalid:
        message, _, place = str(invalid).partition(" - at `$")
        findings.append(Finding(f"settings{place.rstrip('`')}", "setting_invalid", f"{message}."))
        return None


def _of_parts(recipe: AnyRecipe, parts: Mapping[str, FrozenCall]) -> Iterable[Finding]:
    for name in parts.keys() - recipe.parts.keys():
        hint = did_you_mean(name, recipe.parts)
        yield Finding(f"parts.{name}", "part_unknown", f"The recipe {recipe.name} has no part {name!r}.", hint)
    for name, needed in recipe.parts.items():
        call = parts.get(name)
        if call is None:
            if not needed.optional:
                yield Finding(f"parts.{name}", "part_missing", f"The recipe {recipe.name} needs the part {name!r}.")
            continue
        taken = {one.param: one for one in call.inputs if one.source == "model"}
        if call.effect != needed.effect:
            yield Finding(f"parts.{name}", "part_invalid", f"This part has to be a {needed.effect}.")
        for param in needed.arguments:
            if param not in taken:
                yield Finding(f"parts.{name}.inputs", "part_invalid", f"This part has to take {param!r}.")
        for param, one in taken.items():
            if one.required and not needed.asks and param not in (*needed.arguments, *needed.offered):
                yield Finding(f"parts.{name}.inputs", "part_invalid", f"Nothing gives this part {param!r}.")
        for leaf in set(needed.leaves) - {output.leaf for output in call.outputs}:
            yield Finding(f"parts.{name}.projection", "part_invalid", f"This part has to return {leaf!r}.")
    if len({call.connection_id for call in parts.values()}) != 1:
        yield Finding("parts", "part_invalid", "All parts have to be on one connection.")


def _facts(calls: Iterable[FrozenCall], taken: set[str]) -> tuple[CallInput, ...]:
    """What the parts take from the session or from a verification: the whole takes it too, so that every gate sees it."""
    found: dict[str, CallInput] = {}
    for call in calls:
        for one in call.inputs:
            if one.source in ("session", "verified") and one.param not in taken:
                found.setdefault(one.param, one)
    return tuple(found.values())


def _touches(calls: Iterable[FrozenCall]) -> tuple[Touch, ...]:
    return tuple(dict.fromkeys(touch for call in calls for touch in call.touches))


def _slice(calls: Iterable[FrozenCall]) -> tuple[SliceItem, ...]:
    return tuple(dict.fromkeys(item for call in calls for item in call.slice))


def _guarantee(recipe: AnyRecipe, calls: Iterable[FrozenCall]) -> Any:
    """The weakest of what keeps its writes from happening twice."""
    if recipe.effect == "read":
        return None
    given = {call.guarantee for call in calls if call.effect == "write"}
    return next((one for one in ("none", "unique_key", "upstream_key") if one in given), "none")
