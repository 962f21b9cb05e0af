"""YAML with ryaml, and what it leaves over: merge keys, keys that are no texts, tags, and errors without a line.

ryaml bounds nesting (128 levels) and what aliases may expand to (a "billion laughs" is refused), keeps timestamps as texts, as
JSON has them, and refuses duplicate keys (YAML 1.2.2, section 3.2.1.1).
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from ryaml import InvalidYamlError, loads, loads_all  # pyright: ignore[reportPrivateImportUsage] - its own names

from patchbay.connectors.rest.documents.refusals import DocumentNotReadable, document_refusal
from patchbay.connectors.rest.documents.values import is_list, is_object

MOST_VALUES = 4_000_000
"""Mappings, lists and their members in one file, aliases expanded: a few hundred megabytes."""
MOST_WRITTEN = 128 << 20
"""Bytes of JSON that a file's aliases may expand to."""
_RETRIES = 8
_TEXTS = {str}

_LINE = re.compile(r"at line (\d+)")
_POSITION = re.compile(r"at position (\d+)")
_DUPLICATE = re.compile(r'duplicate entry with key "(.*?)"', re.DOTALL)
_TOO_BIG = re.compile(r"invalid type: integer `(-?\d+)`")


def read_yaml(text: str, name: str) -> Any:
    """The value in a YAML text; a stream of several documents has only one with content."""
    for _ in range(_RETRIES):
        try:
            return _as_json(_load(text), text, name)
        except InvalidYamlError as error:
            big = _TOO_BIG.search(str(error))
            if big is None:
                raise _refused(str(error), text, name) from None
            text = re.sub(rf"(?<![\w.-]){re.escape(big[1])}(?![\w.])", f'"{big[1]}"', text)  # beyond 64 bits: kept as a text
        except (TypeError, ValueError):
            raise document_refusal("malformed", "A mapping has a list or a mapping as a key.", file=name) from None
    raise document_refusal("malformed", "The document holds many integers of more than 64 bits.", file=name)


def _as_json(value: Any, text: str, name: str) -> Any:
    """The value as JSON would have it. Mostly by way of JSON: numbers as keys become texts, and reading what lies close together
    afterwards makes up for the time; otherwise by going over it.
    """
    merges, tags = "<<" in text, _may_hold_tags(text)
    if not (merges or tags):
        try:
            written = msgspec.json.encode(value)
        except TypeError:  # true, false or null as a key
            written = b""
        if len(written) > MOST_WRITTEN:
            raise document_refusal("too_large", "The YAML's aliases expand to more than any real document.", file=name)
        if written:
            return msgspec.json.decode(written)
    return _tidied(value, name, merges=merges, tags=tags)


def _load(text: str) -> Any:
    try:
        return loads(text)
    except InvalidYamlError as error:
        if "more than one document" not in str(error):
            raise
        found = [value for value in loads_all(text) if value is not None]
        if len(found) == 1:
            return found[0]
        raise InvalidYamlError("there are several documents in one file") from None


def _refused(message: str, text: str, name: str) -> DocumentNotReadable:
    if "recursion limit" in message:
        return document_refusal("too_deep", "The YAML is nested deeper than any real document, or holds itself.", file=name)
    if "repetition limit" in message:
        return document_refusal("too_large", "The YAML's aliases expand to more than any real document.", file=name)
    duplicate = _DUPLICATE.search(message)
    if duplicate is not None:
        line = _line_of_duplicate(text, duplicate[1])
        return document_refusal("malformed", "A mapping has the same key twice.", file=name, line=line)
    said = _LINE.search(message)
    at = _POSITION.search(message)
    line = int(said[1]) if said else text.count("\n", 0, int(at[1])) + 1 if at else None
    if line is None and "more than one" not in message and "several" not in message:
        line = 1  # the parser names no place when it fails at the very start
    reason = message.partition(" at line ")[0].partition(", while ")[0].partition(": ")[2] or message.partition(" at line ")[0]
    return document_refusal("malformed", f"{reason[:120]}.", file=name, line=line)


def _line_of_duplicate(text: str, key: str) -> int | None:
    """The line of the second of two equal keys of one block mapping, which the parser does not tell."""
    opened: dict[int, bool] = {}
    wanted = re.compile(rf"(\s*(?:- )?)[\"']?{re.escape(key)}[\"']?\s*:(?:\s|$)")
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        indent = len(line) - len(line.lstrip())
        for deeper in [known for known in opened if known > indent]:
            del opened[deeper]
        found = wanted.match(line)
        if found is None:
            continue
        if opened.get(len(found[1])) and "- " not in found[1]:
            return number
        opened[len(found[1])] = True
    return None


def _tidied(value: Any, name: str, *, merges: bool, tags: bool) -> Any:
    """``value`` with texts as keys everywhere, merge keys merged and tags dropped; changed in place.

    ``merges`` and ``tags``: whether there may be any of those, so that they are looked for.
    """
    holder: dict[Any, Any] = {"": value}
    todo: list[Any] = [holder]
    count = 0
    while todo:
        node = todo.pop()
        count += len(node)
        if count > MOST_VALUES:
            raise document_refusal("too_large", "The document holds more values than any real one.", file=name)
        if is_object(node):
            if merges or {*map(type, node)} != _TEXTS:
                _tidy_keys(node)
            if tags:
                _untag(node)
            todo.extend([held for held in node.values() if type(held) is dict or type(held) is list])
        else:
            todo.extend([held for held in node if type(held) is dict or type(held) is list])
    return holder[""]


def _may_hold_tags(text: str) -> bool:
    """Whether a ``!`` stands where a tag could: after white space or a bracket, before a letter."""
    at = text.find("!")
    while at >= 0:
        if text[at + 1 : at + 2].isalpha() and (at == 0 or text[at - 1] in " \n[{,-"):
            return True
        at = text.find("!", at + 1)
    return False


def _untag(node: dict[Any, Any]) -> None:
    for key, held in node.items():
        if is_object(held) and len(held) == 1:
            node[key] = _untagged(held)


def _untagged(node: dict[Any, Any]) -> Any:
    """``!tag value`` reads as a mapping with the tag for a key."""
    ((key, held),) = node.items()
    return held if type(key) is str and key[:1] == "!" and key[1:2].isalnum() else node


def _tidy_keys(node: dict[Any, Any]) -> None:
    for key in node:
        if type(key) is not str or key == "<<":
            break
    else:
        return
    items = list(node.items())
    node.clear()
    merged: list[dict[Any, Any]] = []
    for key, held in items:
        if key == "<<" and (is_object(held) or is_list(held)):
            merged.extend(one for one in ([held] if is_object(held) else held) if is_object(one))
        else:
            node[_as_text(key)] = held
    for other in merged:
        for key, held in other.items():
            node.setdefault(_as_text(key), held)


def _as_text(key: Any) -> str:
    """A key as JSON would have it: response codes (``200``) and ``true`` are read as what they look like."""
    if type(key) is str:
        return key
    if key is None or type(key) is bool:
        return "null" if key is None else str(key).lower()
    return str(key)
