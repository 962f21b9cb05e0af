"""How many messages a carrier bills a text as (3GPP TS 23.038): 160 characters of the GSM alphabet, or 70 of UCS-2; parts of a
longer one hold 153 or 67.
"""

from __future__ import annotations

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")


def segments(text: str) -> int:
    """The number of messages ``text`` is sent as; an empty one is one. What takes two places is never parted."""
    if all(c in _BASIC or c in _EXTENDED for c in text):
        sizes, whole, part = [2 if c in _EXTENDED else 1 for c in text], 160, 153
    else:
        sizes, whole, part = [len(c.encode("utf-16-be", "replace")) // 2 for c in text], 70, 67
    if sum(sizes) <= whole:
        return 1
    count, left = 1, part
    for size in sizes:
        if size > left:
            count, left = count + 1, part
        left -= size
    return count
