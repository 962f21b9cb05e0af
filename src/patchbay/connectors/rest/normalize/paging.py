"""How the pages of a list are asked for, from the parameters and from what stands beside the list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from patchbay.connectors.rest.documents.values import is_object
from patchbay.connectors.rest.normalize.parameters import Parameter
from patchbay.connectors.rest.normalize.schemas import Schema, Schemas, properties_of

_STYLES: tuple[tuple[str, frozenset[str]], ...] = (
    ("token", frozenset({"pagetoken", "nexttoken", "continue", "continuationtoken", "token", "synctoken", "marker"})),
    ("cursor", frozenset({"cursor", "after", "startingafter", "before", "endingbefore", "pagecursor", "pageafter"})),
    ("offset", frozenset({"offset", "skip", "start", "startat", "startindex", "from"})),
    ("number", frozenset({"page", "pagenumber", "pageno", "pageindex", "currentpage"})),
)  # fmt: skip
_SIZES = (
    "limit", "perpage", "pagesize", "maxresults", "resultsperpage", "count", "size", "top", "first", "max", "pagelimit", "take",
    "rows", "num", "numresults", "maxitems", "results",
)  # fmt: skip
_SURE = frozenset({"limit", "perpage", "pagesize", "maxresults", "resultsperpage", "pagelimit", "maxitems"})
_SAYS_MOST = re.compile(r"\b(?:between|from) 1 (?:and|to) (\d{1,5})\b|\bmax(?:imum)?\b[^0-9.]{0,30}(\d{1,5})\b", re.IGNORECASE)
_MORE = tuple(tuple(path.split("/")) for path in (
    "has_more", "hasMore", "has_next", "next_cursor", "nextCursor", "nextPageToken", "next_page_token", "next_token", "nextToken",
    "next_page_uri", "next_page_url", "nextPage", "next_page", "next", "@odata.nextLink", "nextLink", "cursor", "links/next",
    "_links/next", "links/pages/next", "meta/next", "meta/next_cursor", "meta/has_more", "pagination/next", "pagination/has_more",
    "pagination/next_cursor", "paging/next", "response_metadata/next_cursor", "metadata/continue", "meta/next_page",
    "page/hasNext",
))  # fmt: skip


def page_of(
    schemas: Schemas, queries: Mapping[str, tuple[str, Parameter | None]], beside: Schema | None, headers: Iterable[str]
) -> dict[str, Any] | None:
    """``{style, size, sizeMost, more}`` of an operation that returns a list, or None where nothing points to pages.

    ``queries``: wire name → (argument's name, parameter if it is one); ``beside``: the properties next to the list; ``headers``:
    the answer's.
    """
    by_key = {_plain(wire): query for wire, query in queries.items()}
    more = _more(schemas, beside)
    linked = any(name.lower() == "link" for name in headers)
    style = next((style for style, names in _STYLES if not names.isdisjoint(by_key)), None)
    size = next((key for key in _SIZES if key in by_key), None)
    if style is None and not more and not linked and size not in _SURE:
        return None
    page: dict[str, Any] = {"style": style or ("link" if linked or not more else "cursor")}
    if size is not None:
        name, parameter = by_key[size]
        page["size"] = name
        most = None if parameter is None else _most(schemas.plain(parameter.described()))
        if most is not None:
            page["sizeMost"] = most
    if more:
        page["more"] = list(more)
    return page


def _most(schema: Schema) -> int | None:
    """The largest page that may be asked for, as the schema or its description says."""
    most: Any = schema.get("maximum")
    if type(most) in (int, float) and 0 < most <= 1_000_000:
        return int(most)
    said: Any = schema.get("description")
    found = _SAYS_MOST.search(said) if type(said) is str else None
    return int(next(text for text in found.groups() if text)) if found is not None else None


def _plain(name: str) -> str:
    small = name.lower().replace("_", "")
    return small if small.isalnum() else "".join([c for c in small if c.isalnum()])


def _more(schemas: Schemas, beside: Schema | None) -> tuple[str, ...] | None:
    """The path of what tells that there are further pages."""
    if not beside:
        return None
    for path in _MORE:
        held: Any = beside.get(path[0])
        for name in path[1:]:
            held = properties_of(schemas.plain(held)).get(name) if is_object(held) else None
        if is_object(held) and held.get("type") != "array":
            return path
    return None
