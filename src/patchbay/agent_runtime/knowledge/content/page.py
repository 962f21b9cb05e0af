"""Web pages: what a visitor reads, in order. Only for the worker process: they come from anybody.

What is left out is told apart by what HTML says it is, never by how it looks: menus of the site are left out, menus of a
restaurant stay, and so do the address and the opening hours in a footer.
"""

from __future__ import annotations

import re
from itertools import islice

import msgspec
from lxml import etree, html

from patchbay.agent_runtime.knowledge.content.blocks import Block, Kind, one_line, tidy
from patchbay.agent_runtime.knowledge.content.rows import SECTION, joined, table_blocks
from patchbay.agent_runtime.knowledge.content.unreadable import ContentTooLong, FileDamaged

Element = html.HtmlElement

_INLINE = frozenset(
    (
        *("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "br", "button", "cite", "code", "data", "dfn", "em", "font", "i"),
        *("img", "ins", "kbd", "label", "mark", "meter", "nobr", "output", "picture", "progress", "q", "rb", "rp", "rt", "ruby"),
        *("samp", "slot", "small", "span", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"),
    )
)
_LEFT_OUT = frozenset(
    (
        *("script", "style", "noscript", "template", "svg", "iframe", "frame", "object", "embed", "applet", "canvas", "audio"),
        *(
            "video",
            "map",
            "select",
            "option",
            "optgroup",
            "datalist",
            "input",
            "textarea",
            "nav",
            "dialog",
            "link",
            "meta",
            "base",
        ),
        *("base", "head", "title"),
        # Prices that were: by HTML's own account not valid any more.
        *("del", "s", "strike"),
    )
)
_LEFT_OUT_ROLES = frozenset(("navigation", "dialog", "alertdialog", "search", "menubar", "tablist", "progressbar", "tooltip"))
_PANELS = frozenset(("tabpanel", "region", "definition"))
_ENDS_ITS_HEADINGS = frozenset(("section", "article", "aside", "details", "fieldset"))
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_COOKIES = re.compile(r"(^|[-_\s])(cookie|gdpr|consent)", re.IGNORECASE)
_SKIPPING = re.compile(r"#\S* skip\b", re.IGNORECASE)
"""A link past the site's menu to the content."""
_UNSEEN = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_WHOLE_PRICE = re.compile(r"[$€£¥]\s?\d+$")
_UNITS = re.compile(r"(?:\b|\d)(?:m|cm|mm|km|ft|in|yd|mi)$")
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_WHITE = re.compile(r"\s+")
_CARDS = frozenset(("div", "article", "section", "figure", "a", "address", "tr", "header", "label"))
_STRUCTURE = ("h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "dl", "details", "pre", "hr", "summary")
"""What is in it is more than a line."""
_JOINED = frozenset(("br", "sup", "sub", "wbr", "img"))
_LOOKED_AT = 20
_CARD_WORDS = 50
_ITEM_WORDS = 120
_MOST_CELLS = 200_000
_MOST_SPAN = 100


class Page(msgspec.Struct, frozen=True):
    """A page as it was read. ``language`` is the one it names (``en``), or ''."""

    blocks: list[Block]
    language: str


def read_page(text: str) -> Page:
    """What a page says. Raises FileDamaged for what cannot be parsed at all."""
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=False)
    try:
        root = html.document_fromstring(_for_parser(text), parser=parser)  # pyright: ignore[reportUnknownMemberType]
    except (etree.LxmlError, ValueError):
        raise FileDamaged from None
    language = (root.get("lang") or "").partition("-")[0].strip().lower()
    walker = _Walker(_opened_by_controls(root))
    walker.walk(root)
    blocks = walker.done()
    title = one_line(root.findtext(".//title") or "")
    if title and not any(block.kind == "heading" and block.level == 1 for block in blocks):
        blocks = [Block("heading", title, 1), *blocks]
    return Page(blocks, language if re.fullmatch("[a-z]{2,3}", language) else "")


def _for_parser(text: str) -> bytes:
    """``text`` for the parser: in UTF-8, whatever the page says, and without NUL, at which it would stop."""
    return text.replace("\x00", "").encode("utf-8", errors="replace")


class _Walker:
    """Goes through the tree once. ``_line`` collects what stands in one line of the page.

    ``opened`` are the ids of what a visitor can unfold.
    """

    def __init__(self, opened: frozenset[str]) -> None:
        self._blocks: list[Block] = []
        self._line: list[str] = []
        self._opened = opened

    def done(self) -> list[Block]:
        """All blocks so far."""
        self._end_line()
        return self._blocks

    def walk(self, element: Element) -> None:
        """What an element and all in it says."""
        tag = _tag(element)
        if self._left_out(element, tag):
            return
        if tag in _HEADINGS or tag == "summary" or (tag == "button" and _unfolds(element)):
            self._heading(element, _HEADINGS.get(tag, SECTION))
        elif tag in _INLINE and not _has_blocks(element):
            if tag != "button":
                text = self._inline(element)
                self._line.append(_raised("".join(self._line), text) if tag == "sup" else text)
        elif tag == "table" and not _for_layout(element):
            self._table(element)
        elif tag == "dl":
            self._definitions(element)
        elif tag in ("ul", "ol"):
            self._list(element)
        elif tag == "pre":
            self._end_line()
            self._add("paragraph", element.text_content())
        elif tag in _CARDS and _is_card(element):
            self._end_line()
            self._add("row", joined(self._parts(element)))
        else:
            self._container(element, tag)

    def content(self, element: Element) -> None:
        """What is in an element. Two neighbours with nothing between them stand apart on the page, as far as one can tell."""
        self._line.append(_flat(element.text))
        apart = False
        for child in element.iterchildren(etree.Element):
            inline = _tag(child) in _INLINE and _tag(child) not in _JOINED
            if apart and inline:
                self._line.append(" ")
            self.walk(child)
            self._line.append(_flat(child.tail))
            apart = inline and not child.tail

    def _container(self, element: Element, tag: str) -> None:
        self._end_line()
        if tag in ("footer", "aside"):
            self._blocks.append(Block("close", level=2))
        before = len(self._blocks)
        self.content(element)
        self._end_line()
        levels = [block.level for block in self._blocks[before:] if block.kind == "heading"]
        if levels and (tag in _ENDS_ITS_HEADINGS or any(map(_heads_a_panel, element.iterchildren(etree.Element)))):
            self._blocks.append(Block("close", level=min(levels)))

    def _left_out(self, element: Element, tag: str) -> bool:
        if tag in _LEFT_OUT or (element.get("role") or "").lower() in _LEFT_OUT_ROLES:
            return True
        if tag in ("html", "body", "main"):
            return False
        if tag == "a" and _SKIPPING.match(f"{element.get('href')} {element.text_content().strip()}"):
            return True
        if _COOKIES.search(element.get("id") or "") or _COOKIES.search(element.get("class") or ""):
            return True
        unseen = (
            element.get("hidden") is not None
            or element.get("aria-hidden") == "true"
            or _UNSEEN.search(element.get("style") or "") is not None
        )
        return unseen and not (element.get("id") in self._opened or element.get("role") in _PANELS)

    def _heading(self, element: Element, level: int) -> None:
        self._end_line()
        text = one_line(self._inline(element))
        if text:
            self._blocks.append(Block("heading", text, level))

    def _list(self, element: Element) -> None:
        self._end_line()
        if _only_links(element) and _within(element, ("header", "footer", "aside")):
            return
        for child in element.iterchildren(etree.Element):
            if _tag(child) == "li" and not self._left_out(child, "li") and _is_short(child, _ITEM_WORDS):
                self._add("item", joined(self._parts(child)))
            else:
                before = len(self._blocks)
                self.walk(child)
                self._end_line()
                if _tag(child) == "li" and self._blocks[before:] and self._blocks[before].kind == "paragraph":
                    self._blocks[before] = Block("item", self._blocks[before].text)

    def _definitions(self, element: Element) -> None:
        """Terms with what is said of them: one line each."""
        self._end_line()
        term = ""
        for child in element.iter("dt", "dd"):
            if self._left_out(child, _tag(child)):
                continue
            text = joined(self._parts(child))
            if _tag(child) == "dt":
                self._add("row", term)
                term = text
            else:
                self._add("row", f"{term.removesuffix(':')}: {text}" if term else text)
                term = ""
        self._add("row", term)

    def _table(self, element: Element) -> None:
        self._end_line()
        caption = element.find("caption")
        if caption is not None:
            self._add("paragraph", joined(self._parts(caption)))
        self._blocks += table_blocks(self._grid(element), header=_has_labels(element))

    def _grid(self, table: Element) -> list[list[str]]:
        """The cells of a table, those that span several repeated. Raises ContentTooLong."""
        grid: list[list[str]] = []
        below: dict[int, tuple[str, int]] = {}
        cells = 0
        for row in table.iter("tr"):
            line: list[str] = []
            for cell in row.iterchildren("td", "th"):
                _fill(line, below)
                text = "" if self._left_out(cell, "td") else joined(self._parts(cell))
                for _ in range(_span(cell, "colspan")):
                    below[len(line)] = (text, _span(cell, "rowspan"))
                    line.append(text)
            _fill(line, below)
            below = {column: (text, rows - 1) for column, (text, rows) in below.items() if rows > 1}
            grid.append(line)
            cells += len(line)
            if cells > _MOST_CELLS:
                raise ContentTooLong
        return grid

    def _parts(self, element: Element) -> list[str]:
        """The short texts in an element, one for each line of the page."""
        inner = _Walker(self._opened)
        inner.content(element)
        return [one_line(block.text) for block in inner.done() if block.text]

    def _inline(self, element: Element) -> str:
        """The text of an element that stands in lines."""
        if _tag(element) == "br":
            return "\n"
        parts = [_flat(element.text)]
        apart = False
        for child in element.iterchildren(etree.Element):
            name = _tag(child)
            if not self._left_out(child, name):
                if apart and name in _INLINE and name not in _JOINED:
                    parts.append(" ")
                text = self._inline(child)
                parts.append(_raised("".join(parts), text) if name == "sup" else text)
                apart = not child.tail and name not in _JOINED
            parts.append(_flat(child.tail))
        return "".join(parts)

    def _add(self, kind: Kind, text: str) -> None:
        text = tidy(text)
        if text:
            self._blocks.append(Block(kind, text))

    def _end_line(self) -> None:
        text, self._line = "".join(self._line), []
        self._add("paragraph", text)


def _tag(element: Element) -> str:
    return element.tag.lower() if isinstance(element.tag, str) else ""


def _flat(text: str | None) -> str:
    """Text between tags: its line ends are spaces."""
    return _WHITE.sub(" ", text) if text else ""


def _raised(before: str, text: str) -> str:
    """Raised digits: the cents of a price, a square or a cube, or the number of a footnote."""
    digits = text.strip()
    if not digits.isdecimal() or not digits.isascii():
        return text
    if len(digits) == 2 and _WHOLE_PRICE.search(before):
        return "." + digits
    return digits.translate(_RAISED) if _UNITS.search(before) else " " + digits


def _has_blocks(element: Element) -> bool:
    return any(_tag(child) not in _INLINE for child in element.iterdescendants(etree.Element))


def _unfolds(element: Element) -> bool:
    """Whether a button opens something, and is not one of the site's own."""
    opens = any(element.get(name) is not None for name in ("aria-controls", "aria-expanded", "data-bs-target", "data-target"))
    return opens and not _within(element, ("header", "footer", "nav"))


def _heads_a_panel(element: Element) -> bool:
    """Whether an element is the head of something that unfolds below it, beside it in the same element."""
    if _tag(element) == "button":
        return _unfolds(element)
    return _tag(element) in _HEADINGS and any(map(_unfolds, element.iterdescendants("button")))


def _within(element: Element, tags: tuple[str, ...]) -> bool:
    return next(element.iterancestors(*tags), None) is not None


def _opened_by_controls(root: Element) -> frozenset[str]:
    """The ids of what a tab or a button of the page shows."""
    named = root.xpath("//@aria-controls | //@data-target | //@data-bs-target | //a/@href[starts-with(., '#')]")
    return frozenset(name.lstrip("#") for value in named for name in str(value).split())


def _words(element: Element) -> int:
    return len(element.text_content().split())


def _is_short(element: Element, words: int) -> bool:
    """Whether an element is but a line or two."""
    return _words(element) <= words and next(element.iterdescendants(*_STRUCTURE), None) is None


def _is_card(element: Element) -> bool:
    """Whether an element is one of several short ones that are made alike: a dish with its price, a person with a number."""
    if not _has_blocks(element) or not _is_short(element, _CARD_WORDS):
        return False
    looks = (element.tag, element.get("class"))
    beside = (islice(element.itersiblings(looks[0], preceding=before), _LOOKED_AT) for before in (False, True))
    return any((other.tag, other.get("class")) == looks for others in beside for other in others)


def _only_links(element: Element) -> bool:
    links = [len("".join(link.text_content().split())) for link in element.iterdescendants("a")]
    return bool(links) and sum(links) == len("".join(element.text_content().split()))


def _for_layout(table: Element) -> bool:
    if (table.get("role") or "").lower() in ("presentation", "none"):
        return True
    return next(table.iterdescendants("table"), None) is not None or bool(
        table.xpath(".//td//*[self::h1 or self::h2 or self::h3]")
    )


def _has_labels(table: Element) -> bool:
    """Whether the first row labels the columns: by its tags, or because it alone is bold throughout."""
    rows = list(table.iterdescendants("tr"))[:2]
    if not rows:
        return False
    cells = list(rows[0].iterchildren("td", "th"))
    if all(_tag(cell) == "th" for cell in cells) or next(rows[0].iterancestors("thead"), None) is not None:
        return True
    return _all_bold(rows[0]) and len(rows) > 1 and not _all_bold(rows[1])


def _all_bold(row: Element) -> bool:
    whole = "".join(row.text_content().split())
    return bool(whole) and whole == "".join(
        "".join(bold.text_content().split()) for bold in row.iterdescendants("b", "strong", "th")
    )


def _fill(line: list[str], below: dict[int, tuple[str, int]]) -> None:
    """The cells that reach down from the rows above."""
    while len(line) in below:
        line.append(below[len(line)][0])


def _span(cell: Element, name: str) -> int:
    value = (cell.get(name) or "").strip()
    return min(int(value), _MOST_SPAN) if value.isascii() and value.isdecimal() and len(value) < 6 and int(value) > 0 else 1
