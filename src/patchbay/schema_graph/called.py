"""The operations that a graph stores (REST, GraphQL): found by what a person writes, indexed once, and what calling one touches.

An operation touches the object it returns, and every object that its name or its path names (``GET /customers/{id}/notes``). An
argument touches what its name says it is about (:mod:`patchbay.schema_graph.argument_subjects`), and the objects it names. So
blocking what an argument is about takes the argument away, before and after publishing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import overload
from urllib.parse import unquote

import msgspec

from patchbay.schema_graph.argument_subjects import Subjects
from patchbay.schema_graph.blocking import BlockRules
from patchbay.schema_graph.call import Touch
from patchbay.schema_graph.model import Argument, Effect, Graph, Operation
from patchbay.schema_graph.naming import singular, split_name

_WORD = re.compile(r"\w+")
_ROOTS = frozenset({"query", "mutation", "subscription"})


class _Entry(msgspec.Struct, frozen=True, gc=False):
    name: str
    slug: str
    object: str | None
    effect: Effect
    text: str


class _Index(msgspec.Struct, frozen=True):
    """What is known of all operations in view, and their names by the object they return."""

    entries: dict[str, _Entry]
    by_object: dict[str | None, list[str]]


class SeenOperations(Sequence[Operation]):
    """Operations in view, in the order of their names, each taken from the graph when it is asked for."""

    def __init__(self, names: Sequence[str], seen: Callable[[str], Operation | None]) -> None:
        self._names = names
        self._seen = seen

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, at: int) -> Operation: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Operation]: ...
    def __getitem__(self, at: int | slice) -> Operation | Sequence[Operation]:
        if isinstance(at, slice):
            return SeenOperations(self._names[at], self._seen)
        found = self._seen(self._names[at])
        if found is None:
            raise IndexError(at)
        return found


class CalledOperations:
    """The stored operations of ``graph`` as a view shows them. ``sees`` and ``may_read`` are the view's own checks of an object,
    and of fields of one.
    """

    def __init__(
        self, graph: Graph, rules: BlockRules, sees: Callable[[str], bool], may_read: Callable[[str, tuple[str, ...]], bool]
    ) -> None:
        self._graph = graph
        self._rules = rules
        self._sees = sees
        self._may_read = may_read
        self._index: _Index | None = None
        self._spellings: dict[str, list[str]] | None = None
        self._subjects = Subjects(graph)
        self._mentioned: dict[str, tuple[str, ...]] = {}
        self._named: tuple[dict[str, list[str]], tuple[tuple[str, str], ...]] | None = None

    def find(self, spelling: str) -> Operation | None:
        """The operation of that name, slug, or bare name when only one in view has it; percent-encoded or not."""
        for text in dict.fromkeys((spelling, unquote(spelling))):
            if text in self._graph.operations and (found := self.seen(text)) is not None:
                return found
            candidates = self._meant_by(text)
            if len(candidates) == 1:
                return self.seen(candidates[0])
        return None

    def meant_by(self, spelling: str) -> list[str]:
        """The names of the operations in view that a bare name may mean."""
        return self._meant_by(unquote(spelling))

    def names(self, *, objects: Collection[str] | None = None, include_writes: bool = False, q: str | None = None) -> list[str]:
        """The names of the operations in view, sorted. ``objects`` keeps those that return one of them, ``q`` those whose name
        or description contains each of its words.
        """
        index = self._indexed()
        if objects is None:
            found: Iterable[str] = index.entries
        else:
            found = sorted(name for one in objects for name in index.by_object.get(one, ()))
        kept = [entry for name in found if (entry := index.entries[name]).effect == "read" or include_writes]
        words = q.casefold().split() if q else []
        return [entry.name for entry in kept if all(word in entry.text for word in words)]

    def count(self, object_name: str | None) -> int:
        """How many operations in view return that object; None: those that return none."""
        return len(self._indexed().by_object.get(object_name, ()))

    def seen(self, name: str) -> Operation | None:
        """The operation of exactly this name without anything blocked; None when it is not in view."""
        operation = self._graph.operations[name]
        return operation if not self._rules.anything else self._filtered(operation)

    def touches(self, operation: Operation, arguments: Iterable[str]) -> list[Touch]:
        """What calling an operation with these arguments touches besides what it returns."""
        touched = self._touched_by_name(operation)
        for name in arguments:
            touched += self._touched_by_argument(operation, name)
        return list(dict.fromkeys(touched))

    def may_be_given(self, operation: Operation, argument: str) -> bool:
        """Whether an argument of that name would be about nothing blocked."""
        return not self._rules.anything or self._permits(self._touched_by_argument(operation, argument))

    def prepare(self, breathe: Callable[[], None]) -> None:
        """Look through all operations now, calling ``breathe`` between them: later questions are answered at once."""
        if self._index is not None:
            return
        index = _Index({}, {})
        for name in sorted(self._graph.operations):
            breathe()
            operation = self.seen(name)
            if operation is not None:
                text = f"{name} {operation.description or ''}".casefold()
                index.entries[name] = _Entry(name, operation.slug, operation.object, operation.effect, text)
                index.by_object.setdefault(operation.object, []).append(name)
        self._index = index

    def _indexed(self) -> _Index:
        if self._index is None:
            self.prepare(_hold)
        assert self._index is not None
        return self._index

    def _meant_by(self, text: str) -> list[str]:
        if self._spellings is None:
            spellings: dict[str, list[str]] = {}
            for entry in self._indexed().entries.values():
                for spelling in dict.fromkeys((entry.slug, *bare_names(entry.name))):
                    spellings.setdefault(spelling, []).append(entry.name)
            self._spellings = spellings
        return self._spellings.get(text, [])

    def _filtered(self, operation: Operation) -> Operation | None:
        """Without the arguments that touch something blocked, and those that cannot be given without them; None when the
        operation cannot be called at all then.
        """
        if operation.object is not None and not self._sees(operation.object):
            return None
        if not self._permits(self._touched_by_name(operation)) or self._rules.names_table(_spelled(operation)):
            return None
        hidden = [a for a in operation.arguments if not self._permits(self._touched_by_argument(operation, a.name))]
        if any(a.required for a in hidden):
            return None
        gone = {a.name for a in hidden}
        parents = tuple(f"{a.demanded_by}." for a in hidden if a.demanded_by is not None)
        kept = (a for a in operation.arguments if a.name not in gone and not a.name.startswith(parents))
        why = operation.unusable
        return msgspec.structs.replace(
            operation,
            arguments=tuple(self._untold(a) for a in kept),
            description=self._clear(operation.description),
            unusable=why and (self._clear(why) or "It cannot be called."),
        )

    def _untold(self, argument: Argument) -> Argument:
        """The argument without a text or label that names something blocked."""
        named = self._rules.names_blocked
        return msgspec.structs.replace(
            argument,
            description=self._clear(argument.description),
            native_type=argument.type if named(argument.native_type) else argument.native_type,
            enum=tuple(label for label in argument.enum if not named(label)),
        )

    def _clear(self, text: str | None) -> str | None:
        return None if text is None or self._rules.names_blocked(text) else text

    def _permits(self, touches: Iterable[Touch]) -> bool:
        return all(self._sees(touch.object) and self._may_read(touch.object, touch.fields or ()) for touch in touches)

    def _touched_by_name(self, operation: Operation) -> list[Touch]:
        return [Touch(name, ()) for name in self._objects_named_in(_spelled(operation))]

    def _touched_by_argument(self, operation: Operation, argument: str) -> list[Touch]:
        touched = [Touch(name, ()) for name in self._objects_named_in(argument)]
        return [*touched, *self._subjects.touches(operation.object, argument)]

    def _objects_named_in(self, text: str) -> tuple[str, ...]:
        """The objects whose bare name stands in ``text``: as a word or its plural, or anywhere when it is more than a word."""
        found = self._mentioned.get(text)
        if found is None:
            found = self._mentioned[text] = tuple(self._mentions(text.casefold()))
        return found

    def _mentions(self, folded: str) -> Iterator[str]:
        if self._named is None:
            words: dict[str, list[str]] = {}
            for name in self._graph.objects:
                words.setdefault(split_name(name)[-1].casefold(), []).append(name)
            phrases = tuple((bare, name) for bare, names in words.items() if not _WORD.fullmatch(bare) for name in names)
            self._named = words, phrases
        words, phrases = self._named
        for word in dict.fromkeys(_WORD.findall(folded)):
            yield from words.get(word, ())
            if (one := singular(word)) != word:
                yield from words.get(one, ())
        yield from (name for bare, name in phrases if bare and bare in folded)


def _spelled(operation: Operation) -> str:
    """An operation's name with its path, which says what it is about where the name is an id of its own."""
    path = operation.invoke.get("path")
    return f"{operation.name} {path}" if isinstance(path, str) and path not in operation.name else operation.name


def _hold() -> None:
    """No pause."""


def bare_names(name: str) -> tuple[str, ...]:
    """An operation's name without its method or root: ``/pets`` for ``GET /pets``, ``orders`` for ``query.orders``."""
    root, dot, field = name.partition(".")
    if dot and root in _ROOTS:
        return (field,)
    method, space, path = name.partition(" ")
    return (path,) if space and method.isupper() else ()
