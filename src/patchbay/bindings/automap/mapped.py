"""The inputs of a binding while they are being found."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from patchbay.bindings.automap.goal import Goal
from patchbay.bindings.automap.naming import free, param_for
from patchbay.bindings.automap.profile import Profile
from patchbay.bindings.automap.sayings import OWN, PERSONS, SOMEBODY
from patchbay.bindings.call_arguments import telling_part
from patchbay.bindings.parameters import says_phone
from patchbay.schema_graph.call import Comparison, Source
from patchbay.schema_graph.model import Argument
from patchbay.schema_graph.naming import split_words

_PAGING = frozenset(
    [
        "limit",
        "cursor",
        "page",
        "pagesize",
        "pagetoken",
        "offset",
        "first",
        "last",
        "after",
        "before",
        "startingafter",
        "endingbefore",
        "maxresults",
        "perpage",
        "expand",
        "fields",
        "count",
        "order",
        "sort",
        "sortby",
        "sortorder",
    ]
)


class Mapped(msgspec.Struct, frozen=True):
    """One argument with the agent's parameter for it, or what it is fixed to. ``op``: a comparison other than equality, for a
    record's field. ``finds``: what the one record is found by that a write changes. ``common``: most operations of the system
    need it. ``because`` are the goal's words for it.
    """

    argument: Argument
    param: str
    source: Source = "model"
    value: Any | UnsetType = UNSET
    op: Comparison = "eq"
    required: bool = True
    common: bool = False
    finds: bool = False
    because: str | None = None


class Found:
    """What is found for one operation: ``mapped`` by argument; ``unmet`` are arguments of which the goal says nothing,
    ``unfound`` those that no record can be found by. ``common``: arguments that most operations of the system must be given.
    ``everything``: also keys that keep a request from being carried out twice.
    """

    def __init__(self, goal: Goal, profile: Profile, common: Collection[str] = (), *, everything: bool = False) -> None:
        self.goal, self.profile, self.common, self.everything = goal, profile, common, everything
        self.mapped: dict[str, Mapped] = {}
        self.unmet: list[str] = []
        self.unfound: list[str] = []

    def add(self, argument: Argument, because: str | None, **members: Any) -> None:
        """Give an argument, unless it is given already or one around it is; ``members`` are those of :class:`Mapped`."""
        if not self.everything and "idempotency" in split_words(argument.name):
            return
        there = argument.name if argument.name not in self.mapped else f"{argument.name} {members.get('op')}"
        if (
            there in self.mapped
            or (there != argument.name and "op" not in members)
            or (
                any(one.startswith(argument.name + ".") or argument.name.startswith(one + ".") for one in self.mapped)
                and not self.profile.operation.record_arguments
            )
        ):
            return
        taken = [one.param for one in self.mapped.values()]
        param = free(members.pop("param", None) or param_for(argument, self.profile, self.goal), taken)
        source: Source = members.pop("source", None) or self.source(argument)
        if source == "session":
            param = free("caller_phone", taken)
        self.mapped[there] = Mapped(
            argument, param, source=source, because=because, common=argument.name in self.common, **members
        )

    def source(self, argument: Argument) -> Source:
        """The session for the caller's own number, else the model."""
        part, equal = telling_part(argument.name)
        own = OWN.search(self.goal.said) is not None and not self.goal.writes
        return "session" if own and equal and argument.type == "string" and says_phone(part) else "model"

    def is_listing(self) -> bool:
        """Whether records are listed of which nothing says whose they are."""
        goal = self.goal
        somebodys = SOMEBODY.search(goal.said) is not None and PERSONS.search(goal.said) is not None
        return goal.many is True and not somebodys and not any("place" in p.roles and p.said for p in goal.phrases)

    def pages(self, argument: Argument) -> bool:
        """Whether an argument only says which page of a list is meant."""
        return self.profile.view.is_called and "".join(split_words(argument.name)) in _PAGING
