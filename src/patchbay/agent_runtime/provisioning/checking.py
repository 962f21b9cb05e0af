"""What an author of a pack is told before anybody connects: whether its actions fit the API document beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from patchbay.agent_runtime.recipes.freezing import known_recipe
from patchbay.bindings.compiled import compile_binding
from patchbay.bindings.model import parse_binding
from patchbay.bindings.scope import Target
from patchbay.connectors.graphql.task import graph_of
from patchbay.connectors.rest.task import DocumentSettings, read_graph
from patchbay.errors import PatchbayError
from patchbay.packs.drafts import draft_of
from patchbay.packs.model import Action, Pack, SettingType
from patchbay.packs.reading import DOCUMENTS
from patchbay.schema_graph.model import Graph
from patchbay.schema_graph.scoping import Scoping, View

_SAMPLES: Mapping[SettingType, Any] = {
    "string": "USD",
    "integer": 1,
    "number": 1,
    "boolean": True,
    "time_zone": "UTC",
    "country": "US",
    "working_hours": {"monday": [{"from": "09:00", "to": "17:00"}]},
    "columns": {"example": "Example"},
    "object": {"example": "Example"},
    "list": ["example"],
}


def problems_of(pack: Pack) -> Iterator[str]:
    """What is wrong with the actions of a pack that can be read, by file and action: operations, arguments and fields that its
    document does not have, and recipes that there are not. What an operator has still to decide is taken from an example.
    """
    if pack.document is None:
        return
    try:
        view = View(_graph(pack, pack.document), Scoping.from_json(dict(pack.identity.scoping)))
    except PatchbayError as error:
        yield f"{_file(pack)}: {_told(error)}"
        return
    for action in pack.actions:
        yield from (f"actions.yaml: {action.slug}: {problem}" for problem in _of_action(pack, action, view))


def _graph(pack: Pack, document: str) -> Graph:
    reads = pack.identity.connect.reads
    if pack.identity.connect.type == "graphql":
        return graph_of(document.encode(), reads)
    return read_graph({_file(pack): document.encode()}, DocumentSettings(reads=reads)).graph


def _file(pack: Pack) -> str:
    return DOCUMENTS[pack.identity.connect.type == "graphql"]


def _of_action(pack: Pack, action: Action, view: View) -> Iterator[str]:
    needed = {setting.name: _SAMPLES[setting.type] for setting in action.configuration if setting.needed}
    target = Target(connection_id="example", kind=pack.kind, time_zone="UTC", default_country="US")
    draft = draft_of(pack, action, needed)
    try:
        recipe = None if draft.recipe is None else known_recipe(draft.recipe)
    except PatchbayError as error:
        yield _told(error)
        return
    for name, body in draft.parts.items():
        try:
            compile_binding(parse_binding(body), view, target)
        except PatchbayError as error:
            yield _told(error) if recipe is None else f"{name}: {_told(error)}"


def _told(error: PatchbayError) -> str:
    findings = [f"{one.field}: {one.message}{f' {one.hint}' if one.hint else ''}" for one in error.errors]
    return "; ".join(findings) or error.detail
