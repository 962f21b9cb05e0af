"""The files of one description: which of them is the document, and what it is written in."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Mapping
from typing import Any, Literal
from urllib.parse import unquote, urljoin, urlsplit

import msgspec

from patchbay.connectors.rest.documents.archive import MAGIC, read_archive
from patchbay.connectors.rest.documents.parsing import parse
from patchbay.connectors.rest.documents.refusals import DocumentNotReadable, document_refusal
from patchbay.connectors.rest.documents.values import is_object
from patchbay.connectors.rest.documents.walking import describing

Format = Literal["openapi", "swagger", "google"]

MOST_TOGETHER = 128 << 20
_SHOWN = 6
_SCOPING = (b"$id", b"$anchor", b"$dynamicAnchor")
_READ = (".json", ".yaml", ".yml")
# Keys may come in any order (the last one of 4 MB, where they are sorted), so the whole text is looked at.
_SAYS_API = re.compile(rb"""(?:^|[{,])\s*["']?(?:openapi|swagger|discoveryVersion)["']?\s*:""", re.MULTILINE)
_FOREIGN = (
    ("asyncapi", "an AsyncAPI document"), ("swaggerVersion", "a Swagger 1 document"), ("__schema", "a GraphQL schema"),
    ("jsonrpc", "a JSON-RPC message"), ("openrpc", "an OpenRPC document"), ("arazzo", "an Arazzo document"),
    ("overlay", "an OpenAPI overlay"),
)  # fmt: skip


class Document(msgspec.Struct, gc=False):
    """One description. ``value`` is the parsed root file, ``files`` the others by path, parsed where they are needed.

    ``version`` is the document's own, ("3", "1") for 3.1.x; of Google discovery, ("3", "0"), which it is turned into.
    ``stated`` is False where the document does not say what it is. ``url`` is where the root file came from. ``scoped``: where a
    reference counts from depends on where it stands (several files, ``$id``).
    """

    root: str
    value: dict[str, Any]
    files: Mapping[str, bytes]
    format: Format
    version: tuple[int, int]
    stated: bool = True
    url: str | None = None
    scoped: bool = False

    @property
    def is_31(self) -> bool:
        """Whether schemas are JSON Schema 2020-12: a reference may have siblings, a type may be a list."""
        return self.version >= (3, 1)


def open_document(files: Mapping[str, bytes], *, root: str | None = None, url: str | None = None) -> Document:
    """The description in ``files`` (path: content; one of them may be a zip). ``root`` names its main file, found when left out.

    Raises :class:`~patchbay.connectors.rest.documents.refusals.DocumentNotReadable`.
    """
    unpacked = _unpacked(files)
    if sum(len(content) for content in unpacked.values()) > MOST_TOGETHER:
        raise document_refusal("too_large", f"The files are larger than {MOST_TOGETHER >> 20} MB together.")
    name = root if root is not None and root in unpacked else _find_root(unpacked)
    content = unpacked[name]
    value = parse(content, name)
    document = _recognized(value, name, unpacked, url)
    document.scoped = len(unpacked) > 1 or (document.is_31 and any(word in content for word in _SCOPING))
    return document


def needed_references(
    files: Mapping[str, bytes], *, root: str | None = None, url: str | None = None, fresh: Collection[str] | None = None
) -> list[str]:
    """The files that ``files`` refer to and that are not among them, as paths relative to the root file's folder.

    A caller fetches those of the same origin (``urljoin(url, path)``), adds them under the paths given here and asks again until
    none is left; ``fresh`` then names the files added since it last asked, which alone are looked into. References to other hosts
    are never listed; those to the document's own ``url`` origin are, absolute.
    Raises what :func:`open_document` raises for a root file that cannot be read; another one is a finding, later.
    """
    unpacked = _unpacked(files)
    name = root if root is not None and root in unpacked else _find_root(unpacked)
    missing: dict[str, None] = {}
    todo = [name] if fresh is None else [path for path in fresh if path in unpacked]
    seen = {name, *todo, *(unpacked if fresh is not None else ())}
    while todo:
        base = todo.pop()
        if base not in unpacked:
            missing[base] = None
            continue
        for node in describing(_parsed(unpacked[base], base, root=base == name)):
            ref: Any = node.get("$ref")
            target = file_of(ref, base, url) if type(ref) is str else None
            if target is not None and target not in seen and target != url:
                seen.add(target)
                todo.append(known_as(target, unpacked))
    return [path for path in missing if path not in unpacked]


def _parsed(content: bytes, name: str, *, root: bool) -> Any:
    """A file's value; None for one beside the document's own that cannot be read."""
    try:
        return parse(content, name)
    except DocumentNotReadable:
        if root:
            raise
        return None


def file_of(reference: str, base: str, url: str | None) -> str | None:
    """The file a reference in ``base`` leads to; None for one inside its own file or to another host."""
    path = reference.partition("#")[0]
    if not path:
        return None
    here = urlsplit(url) if url is not None else None
    there = urlsplit(urljoin(base, path) if "://" in base else path)
    if there.scheme or there.netloc:
        same = here is not None and there.scheme in ("", here.scheme) and there.netloc.lower() == here.netloc.lower()
        return there.geturl() if same else None
    return join_path(base, path)


def join_path(base: str, path: str) -> str:
    """A relative reference as a path from where ``base`` counts from (RFC 3986, section 5.2)."""
    if "://" in base or "://" in path:
        return urljoin(base, path)
    return posixpath.normpath(path if path.startswith("/") else posixpath.join(posixpath.dirname(base), path))


def known_as(path: str, files: Mapping[str, Any]) -> str:
    """The path under which a file is there: as written, or without percent-encoding."""
    if path in files or "%" not in path:
        return path
    plain = unquote(path)
    return plain if plain in files else path


def _unpacked(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    if len(files) == 1:
        (content,) = files.values()
        if content.startswith(MAGIC):
            return read_archive(content)
    return files


def _find_root(files: Mapping[str, bytes]) -> str:
    """The file that says it is a description; of several, the one that none of the others refers to."""
    if len(files) == 1:
        return next(iter(files))
    saying = sorted(
        (n for n in files if n.lower().endswith(_READ) and _SAYS_API.search(files[n])), key=lambda n: (n.count("/"), n)
    )
    if len(saying) > 1:
        inner = {target for name in saying for target in _referred(files, name)}
        saying = [name for name in saying if name not in inner] or saying[:1]
    if not saying:
        raise document_refusal("not_an_api", "None of these files says that it is an OpenAPI or Google discovery document.")
    if len(saying) > 1:
        shown = ", ".join(saying[:_SHOWN]) + (", …" if len(saying) > _SHOWN else "")
        raise document_refusal(
            "ambiguous", f"There are several documents in it: {shown}.", hint="Connect each of them as a provider of its own."
        )
    return saying[0]


def _referred(files: Mapping[str, bytes], name: str) -> set[str]:
    found = (file_of(node["$ref"], name, None) for node in describing(parse(files[name], name)) if type(node.get("$ref")) is str)
    return {known_as(path, files) for path in found if path is not None}


def _recognized(value: Any, name: str, files: Mapping[str, bytes], url: str | None) -> Document:
    if not is_object(value):
        raise document_refusal("not_an_api", "This is not an object, so no API description.", file=name)
    document = value
    made = Document(name, document, files, "openapi", (3, 0), url=url)
    if "openapi" in document:
        made.version = _version(str(document["openapi"]), 3, name)
    elif "swagger" in document:
        made.format, made.version = "swagger", _version(str(document["swagger"]), 2, name)
    elif "discoveryVersion" in document or document.get("kind") == "discovery#restDescription":
        made.format = "google"
    else:
        _refuse_foreign(document, name)
        made.stated = False
    return made


def _version(text: str, expected: int, name: str) -> tuple[int, int]:
    major, _, rest = text.strip().partition(".")
    minor = rest.partition(".")[0]
    if major != str(expected) or not (minor or "0").isdigit():
        raise document_refusal("version", f"This version is not read: {text[:20]}.", file=name)
    return expected, min(int(minor or "0"), 99)


def _refuse_foreign(document: dict[str, Any], name: str) -> None:
    said = next((what for key, what in _FOREIGN if key in document), None)
    if said is None and is_object(document.get("paths")):
        return
    if said is None and ("$schema" in document or "properties" in document or "definitions" in document):
        said = "a JSON Schema"
    what = f"This is {said}, no API description." if said else "This says nowhere that it is an API description."
    raise document_refusal("not_an_api", what, file=name)
