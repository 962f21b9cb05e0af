"""What an operation offers, as words to compare a goal with: its name, its record, its arguments, what it returns."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from itertools import islice

from patchbay.bindings.automap.leaves import MOST_FIELDS, WENT_WRONG, Leaf, Leaves
from patchbay.bindings.automap.name_words import Words
from patchbay.bindings.automap.terms import SYNONYM, Phrase
from patchbay.bindings.automap.verbs import METHODS, RATHER_NOUNS, SAME_DEED, VERBS, Intent
from patchbay.bindings.call_arguments import telling_part
from patchbay.bindings.path_problems import can_follow
from patchbay.schema_graph.model import Argument, Edge, Object, Operation
from patchbay.schema_graph.naming import quote_part, split_name
from patchbay.schema_graph.scoping import View
from patchbay.schema_graph.stems import STOP_WORDS, stem, stems

MOST_ARGUMENTS = 400
MOST_LEAVES = 600
_LONGEST_TEXT = 30
_WRAPPERS = frozenset({"payload", "respons", "result", "connect", "edg", "input", "output"})
_NO_CONTENT = frozenset({"query", "mutat", "id"}) | frozenset(map(stem, STOP_WORDS))
_CAMEL = re.compile(r"_[a-z]+[A-Z]")
_CAMEL_SEGMENT = re.compile(r"[/.:_]")
_SEGMENT = re.compile(r"[/.:]")
_MOST_WRAPPED = 3
_BULK = frozenset(map(stem, ("bulk", "batch", "multiple", "many")))
_KEYS = frozenset({"id", "uuid", "_id", "gid", "databaseid", "internalid", "sid"})
_AROUND = frozenset({"body", "input", "data", "query", "filter", "where", "params", "attributes"})
_OPERATORS = frozenset({"eq", "exact", "value", "equals", "in"})
_PATH_PARTS = frozenset({"v1", "v2", "v3", "api", "json"})


class Profile:
    """One operation in view, with what is compared worked out when asked for."""

    def __init__(self, operation: Operation, view: View, words: Words) -> None:
        self.operation = operation
        self.view = view
        self.words = words
        self.root: Object | None = view.object(operation.object) if operation.object is not None else None

    @cached_property
    def record(self) -> Object | None:
        """The record the operation is about: what a payload is wrapped around, else what it returns."""
        root = self.root
        if root is None or self.view.kind != "graphql" or self.operation.effect == "read":
            return root
        record, said = root, {word for part in self._segments[0] for word in self.words.of(part)} | set(self._segments[1])
        for _ in range(_MOST_WRAPPED):
            if _has_a_key(record):
                return record
            inside = [(edge, target) for edge in record.edges if (target := self._wrapped(edge)) is not None]
            if not inside:
                break
            record = max(inside, key=lambda one: self._likeness(one[0], said))[1]
        return record

    @cached_property
    def in_bulk(self) -> bool:
        """Whether it writes any number of records at once: what its payload holds is a list of them."""
        root, record = self.root, self.record
        if not _BULK.isdisjoint(self._segments[1]):
            return True
        if root is None or record is None or root is record:
            return False
        return any(edge.target == record.name and not edge.to_one for edge in root.edges)

    def _wrapped(self, edge: Edge) -> Object | None:
        """What a payload holds at an edge, unless that says what went wrong."""
        return self.view.object(edge.target) if edge.embedded and not WENT_WRONG.search(edge.name) else None

    def _likeness(self, edge: Edge, said: Collection[str]) -> int:
        return sum(1 for word in dict.fromkeys((*self.words.of(edge.name), *self.words.of(edge.target))) if word in said)

    @cached_property
    def name(self) -> tuple[str, ...]:
        """The stems of the operation's own name, verbs left out."""
        operation = self.operation
        if operation.record_arguments:
            return self.words.of(split_name(operation.object or "")[-1])
        before, acting = self._segments
        own = [word for part in before for word in self.words.of(part)]
        ends = {*acting[:1], *acting[-1:]} if len(acting) > 1 or own else set[str]()
        verbs = ends & VERBS.keys()
        if len(acting) > 1 and acting[0] in verbs and acting[-1] in RATHER_NOUNS:
            verbs.discard(acting[-1])
        if len(acting) > 1 and acting[-1] in (*self.record_name[-1:], *self.collection[-1:]) and acting[0] in verbs:
            verbs.discard(acting[-1])  # what is made bears the name of what is done: a refund
        if self._begins_with_its_record:
            verbs.difference_update(acting[:1])
        read = {word for word in acting if VERBS.get(word) == "read"}
        own += [word for word in acting if word not in verbs | read]
        left_out = self._parameters | _NO_CONTENT
        return tuple(word for word in dict.fromkeys(own) if word not in left_out or own.count(word) > 1) or acting[1:] or acting

    @cached_property
    def verbs(self) -> frozenset[str]:
        """The stems of what it does, from its name."""
        if self.operation.record_arguments:
            return frozenset({self.operation.verb})
        _, acting = self._segments
        if self._begins_with_its_record:
            return frozenset({next(word for word in acting[1:] if word in VERBS)})
        ends = {acting[0]} if acting[0] in VERBS else {acting[-1]}
        return frozenset(word for word in acting if word in VERBS and (word in ends or word not in RATHER_NOUNS))

    @cached_property
    def _begins_with_its_record(self) -> bool:
        """Whether its name is its record's and then what is done: ``orderMarkAsPaid``, where *order* is no verb."""
        _, acting = self._segments
        return acting[0] in RATHER_NOUNS and acting[0] in self.record_name and not VERBS.keys().isdisjoint(acting[1:])

    @cached_property
    def _segments(self) -> tuple[Sequence[str], tuple[str, ...]]:
        """The parts of the name before the one that says what is done, and the stems of that one."""
        name = self.operation.name.rpartition(" ")[2] if " " in self.operation.name else self.operation.name
        parts = [part for part in (_CAMEL_SEGMENT if _CAMEL.search(name) else _SEGMENT).split(name) if part] or [name]
        last: tuple[str, ...] = self.words.of(parts[-1]) or (parts[-1],)
        return parts[:-1], last

    @cached_property
    def intent(self) -> Intent:
        """What it does to records."""
        operation = self.operation
        if operation.effect == "read":
            return "read"
        if operation.record_arguments:
            return "insert" if operation.verb == "insert" else "update"
        named: Intent | None = next(
            (VERBS[word] for word in self._segments[1] if word in self.verbs and VERBS[word] != "read"), None
        )
        if named is not None and named != "insert":
            return named
        method = METHODS.get(str(operation.invoke.get("method")))
        if method is not None and method != "insert":
            return method
        return "update" if self.keyed and not self.verbs - {"post"} else "insert"

    @cached_property
    def resource(self) -> tuple[str, ...]:
        """The stems of the name of its record, and of the last part of its path that is no parameter."""
        return tuple(dict.fromkeys((*self.record_name, *self.collection)))

    @cached_property
    def record_name(self) -> tuple[str, ...]:
        """The stems of the name of its record."""
        if self.record is None:
            return ()
        bare = split_name(self.record.name)[-1].rpartition(".")[2]
        return tuple(word for word in self.words.of(bare) if word not in _WRAPPERS) if " " not in bare else ()

    def is_named_by(self, phrase: Phrase) -> bool:
        """Whether a phrase names its record, by the last word."""
        heads = {*self.record_name[-1:], *self.collection[-1:]}
        if self.view.is_called:
            heads |= {*self.name[-1:]}
        return any(word in heads for word, strength in phrase.terms[-1].means.items() if strength >= SYNONYM)

    @cached_property
    def collection(self) -> tuple[str, ...]:
        """The stems of the last part of its path that is no parameter."""
        return next((self.words.of(part) for part in reversed(self._path) if "{" not in part), ())

    @cached_property
    def path_parameters(self) -> tuple[str, ...]:
        """The names of the parameters in its path, in order."""
        return tuple(re.findall(r"\{([^{}]+)\}", "/".join(self._path)))

    @cached_property
    def _parameters(self) -> frozenset[str]:
        """The stems that only the parameters of its path have; names made from paths repeat them."""
        fixed = {word for part in self._path if "{" not in part for word in self.words.of(part)}
        return frozenset(word for part in self._path if "{" in part for word in self.words.of(part)) - fixed

    @cached_property
    def keyed(self) -> bool:
        """Whether the end of its path, or a key that must be given, says which record is meant."""
        return "{" in "".join(self._path[-1:])

    @property
    def _path(self) -> Sequence[str]:
        path = str(self.operation.invoke.get("path", ""))
        return [part for part in path.removesuffix(".json").removesuffix(".xml").split("/") if part and part not in _PATH_PARTS]

    @cached_property
    def place(self) -> frozenset[str]:
        """The stems of its path."""
        return frozenset(word for part in self._path for word in self.words.of(part))

    @cached_property
    def text(self) -> frozenset[str]:
        """The stems of what is said about it."""
        said = self.operation.description
        if self.operation.record_arguments:
            said = self.root.description if self.root is not None else None
        return frozenset(stems(said[:400])[:_LONGEST_TEXT]) if said else frozenset()

    @cached_property
    def arguments(self) -> tuple[tuple[Argument, tuple[str, ...], frozenset[str]], ...]:
        """The arguments, each with the stems of its telling part and those of all its name."""
        found: list[tuple[Argument, tuple[str, ...], frozenset[str]]] = []
        every: Sequence[Argument] = self.view.arguments(self.operation)
        if len(every) > MOST_ARGUMENTS:  # a body that nests itself: the parts that lie deep say least
            every = sorted(every, key=lambda one: (not one.required, one.name.count(".")))[:MOST_ARGUMENTS]
        for argument in every:
            part, _ = telling_part(argument.name)
            parts = split_name(argument.name)
            around = frozenset(word for one in parts[-4:] for word in self.words.of(one))
            found.append((argument, self.words.of(part), around))
        return tuple(found)

    def depth(self, argument: str) -> int:
        """How deep an argument lies: below the body, the input, the filter, and what is wrapped around the record itself."""
        parts = split_name(argument)[:-1]
        if not self.view.is_called:
            return len(parts)
        if self.view.kind == "graphql":
            parts = parts[1:]  # whatever the argument is called that holds the others
        own = {*self.record_name, *self.collection}
        wrapped = [p for p in parts if p.casefold() not in _AROUND and not (own and own.issuperset(self.words.of(p)))]
        return len([part for part in wrapped if part.casefold().strip("_") not in _OPERATORS])

    @cached_property
    def argument_words(self) -> frozenset[str]:
        """The stems of all arguments."""
        return frozenset(word for _, own, _ in self.arguments for word in own)

    @cached_property
    def field_words(self) -> Mapping[str, float]:
        """The stems of what it returns: 1 for the record's own fields, less for its neighbours'."""
        record = self.record
        if record is None:
            return {}
        known = self.words.of_records.get(record.name)
        if known is None:
            known = self.words.of_records[record.name] = self._field_words(record)
        return known

    def _field_words(self, record: Object) -> Mapping[str, float]:
        found: dict[str, float] = {}
        for field in record.fields[:MOST_FIELDS]:
            for word in self.words.of(field.name):
                found[word] = 1.0
        for edge in record.edges[:40]:
            target = self.view.object(edge.target) if can_follow(edge) and not edge.narrows else None
            for word in self.words.of(edge.name):
                found.setdefault(word, 0.8)
            for field in target.fields[:40] if target is not None else ():
                for word in self.words.of(field.name):
                    found.setdefault(word, 0.5)
        return found

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """What can be read of its record, nearest first."""
        return () if self.root is None else tuple(islice(Leaves(self.view, self.words, self.root, self.record), MOST_LEAVES))


def _has_a_key(obj: Object) -> bool:
    return any(field.primary_key or field.name.lower() in _KEYS for field in obj.fields)


def same_deed(wanted: str, done: frozenset[str]) -> float:
    """How surely something that is called ``done`` does what ``wanted`` (a stem) says: 1 by its name, less by another."""
    if wanted in done:
        return 1.0
    return 0.7 if any(wanted in line and not line.isdisjoint(done) for line in SAME_DEED) else 0.0


def written(path: Sequence[str]) -> list[str]:
    """A path as a binding holds it: names with dots quoted."""
    return [quote_part(part) for part in path]
