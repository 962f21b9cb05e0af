"""One candidate as a binding: what the passes find, put together. It is not checked yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from patchbay.bindings.automap.fields import Chosen, choose
from patchbay.bindings.automap.goal import Goal
from patchbay.bindings.automap.inputs import map_inputs
from patchbay.bindings.automap.leaves import WENT_WRONG
from patchbay.bindings.automap.mapped import Mapped
from patchbay.bindings.automap.naming import free, leaf_for, param_for, plain_text, tool_name_for
from patchbay.bindings.automap.narrowing import Narrowed, narrow
from patchbay.bindings.automap.profile import Profile, written
from patchbay.bindings.automap.scoring import Ranking, Scored
from patchbay.bindings.model import Binding, FilterRule, Input, Projection, Succeeds


class Choice(msgspec.Struct, frozen=True):
    """What a model chose: the operation, and of its inputs and fields those to keep (None: as drafted)."""

    operation: str
    arguments: tuple[str, ...] | None = None
    fields: tuple[tuple[str, ...], ...] | None = None


class Draft(msgspec.Struct, frozen=True):
    """A binding for one candidate before it is checked, and what led to it."""

    scored: Scored
    binding: Binding
    given: tuple[Mapped, ...]
    chosen: tuple[Chosen, ...]
    narrowed: Narrowed
    unmet: tuple[str, ...]
    unfound: tuple[str, ...]
    missing: tuple[str, ...]


def draft(
    goal: Goal,
    scored: Scored,
    ranking: Ranking,
    *,
    tool_name: str | None = None,
    choice: Choice | None = None,
    everything: bool = False,
) -> Draft:
    """The binding for one candidate, as the goal suggests it. ``everything``: also give the keys that keep a request from being
    carried out twice, which are otherwise left to the call.
    """
    profile = scored.profile
    found = map_inputs(ranking.goal, profile, ranking.common, everything=everything)
    given = list(found.mapped.values())
    chosen, missing = choose(goal, profile)
    if choice is not None:
        given, chosen = _as_chosen(given, chosen, profile, goal, choice)
    union = _united(profile, chosen)
    if union is not None:
        chosen = [one for one in chosen if one.leaf.path[: len(union)] == union]
    narrowed = narrow(goal, profile, given, chosen)
    leaves: list[str] = []
    projection: list[Projection] = []
    for one in chosen:
        leaf = leaf_for(one.leaf.path, profile, leaves)
        leaves.append(leaf)
        projection.append(Projection(path=[*written(one.leaf.path)], leaf=leaf))
    binding = Binding(
        tool_name=tool_name or tool_name_for(goal),
        operation=profile.operation.name,
        projection=projection,
        inputs=[_input(one) for one in given],
        description=plain_text(goal.text)[:1_000],
        filters=[
            *(FilterRule(arg=one.argument.name, op=one.op, param=one.param) for one in given if one.op != "eq" or one.finds),
            *narrowed.filters,
        ],
        order_by=list(narrowed.order),
        limit=narrowed.limit,
        succeeds=None if union is None else Succeeds(path=[*written(union[:-1]), "__typename"], equals=union[-1]),
    )
    return Draft(scored, binding, tuple(given), tuple(chosen), narrowed, tuple(found.unmet), tuple(found.unfound), tuple(missing))


def _united(profile: Profile, chosen: Sequence[Chosen]) -> tuple[str, ...] | None:
    """The path to the member of a union that a GraphQL write answers with when it was done, where it answers with one: the one
    that the first field is of, where another one stands for a refusal.
    """
    if profile.operation.effect != "write" or profile.view.kind != "graphql" or profile.root is None or not chosen:
        return None
    obj, path = profile.root, chosen[0].leaf.path
    for depth, name in enumerate(path):
        edge = next((edge for edge in obj.edges if edge.name == name), None)
        if edge is None or (target := profile.view.object(edge.target)) is None:
            return None
        if edge.narrows:
            fails = any(other.narrows and WENT_WRONG.search(other.name) for other in obj.edges)
            return path[: depth + 1] if fails else None
        obj = target
    return None


def _input(one: Mapped) -> Input:
    members: dict[str, Any] = {} if one.source != "constant" else {"value": one.value}
    required = one.required and one.source in ("model", "session")
    return Input(param=one.param, arg=one.argument.name, required=required, source=one.source, **members)


def _as_chosen(
    given: list[Mapped], chosen: list[Chosen], profile: Profile, goal: Goal, choice: Choice
) -> tuple[list[Mapped], list[Chosen]]:
    """What a model chose among what the operation has; what must be given stays, whatever it chose."""
    if choice.arguments is not None:
        kept = [one for one in given if one.argument.name in choice.arguments or one.argument.required]
        known = {one.argument.name for one in kept}
        for argument, _, _ in profile.arguments:
            if argument.name in choice.arguments and argument.name not in known:
                param = free(param_for(argument, profile, goal), [one.param for one in kept])
                kept.append(Mapped(argument, param, because="what a model chose"))
        given = kept or given  # a look-up that is given nothing would read out anybody's
    if choice.fields:
        leaves = {leaf.path: leaf for leaf in profile.leaves}
        known_fields = {one.leaf.path: one for one in chosen}
        picked = [known_fields.get(path) or Chosen(leaves[path]) for path in dict.fromkeys(choice.fields) if path in leaves]
        chosen = picked or chosen
    return given, chosen
