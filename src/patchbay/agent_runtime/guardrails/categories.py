"""Categories of content that are told by their form: numbers with a check digit, addresses, links.

Each is a pattern of bounded width, so that it is known how much of a stream has to be held back for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

Span = tuple[int, int]


class Category(msgspec.Struct, frozen=True):
    """One category: how it is found, the most characters a match has, and what else must be true of the match."""

    pattern: re.Pattern[str]
    width: int
    check: Callable[[str], bool] | None = None

    def find(self, text: str) -> list[Span]:
        """Where matches stand."""
        return [m.span() for m in self.pattern.finditer(text) if self.check is None or self.check(m[0])]


def luhn(text: str) -> bool:
    """Whether the digits pass the check of payment cards (ISO/IEC 7812-1, annex B)."""
    figures = [int(c) for c in text if c.isdigit()]
    doubled = [sum(divmod(2 * d, 10)) for d in figures[-2::-2]]
    return len(figures) >= 13 and (sum(figures[-1::-2]) + sum(doubled)) % 10 == 0


def iban(text: str) -> bool:
    """Whether the check digits of an IBAN are right (ISO 13616)."""
    code = "".join(c for c in text if c.isalnum()).upper()
    moved = code[4:] + code[:4]
    return 15 <= len(code) <= 34 and int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


_APART = r"[\s.\-\u2010-\u2015\u2212\u200b-\u200d\u2060\ufeff]{0,3}"
"""What may stand between the figures of one number: blanks, full stops and dashes of any kind, and what is not seen at all."""
_SPLIT = r"[\s\-\u2010-\u2015\u2212]{1,3}"
_DASHED = r"[\s\-\u2010-\u2015\u2212]?"
CATEGORIES: dict[str, Category] = {
    "payment_card": Category(re.compile(rf"(?<!\d)\d(?:{_APART}\d){{12,18}}(?!\d)"), 80, luhn),
    "social_security_number": Category(re.compile(rf"(?<![\w-])[0-8]\d{{2}}{_SPLIT}\d{{2}}{_SPLIT}\d{{4}}(?![\w-])"), 16),
    "iban": Category(
        re.compile(rf"(?<!\w)[A-Za-z]{{2}}[0-9]{{2}}(?:{_DASHED}[A-Za-z0-9]{{4}}){{2,7}}(?:{_DASHED}[A-Za-z0-9]{{1,4}})?(?!\w)"),
        48,
        iban,
    ),
    "email_address": Category(re.compile(r"[\w.+'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}"), 390),
    "phone_number": Category(re.compile(r"(?<![\w-])\+?\(?\d(?:[\s().\-/\u2010-\u2015\u2212]{0,3}\d){6,14}(?!\w)"), 64),
    "url": Category(re.compile(r"(?:https?://|\bwww\.)[^\s<>\"]{1,300}", re.I), 310),
}
"""Every category by its name."""
