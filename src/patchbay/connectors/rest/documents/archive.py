"""The files in an uploaded zip, read within bounds: nothing is written anywhere, so a path is only ever a name."""

from __future__ import annotations

import io
import posixpath
import stat
import zipfile
import zlib

from patchbay.connectors.rest.documents.parsing import MOST_BYTES
from patchbay.connectors.rest.documents.refusals import document_refusal

MAGIC = b"PK\x03\x04"
MOST_FILES = 10_000
MOST_TOTAL = 64 << 20
MOST_RATIO = 250
"""Bytes a file may unpack to per byte in the archive, once it is larger than a megabyte: text reaches about 20."""

_READ = (".json", ".yaml", ".yml")
_HINT = "Zip the document's own folder, with nothing else in it."


def read_archive(content: bytes) -> dict[str, bytes]:
    """The JSON and YAML files of a zip, by path from its root with ``/`` between.

    Raises :class:`~patchbay.connectors.rest.documents.refusals.DocumentNotReadable` for one that is broken, encrypted, unpacks
    to too much, or has paths that lead out of it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_FILES:
                raise document_refusal("archive", f"The zip holds more than {MOST_FILES:,} files.", hint=_HINT)
            files: dict[str, bytes] = {}
            left = MOST_TOTAL
            for entry in entries:
                path = _path(entry)
                if path is None:
                    continue
                if path in files:
                    raise document_refusal("archive", "The zip holds two files of one name.", file=path, hint=_HINT)
                files[path] = _read(archive, entry, min(left, MOST_BYTES), path)
                left -= len(files[path])
            return files
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, zlib.error, RuntimeError, ValueError):
        raise document_refusal("archive", "The zip is broken or encrypted.", hint=_HINT) from None


def _path(entry: zipfile.ZipInfo) -> str | None:
    """The path of a file that is read; None for folders, links and everything else. Refuses one that leads out."""
    name = entry.filename
    if "\\" in name or name.startswith("/") or ".." in name.split("/") or ":" in name.split("/", 1)[0]:
        raise document_refusal("archive", "The zip holds a path that leads out of it.", hint=_HINT)
    if entry.is_dir() or stat.S_ISLNK(entry.external_attr >> 16) or name.startswith("__MACOSX/"):
        return None
    if any(part.startswith(".") and part != "." for part in name.split("/")):
        return None
    return posixpath.normpath(name) if name.lower().endswith(_READ) else None


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int, path: str) -> bytes:
    """One file's content; what the archive says about its size is not believed."""
    with archive.open(entry) as opened:
        content = opened.read(most + 1)
    if len(content) > most or len(content) > max(1 << 20, entry.compress_size * MOST_RATIO):
        raise document_refusal("archive", "The zip unpacks to more than any real document.", file=path, hint=_HINT)
    return content
