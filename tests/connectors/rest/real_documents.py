"""Every document in the shared data, and what reading it comes to.

Run as a program, this writes what is found now into ``expectations.json``; read the difference before committing it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from patchbay.connectors.documents import DocumentNotReadable
from patchbay.connectors.rest.task import DocumentSettings, read_graph
from patchbay.schema_graph.model import Graph

EXPECTATIONS = Path(__file__).with_name("expectations.json")
ONLY_SCHEMAS = "ref-parser-specs"
WITH_FOLDER = ("digitalocean", ONLY_SCHEMAS)
_ENDINGS = (".json", ".yaml", ".yml")
_ROOTS = {"digitalocean": ("digitalocean/DigitalOcean-public.v2.yaml",)}


def documents(directory: Path) -> Iterator[str]:
    """The path of every document, below ``openapi``."""
    for file in sorted(directory.rglob("*")):
        path = file.relative_to(directory).as_posix()
        vendor = path.partition("/")[0]
        if file.suffix in _ENDINGS and (vendor not in _ROOTS or path in _ROOTS[vendor]):
            yield path


def files_of(directory: Path, path: str) -> tuple[dict[str, bytes], str]:
    """The files a document may refer to, and its own path among them."""
    vendor, _, inside = path.partition("/")
    if vendor not in WITH_FOLDER:
        return {Path(path).name: (directory / path).read_bytes()}, Path(path).name
    folder = directory / vendor if vendor != ONLY_SCHEMAS else directory / vendor / inside.partition("/")[0]
    root = (directory / path).relative_to(folder).as_posix()
    files = {f.relative_to(folder).as_posix(): f.read_bytes() for f in folder.rglob("*") if f.suffix in _ENDINGS}
    return files, root


def wrapped(files: dict[str, bytes], root: str) -> tuple[dict[str, bytes], str]:
    """The files of a schema, with an API whose one operation answers with it."""
    quoted = root.replace("%", "%25").replace(" ", "%20").replace("[", "%5B").replace("]", "%5D")
    answer = {"description": "", "content": {"application/json": {"schema": {"$ref": quoted}}}}
    paths = {"/schema": {"get": {"operationId": "answer", "responses": {"200": answer}}}}
    api = {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "servers": [{"url": "https://api.example"}],
        "paths": paths,
    }
    return {**files, "the-api.json": json.dumps(api).encode()}, "the-api.json"


def outcome(files: dict[str, bytes], root: str) -> dict[str, Any]:
    """What reading comes to: a refusal with its reason and line, or counts and the codes of findings."""
    try:
        graph = read_graph(files, DocumentSettings(root=root)).graph
    except DocumentNotReadable as refusal:
        known = {"outcome": "refused", "reason": refusal.extensions["reason"], "line": refusal.extensions.get("line")}
        return {key: value for key, value in known.items() if value is not None}
    findings = sorted({note.code for note in graph.notes})
    return {
        "outcome": "loads with findings" if findings else "loads",
        **({"findings": findings} if findings else {}),
        **counts(graph),
    }


def counts(graph: Graph) -> dict[str, int]:
    """How much of everything a graph holds."""
    operations = graph.operations.values()
    kinds = Counter("unusable" if operation.unusable else "usable" for operation in operations)
    return {
        "objects": len(graph.objects),
        "fields": sum(len(obj.fields) for obj in graph.objects.values()),
        "edges": sum(len(obj.edges) for obj in graph.objects.values()),
        "operations": len(graph.operations),
        **({"unusable": kinds["unusable"]} if kinds["unusable"] else {}),
        "arguments": sum(len(operation.arguments) for operation in operations),
    }


def current(directory: Path) -> dict[str, Any]:
    """What reading every document comes to now."""
    found: dict[str, Any] = {}
    for path in documents(directory):
        files, root = files_of(directory, path)
        found[path] = outcome(files, root)
        if path.startswith(ONLY_SCHEMAS):
            found[f"{path} as an answer"] = outcome(*wrapped(files, root))
    return found


if __name__ == "__main__":
    from tests.servers.datasets import shared_data

    lines = (f"  {json.dumps(path)}: {json.dumps(held)}" for path, held in current(shared_data() / "openapi").items())
    EXPECTATIONS.write_text("{\n" + ",\n".join(lines) + "\n}\n")
