"""What some bytes are, by what is in them: a name and a declared type are only a hint, for either may be wrong."""

from __future__ import annotations

import codecs
import re
from typing import Literal

from patchbay.agent_runtime.knowledge.content.unreadable import ContentUnreadable, FileEncrypted

Kind = Literal["pdf", "word", "html", "delimited", "prose"]

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_TEXT_CODECS = re.compile(
    r"utf-?8|utf-?16(-?[lb]e)?|us-?ascii|iso-?8859-\d{1,2}|latin-?\d|(windows-|cp)125\d|koi8-[ru]|mac(intosh|roman)"
    r"|shift[_-]?jis|euc-(jp|kr)|gb(2312|k|18030)|big5|iso-2022-jp",
    re.IGNORECASE,
)
_ESCAPED = re.compile(r"utf-?16|iso-2022", re.IGNORECASE)
"""Encodings whose bytes may pass for UTF-8."""
_PAGE = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_TAGS = re.compile(r"</?(?:p|div|span|h[1-6]|table|ul|ol|li|a|section|main|br)\b[^<>]*>", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_OLE = "EncryptedPackage".encode("utf-16-le")
_LOOKED_AT = 4_096


def kind_of(content: bytes, content_type: str, name: str) -> tuple[Kind, str]:
    """What ``content`` is, and its text where it is text; else ''. Raises ContentUnreadable and FileEncrypted."""
    declared = content_type.partition(";")[0].strip().lower()
    if b"%PDF-" in content[:1024]:
        return "pdf", ""
    if content.startswith(b"PK\x03\x04"):
        if b"word/" in content:
            return "word", ""
        raise ContentUnreadable
    if content.startswith(_OLE):
        raise FileEncrypted if _ENCRYPTED_OLE in content else ContentUnreadable
    text = decoded(content, content_type)
    head = text[:_LOOKED_AT]
    if len(_CONTROLS.findall(head)) > len(head) / 100:
        raise ContentUnreadable
    if _PAGE.match(text) or (("html" in declared or name.lower().endswith((".html", ".htm"))) and _TAGS.search(text)):
        return "html", text
    if declared in ("text/csv", "text/tab-separated-values") or name.lower().endswith((".csv", ".tsv")):
        return "delimited", text
    return "prose", text


def decoded(content: bytes, content_type: str) -> str:
    """The text of some bytes, whatever they say they are: what is UTF-8 is read as that. What cannot be read is U+FFFD."""
    for mark, codec in _BOMS:
        if content.startswith(mark):
            return content.decode(codec, errors="replace")
    named = _CHARSET.search(content_type)
    meta = _META.search(content[:_LOOKED_AT])
    header = [named[1]] if named and _TEXT_CODECS.fullmatch(named[1]) else []
    within = [meta[1].decode("latin-1")] if meta else []
    declared = [*header, *(name for name in within if _TEXT_CODECS.fullmatch(name) and not name.lower().startswith("utf"))]
    escaped = [name for name in header if _ESCAPED.match(name)]
    for codec in (*escaped, "utf-8", *declared, "cp1252"):
        try:
            return content.decode(codec)
        except (UnicodeDecodeError, LookupError):
            continue
    return content.decode("latin-1" if b"\x00" not in content else "utf-8", errors="replace")
