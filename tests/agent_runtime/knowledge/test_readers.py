"""Readers: what is made of files as people have them, and what is said of files as attackers have them."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from pypdf import PdfReader, PdfWriter

from patchbay.agent_runtime.knowledge.content.passages import Passage
from patchbay.agent_runtime.knowledge.content.task import ReadContent, read_file, read_text
from patchbay.agent_runtime.knowledge.content.unreadable import (
    MOST_CHARACTERS,
    ContentTooLong,
    ContentUnreadable,
    FileDamaged,
    FileEncrypted,
    NoText,
    PdfWithoutText,
)
from patchbay.connectors.worker import HeavyWorkTimedOut, HeavyWorkTooLarge, run_heavy

GOLDEN = Path(__file__).parent / "golden"
INPUTS = sorted(path for path in GOLDEN.iterdir() if path.suffix != ".txt")


def told(read: ReadContent) -> str:
    passages = "".join(f"\n--- {passage.heading}\n{passage.body}\n" for passage in read.passages)
    return f"{read.content}\n\n=== {read.language or 'no language'}\n{passages}"


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.name)
def test_golden(path: Path) -> None:
    made, golden = told(read_file(path.read_bytes(), "", path.name)), path.with_suffix(".txt")
    if os.environ.get("PATCHBAY_REWRITE_GOLDEN") == "1":
        golden.write_text(made)
    assert made == golden.read_text()


def test_golden_files_have_inputs() -> None:
    assert {path.with_suffix(".txt") for path in INPUTS} == set(GOLDEN.glob("*.txt"))


def pdf(*pages: str, open_with: str | None = None) -> bytes:
    """A PDF of these pages, line by line."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids: list[str] = []
    for page in pages:
        lines = "".join(f"({line}) Tj 0 -14 Td " for line in page.split("\n"))
        stream = f"BT /F1 12 Tf 50 750 Td {lines} ET"
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents {len(objects)} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    made, at = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        at.append(len(made))
        made += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{offset:010} 00000 n \n" for offset in at)
    start = len(made)
    made += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode()
    made += f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    if open_with is None:
        return made
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(made)))
    writer.encrypt(user_password=open_with, owner_password="owner", algorithm="AES-256")
    sealed = io.BytesIO()
    writer.write(sealed)
    return sealed.getvalue()


def word(fill: Any = None) -> bytes:
    document = Document()
    if fill is not None:
        fill(document)
    made = io.BytesIO()
    document.save(made)
    return made.getvalue()


