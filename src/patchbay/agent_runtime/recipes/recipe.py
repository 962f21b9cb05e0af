"""What a recipe is: a reviewed function that composes frozen calls into one, such as looking for a free time before booking it.

The set is small and closed (:mod:`patchbay.agent_runtime.recipes.known`). A recipe names no provider: what is special about one
is in the parts, which are frozen calls like any other and run through the same checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import msgspec

from patchbay.errors import Unprocessable
from patchbay.schema_graph.call import CallContext, CallInput, CallResult, FrozenCall, Output
from patchbay.schema_graph.model import Effect


class RecipeInvalid(Unprocessable):
    """The parts or the settings are not what the recipe needs (recipe_invalid)."""

    code, title = "recipe_invalid", "Recipe not valid"


class RecipeSettings(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """Base of a recipe's settings: what an operator decides once. Checked when the call is frozen."""


class PartNeeded(msgspec.Struct, frozen=True, kw_only=True):
    """One frozen call a recipe needs.

    ``arguments`` are the parameters, with source ``model``, that the recipe gives; the part must take those and may need no
    other than these and the ``offered``, which it is given where it takes them. ``asks``: what else it takes from the model, the
    recipe asks the caller for. ``leaves`` are what it must return. ``optional``: the recipe does without.
    """

    effect: Effect
    arguments: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()
    asks: bool = False
    leaves: tuple[str, ...] = ()
    optional: bool = False


class Parts(Protocol):
    """The parts of one run."""

    def __contains__(self, name: str) -> bool: ...

    def takes(self, name: str) -> frozenset[str]:
        """The parameters, with source ``model``, that a part takes; none of a part that is not there."""
        ...

    async def run(self, name: str, arguments: Mapping[str, Any]) -> CallResult:
        """Run one part. Its session and verified inputs are filled from the conversation. A write has a key of its own, the same
        however often the whole is repeated. Raises what running a call raises.
        """
        ...

    def held(self, resource: str) -> AbstractAsyncContextManager[None]:
        """Hold ``resource`` of this connection: nobody else in any process holds it meanwhile.

        Raises :class:`~patchbay.agent_runtime.recipes.running.Busy` when it is not to be had in time.
        """
        ...

    def key(self) -> str:
        """What names this one run of the whole: the same however often it is repeated, another for another run."""
        ...


S = TypeVar("S", bound=RecipeSettings, contravariant=True)


class Recipe(Protocol[S]):
    """One of the closed set. It has no state; ``settings`` is the type its settings are read into."""

    name: ClassVar[str]
    effect: ClassVar[Effect]
    settings: ClassVar[type[RecipeSettings]]
    parts: ClassVar[Mapping[str, PartNeeded]]

    def inputs(self, settings: S, parts: Mapping[str, FrozenCall]) -> tuple[CallInput, ...]:
        """What the caller is asked for: inputs with source ``model``. What its parts take from the session or from a verification
        is added by itself.
        """
        ...

    def outputs(self, settings: S, parts: Mapping[str, FrozenCall]) -> tuple[Output, ...]:
        """The leaves of its result."""
        ...

    async def run(self, settings: S, arguments: Mapping[str, Any], parts: Parts, context: CallContext) -> CallResult:
        """Do it. ``arguments`` are the values of :meth:`inputs` by parameter, of the types of their inputs (a ``date`` is a
        :class:`datetime.date`), None where an optional one was not given. ``context.time_zone`` is the agent's.

        Raises a :class:`~patchbay.errors.PatchbayError` with what to say in its ``extensions``, as a refused call does.
        """
        ...


AnyRecipe = Recipe[Any]


@runtime_checkable
class Findable(Protocol):
    """A recipe that can tell, by reading alone, that a run which nobody saw the end of was done."""

    async def found_done(self, settings: Any, arguments: Mapping[str, Any], parts: Parts, context: CallContext) -> bool:
        """Whether it is found done. False where it is not, or where that cannot be told. Raises what running a part raises."""
        ...
