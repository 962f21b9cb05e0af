"""Following references: within a file, across files, through other references; once each.

With one plain file a reference is followed as it stands. With several files, or where ``$id`` moves the base, each reference is
first rewritten, in place, to say from where it counts: from then on no reader needs to know where it is.
"""

from __future__ import annotations

import posixpath
from typing import Any

from patchbay.connectors.documents import Findings
from patchbay.connectors.rest.documents.files import Document, file_of, join_path, known_as
from patchbay.connectors.rest.documents.parsing import parse
from patchbay.connectors.rest.documents.pointers import pointer_parts
from patchbay.connectors.rest.documents.refusals import DocumentNotReadable
from patchbay.connectors.rest.documents.values import is_list, is_object
from patchbay.connectors.rest.documents.walking import describing

MOST_STEPS = 64
"""References that lead to references, one after the other."""

_NAMED_UNDER = frozenset({"schemas", "definitions", "$defs"})


class References:
    """The references of one document. What cannot be followed is a finding, once for each spelling, and gives None."""

    def __init__(self, document: Document, findings: Findings) -> None:
        self._document = document
        self._findings = findings
        self._known: dict[str, Any] = {}
        self._following: set[str] = set()
        self._places: dict[str, Any] = {"": document.value}
        self._anchors: dict[str, Any] = {}
        self._refused: set[str] = set()
        if document.scoped:
            self._place(document.value, document.root, "")

    def follow(self, reference: str) -> Any:
        """What a reference leads to, further references followed; None when it leads nowhere."""
        known = self._known
        if reference in known:
            return known[reference]
        if reference in self._following or len(self._following) > MOST_STEPS:
            self._findings.add("reference_circular", "A reference leads only back to itself.", reference[:200])
            return None
        self._following.add(reference)
        try:
            found = self._settle(self._find(reference))
        finally:
            self._following.discard(reference)
        known[reference] = found
        return found

    def _settle(self, node: Any) -> Any:
        """``node``, or what it refers to when it is nothing but a reference."""
        if is_object(node) and len(node) == 1:
            ref: Any = node.get("$ref")
            if type(ref) is str:
                return self.follow(ref)
        return node

    def name_of(self, reference: str) -> tuple[str, str] | None:
        """What the thing a reference leads to is called, if it has a name of its own, and a longer name for when that is taken.

        ``#/components/schemas/Pet`` is Pet; of another file the last part of the fragment, else the file's name.
        """
        path, _, fragment = reference.partition("#")
        parts = pointer_parts(fragment)
        if parts is None:  # an anchor
            return fragment, f"{posixpath.basename(path)} {fragment}"
        if len(parts) >= 2 and parts[-2] in _NAMED_UNDER:
            return parts[-1], f"{posixpath.splitext(path)[0]}/{parts[-1]}" if path else parts[-1]
        if not path:
            return None
        stem = posixpath.splitext(path)[0]
        if not parts:
            return posixpath.basename(stem), stem
        return (parts[-1], f"{stem}/{parts[-1]}") if len(parts) == 1 else None

    def _find(self, reference: str) -> Any:
        path, _, fragment = reference.partition("#")
        root = self._place_of(path, reference)
        if root is None:
            return None
        parts = pointer_parts(fragment)
        found = self._anchors.get(reference) if parts is None else self._walk(root, parts)
        if found is None:
            self._findings.add("reference_nowhere", "A reference leads to nothing.", reference[:200])
        return found

    def _walk(self, node: Any, parts: tuple[str, ...]) -> Any:
        for part in parts:
            node = self._settle(node)
            if is_object(node):
                mapping = node
                if part not in mapping and type(mapping.get("$ref")) is str:
                    node = mapping = self.follow(mapping["$ref"])
                    if not is_object(node):
                        return None
                node = mapping.get(part)
            elif is_list(node) and part.isdigit() and len(part) < 8:
                items = node
                node = items[int(part)] if int(part) < len(items) else None
            else:
                return None
        return node

    def _place_of(self, path: str, reference: str) -> Any:
        if path in self._places:
            return self._places[path]
        file = file_of(path, self._document.root, self._document.url) if not self._document.scoped else path
        if file is not None and file in (self._document.url, self._document.root):
            return self._document.value
        if file is None or ("://" in file and file not in self._document.files):
            self._findings.add("reference_elsewhere", "A reference leads to another host; it is not fetched.", reference[:200])
            return None
        return self._open(path, known_as(file, self._document.files))

    def _open(self, path: str, file: str) -> Any:
        if file in self._refused:
            return None
        content = self._document.files.get(file)
        if content is None:
            self._refused.add(file)
            self._findings.add("file_missing", "A file that the document refers to is not there.", file[:200])
            return None
        try:
            value = parse(content, file)
        except DocumentNotReadable as refusal:
            self._refused.add(file)
            self._findings.add("file_refused", f"A file that the document refers to cannot be read: {refusal.detail}", file[:200])
            return None
        self._places[path] = value
        self._place(value, file, path)
        return value

    def _place(self, value: Any, file: str, place: str) -> None:
        """Rewrite the references in ``value`` to count from nowhere, and learn the ``$id``s and anchors in it."""
        root = self._document.root
        if not any("$id" in node for node in describing(value)):  # then all count from the file
            for node in describing(value):
                self._rewrite(node, file, place, root)
            return
        todo: list[tuple[Any, str, str]] = [(value, file, place)]
        while todo:
            node, base, at = todo.pop()
            if is_object(node):
                mapping = node
                moved: Any = mapping.get("$id")
                if type(moved) is str and not moved.startswith("#") and node is not value:
                    base = join_path(base, moved) + ("/" if moved.endswith("/") else "")
                    at = base.partition("#")[0]
                    self._places.setdefault(at, node)
                elif type(moved) is str and node is value:
                    self._places.setdefault(join_path(base, moved).partition("#")[0], node)
                self._rewrite(mapping, base, at, root)
                todo.extend([(held, base, at) for held in mapping.values() if is_object(held) or is_list(held)])
            elif is_list(node):
                todo.extend([(held, base, at) for held in node if is_object(held) or is_list(held)])

    def _rewrite(self, node: dict[str, Any], base: str, place: str, root: str) -> None:
        for word in ("$anchor", "$dynamicAnchor"):
            anchor: Any = node.get(word)
            if type(anchor) is str:
                self._anchors.setdefault(f"{place}#{anchor}", node)
        ref: Any = node.get("$ref")
        if type(ref) is not str:
            return
        path, hashed, fragment = ref.partition("#")
        if not path:
            node["$ref"] = f"{place}#{fragment}"
            return
        known = known_as(join_path(base, path), self._document.files)
        node["$ref"] = ("" if known in (root, self._document.url) else known) + (f"#{fragment}" if hashed else "#")
