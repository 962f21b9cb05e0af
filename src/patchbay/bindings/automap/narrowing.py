"""How many records, in what order, and from when on: *the next appointment*, *the latest 3 orders*, *today's visits*."""

from __future__ import annotations

import msgspec

from patchbay.bindings.automap.fields import Chosen
from patchbay.bindings.automap.goal import Goal
from patchbay.bindings.automap.mapped import Mapped
from patchbay.bindings.automap.profile import Profile
from patchbay.bindings.automap.time_words import HIGHEST, HOW_MANY_OF_THEM, NEWEST, NEXT, NUMBERS, OLDEST, TODAY
from patchbay.bindings.automap.times import date_argument
from patchbay.bindings.automap.verbs import stemmed
from patchbay.bindings.model import FilterRule, OrderRule
from patchbay.schema_graph.model import Field
from patchbay.schema_graph.naming import quote_part

MOST = 50
_SOME = 5
_UNSORTABLE = frozenset({"json", "object", "array", "bytes"})
_AMOUNTS = stemmed("amount total price cost balance quantity sum value revenue")


class Narrowed(msgspec.Struct, frozen=True):
    """What of the records is meant. ``questions`` are what could not be said in the binding."""

    filters: tuple[FilterRule, ...] = ()
    order: tuple[OrderRule, ...] = ()
    limit: int | None = None
    questions: tuple[str, ...] = ()


def narrow(goal: Goal, profile: Profile, given: list[Mapped], chosen: list[Chosen]) -> Narrowed:
    """Order, limit and the time of the call, for a read."""
    if goal.writes:
        return Narrowed()
    said = goal.said
    asked = HOW_MANY_OF_THEM.search(said)
    limit = None if asked is None else int(asked[1]) if asked[1].isdigit() else NUMBERS[asked[1]]
    limit = None if limit is None else min(MOST, max(1, limit))
    if profile.view.is_called:
        return _of_a_call(goal, profile, limit)
    coming, newest = NEXT.search(said), NEWEST.search(said)
    date = date_argument(profile, goal)
    column = None if date is None else _column(profile, date.name)
    filters: list[FilterRule] = []
    order: list[OrderRule] = []
    questions: list[str] = []
    if date is not None and column is not None and (coming or newest or OLDEST.search(said) or TODAY.search(said)):
        direction = "desc" if newest and not coming else "asc"
        if coming and not any(one.argument.name == date.name for one in given):
            filters.append(FilterRule(arg=date.name, op="ge", value={"now": True}))
        if TODAY.search(said):
            if column.type == "date":
                filters.append(FilterRule(arg=date.name, op="eq", value={"now": True}))
            else:
                filters.append(FilterRule(arg=date.name, op="ge", value={"now": True}))
                questions.append(f"Only what is still to come is returned; should all of today count, by {date.name}?")
        order.append(OrderRule(path=[date.name], direction=direction))
        limit = limit or (1 if not goal.many and (coming or newest or OLDEST.search(said)) else _SOME)
    elif HIGHEST.search(said) and (amount := _amount(profile, chosen)) is not None:
        order.append(OrderRule(path=[quote_part(amount.name)], direction="desc"))
        limit = limit or (_SOME if goal.many else 1)
    if not given and not filters and (not order or limit is None):
        order = order or _any_order(profile)
        limit = limit or 2 * _SOME
    return Narrowed(tuple(filters), tuple(order), limit, tuple(questions))


def _of_a_call(goal: Goal, profile: Profile, limit: int | None) -> Narrowed:
    ranked = NEWEST.search(goal.said) or OLDEST.search(goal.said) or HIGHEST.search(goal.said)
    if not profile.operation.many:
        return Narrowed()
    questions = ("The system decides the order of its answer; does it begin with the ones that are meant?",) if ranked else ()
    return Narrowed(limit=limit, questions=questions)


def _column(profile: Profile, name: str) -> Field | None:
    return next((f for f in profile.root.fields if quote_part(f.name) == name), None) if profile.root is not None else None


def _amount(profile: Profile, chosen: list[Chosen]) -> Field | None:
    own = [one.leaf.field for one in chosen if one.leaf.hops == 0]
    every = [*own, *(profile.root.fields if profile.root is not None else ())]
    numeric = [f for f in every if f.type in ("integer", "decimal", "number") and f.filterable and f.readable]
    return next((f for f in numeric if _AMOUNTS.intersection(profile.words.of(f.name))), None)


def _any_order(profile: Profile) -> list[OrderRule]:
    """An order for a list that has none of its own: by what an index serves, so that it costs nothing."""
    fields = [
        f
        for f in (profile.root.fields if profile.root is not None else ())
        if f.readable and f.filterable and f.type not in _UNSORTABLE
    ]
    best = min(fields, key=lambda f: (not f.indexed, not f.primary_key), default=None)
    return [] if best is None else [OrderRule(path=[quote_part(best.name)])]