def repacked(content: bytes, **members: bytes) -> bytes:
    """A zip file with some members replaced, or added."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, members.pop(name, None) or old.read(name))
        for name, body in members.items():
            new.writestr(name, body)
    return made.getvalue()


MENU = "Corner Pizza\nMargherita .... $12\nMarinara .... $10\nWe deliver within five miles of the shop, for four dollars."


def test_a_pdf_is_read_line_by_line() -> None:
    read = read_file(pdf(MENU, "Page two"), "application/octet-stream", "menu.bin")
    assert read.content == MENU.replace("....", "…") + "\n\nPage two"
    assert read_file(pdf(MENU, open_with=""), "", "x").passages[0].body == MENU.replace("....", "…")


def test_a_word_document_keeps_its_headings_lists_and_tables() -> None:
    def fill(document: Any) -> None:
        document.add_heading("House rules", 0)
        document.add_heading("Prices", 2)
        table = document.add_table(rows=3, cols=2)
        for row, cells in zip(table.rows, [("Size", "Price"), ("Large", "$18"), ("Small", "$12")], strict=True):
            for cell, text in zip(row.cells, cells, strict=True):
                cell.paragraphs[0].add_run(text).bold = text in ("Size", "Price")
        document.add_heading("Extras", 2)
        document.add_paragraph("Towels", style="List Bullet")
        document.add_paragraph("Late check-out costs $20.")

    read = read_file(word(fill), "application/msword", "rules.doc")
    assert read.passages == [
        Passage("House rules > Prices", "Size Large: Price $18\nSize Small: Price $12"),
        Passage("House rules > Extras", "- Towels\n\nLate check-out costs $20."),
    ]


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        ("Crème brûlée".encode(), "text/plain; charset=iso-8859-1"),
        ("Crème brûlée".encode("latin-1"), "text/plain; charset=utf-8"),
        ("Crème brûlée".encode("cp1252"), "text/plain; charset=unicode_escape"),
        ("Crème brûlée".encode("utf-16"), "text/plain"),
        ("Crème brûlée".encode("utf-8-sig"), ""),
        ("<html><head><meta charset='cp1252'></head><p>Crème brûlée".encode("cp1252"), "text/html"),
        ("<html><head><meta charset='utf-16'></head><p>Crème brûlée".encode(), "text/html; charset=nonsense"),
        ("Crème brûlée".encode("utf-16-le"), "text/plain; charset=utf-16le"),
    ],
)
def test_what_a_text_says_of_its_encoding_is_only_a_hint(content: bytes, content_type: str) -> None:
    assert read_file(content, content_type, "").content == "Crème brûlée"


def test_an_encoding_that_looks_like_plain_text_is_believed() -> None:
    assert read_file("クリーム".encode("iso-2022-jp"), "text/plain; charset=iso-2022-jp", "").content == "クリーム"


def test_what_a_file_is_decides_not_what_it_is_called() -> None:
    assert read_file(b"<!-- x --> <!DOCTYPE html><p>One</p><p>Two", "text/plain", "a.txt").content == "One\n\nTwo"
    assert read_file(b"a < b and c > d", "text/html", "a.html").content == "a < b and c > d"
    assert read_file(b"<?xml version='1.0'?><html><body><p>One", "application/xhtml+xml", "").content == "One"


UNREADABLE: list[tuple[str, Any, type[ContentUnreadable]]] = [
    ("empty", lambda: b"", NoText),
    ("dots", lambda: b"... --- \xe2\x80\x8b", NoText),
    ("script page", lambda: b"<html><body><div id=root></div><script>render('text')</script>", NoText),
    ("picture", lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, ContentUnreadable),
    ("spreadsheet", lambda: repacked(word(), **{"[Content_Types].xml": b"<x/>"}).replace(b"word/", b"xl__/"), ContentUnreadable),
    ("old word", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096), ContentUnreadable),
    ("sealed word", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), FileEncrypted),
    ("scan", lambda: pdf("", "7"), PdfWithoutText),
    ("sealed pdf", lambda: pdf(MENU, open_with="secret"), FileEncrypted),
    ("half a pdf", lambda: pdf(MENU)[:200], FileDamaged),
    ("no pdf", lambda: b"%PDF-1.7\n" + b"\x00" * 4096, FileDamaged),
    ("half a document", lambda: word()[:3000], FileDamaged),
    ("not a document", lambda: repacked(word(), **{"word/document.xml": b"<a><b></a>"}), FileDamaged),
    ("long text", lambda: b"word " * (MOST_CHARACTERS // 5 + 100), ContentTooLong),
    ("many passages", lambda: b"# a\n\nb\n\n" * 6_000, ContentTooLong),
]


@pytest.mark.parametrize(("make", "refusal"), [case[1:] for case in UNREADABLE], ids=[case[0] for case in UNREADABLE])
def test_what_cannot_be_read_says_why(make: Any, refusal: type[ContentUnreadable]) -> None:
    with pytest.raises(ContentUnreadable) as refused:
        read_file(make(), "", "file")
    assert type(refused.value) is refusal


def bomb_of_entities() -> bytes:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "lol" * 100}">' for n in range(10))
    body = f'<?xml version="1.0"?><!DOCTYPE x [{entities}]><w:document xmlns:w="http://x"><w:p>&e9;</w:p></w:document>'
    return repacked(word(), **{"word/document.xml": body.encode()})


def bomb_of_streams() -> bytes:
    packed = zlib.compress(zlib.compress(b"(x) Tj " * 60_000_000, 9), 9)
    head = pdf("x").replace(b"BT /F1 12 Tf 50 750 Td (x) Tj 0 -14 Td  ET", b"")
    at = head.index(b"<< /Length")
    return head[:at] + b"<< /Filter [/FlateDecode /FlateDecode] /Length %d >>\nstream\n" % len(packed) + packed + head[at + 60 :]


def endless_pages() -> bytes:
    """A tree of pages that is its own branch."""
    return pdf(MENU).replace(b"/Kids [5 0 R]", b"/Kids [2 0 R]")


HOSTILE: list[tuple[str, Any]] = [
    ("zip bomb", lambda: repacked(word(), **{"word/media/a.xml": b"\x00" * 300_000_000})),
    ("entities", bomb_of_entities),
    ("streams", bomb_of_streams),
    ("endless pages", endless_pages),
    ("many pages", lambda: pdf(*["x"] * 1_100)),
    ("deep page", lambda: b"<html>" + b"<div>" * 200_000 + b"text"),
    ("deep lists", lambda: b"<html>" + b"<ul><li>" * 100_000 + b"text"),
    ("wide spans", lambda: b"<html><table>" + b"<tr><td colspan=1000 rowspan=1000>x" * 20_000),
    ("many cards", lambda: b"<html>" + b"<div class=a><div>x</div><div>y</div></div>" * 60_000),
    ("open tags", lambda: b"<html>" + b"<p <" * 400_000),
    ("stars", lambda: b"**" * 400_000),
    ("brackets", lambda: b"[" * 400_000 + b"](" * 200_000),
    ("dots", lambda: b". " * 450_000),
    ("one word", lambda: b"x" * 900_000),
    ("comments", lambda: b"<!--" * 500_000),
    ("quotes", lambda: b'"' * 900_001),
]


@pytest.mark.anyio
@pytest.mark.parametrize("make", [case[1] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
async def test_a_hostile_file_ends_within_its_time_and_memory(make: Any) -> None:
    """It may be read or refused; what it may not is outgrow the worker unnoticed, or fail for a reason of ours."""
    name = "a.csv" if make()[:1] == b'"' else "a"
    with suppress(ContentUnreadable, HeavyWorkTooLarge, HeavyWorkTimedOut):
        await run_heavy(read_file, make(), "", name, timeout_s=30, memory_mb=768)


def test_what_markup_means_is_kept_out_of_the_text() -> None:
    assert read_text("**Bold**, not 2 ** 3 ** 4, ![logo](a.png) [map](https://a.example/x) [page](/y)").content == (
        "Bold, not 2 ** 3 ** 4, logo map (https://a.example/x) page"
    )
