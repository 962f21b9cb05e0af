"""Whether a native type has only become larger: everything it held before it still holds, written the same way.

Spellings are those of the catalogues (``character varying(20)``, ``int(11) unsigned``, ``decimal(10,2)``) and of documents
(``integer(int32)``). What is not known here is not wider.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

_SIZED = re.compile(r"(?P<base>[^()]*)\((?P<sizes>[^()]*)\)(?P<rest>[^()]*)\Z")
_MANNERS = (" unsigned zerofill", " unsigned", " zerofill", " without time zone", " with time zone")
"""What may stand behind a type without sizes."""
_INTEGERS: Mapping[str, int] = {"tinyint": 1, "smallint": 2, "mediumint": 3, "integer": 4, "int": 4, "bigint": 8}
_FLOATS: Mapping[str, int] = {"real": 4, "float": 4, "double precision": 8, "double": 8}
_TEXTS: Mapping[str, float] = {"tinytext": 255, "text": 65_535, "mediumtext": 16_777_215, "longtext": 4_294_967_295}
_VARYING = frozenset({"varchar", "character varying"})
_DECIMALS = frozenset({"numeric", "decimal"})
_MOMENTS = frozenset({"timestamp", "time", "datetime"})
_FORMS: Mapping[str, int] = {"int32": 4, "int64": 8, "float": 4, "double": 8}
_BYTES_PER_CHARACTER = 4
"""Of a MySQL varchar at most (utf8mb4)."""


def is_wider(before: str, after: str, kind: str) -> bool:
    """Whether ``after`` holds all that ``before`` does, and more, in a system of ``kind``. Of equal spellings it is False."""
    (base, sizes, manner), (later, later_sizes, later_manner) = _parts(before), _parts(after)
    if before == after or manner != later_manner:
        return False
    if kind in ("rest", "graphql"):
        return base == later and _wider_form(sizes, later_sizes)
    if base in _INTEGERS and later in _INTEGERS:
        return _INTEGERS[later] >= _INTEGERS[base]
    if base in _FLOATS and later in _FLOATS:
        return _FLOATS[later] >= _FLOATS[base]
    if base in _DECIMALS and later in _DECIMALS:
        return _wider_decimal(_sizes(sizes), _sizes(later_sizes))
    if base in _MOMENTS and later == base:
        most = 6 if kind == "postgres" else 0
        return (_sizes(later_sizes) or [most])[0] >= (_sizes(sizes) or [most])[0]
    return _wider_text(base, sizes, later, later_sizes, kind)


def _wider_text(base: str, sizes: str | None, later: str, later_sizes: str | None, kind: str) -> bool:
    if base in _VARYING and later in _VARYING:
        return (_sizes(later_sizes) or [math.inf])[0] >= (_sizes(sizes) or [math.inf])[0]
    if base in _VARYING and later == "text" and kind == "postgres":
        return True
    if base in _VARYING and later in _TEXTS:
        return _TEXTS[later] >= _BYTES_PER_CHARACTER * (_sizes(sizes) or [math.inf])[0]
    return base in _TEXTS and later in _TEXTS and _TEXTS[later] > _TEXTS[base]


def _wider_decimal(before: list[int], after: list[int]) -> bool:
    """No fewer digits before the point, and none fewer after it; without sizes there is no limit."""
    if not after or not before:
        return not after
    (was, scale), (now, later) = ([*sizes, 0][:2] for sizes in (before, after))
    return later >= scale and now - later >= was - scale


def _wider_form(before: str | None, after: str | None) -> bool:
    """A document's formats: of equal kinds of number the larger one, or none where there was one of a size."""
    was, now = _FORMS.get(before or ""), _FORMS.get(after or "")
    if was is None:
        return False
    return after is None or (now is not None and now >= was and ((before in ("int32", "int64")) == (after in ("int32", "int64"))))


def _parts(spelling: str) -> tuple[str, str | None, str]:
    """The type, its sizes, and what stands behind them."""
    folded = spelling.casefold().strip()
    sized = _SIZED.match(folded)
    if sized is not None:
        return sized["base"].strip(), sized["sizes"], sized["rest"].strip()
    manner = next((manner for manner in _MANNERS if folded.endswith(manner)), "")
    return folded.removesuffix(manner), None, manner.strip()


def _sizes(text: str | None) -> list[int]:
    return [int(part) for part in (text or "").split(",") if part.strip().isdigit()]
