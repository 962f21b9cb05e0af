"""What people want of the sample APIs can be reached in their graphs: operation, arguments and the fields it answers with."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest

from patchbay.connectors.rest.task import DocumentSettings, read_graph
from patchbay.schema_graph.model import Graph
from tests.connectors.rest.real_documents import files_of
from tests.servers.datasets import shared_data


@functools.cache
def graph(schema: str) -> Graph:
    files, root = files_of(shared_data() / "openapi", schema.removeprefix("openapi/"))
    return read_graph(files, DocumentSettings(root=root)).graph


def lines(name: str) -> list[dict[str, Any]]:
    """The entries of an evaluation file that are about REST."""
    text = (shared_data() / "eval" / name).read_text()
    return [held for held in map(json.loads, text.splitlines()) if held["schema"].startswith("openapi/")]


def reaches(whole: Graph, start: str | None, path: list[str]) -> bool:
    """Whether a path of names leads from an object over embedded edges and nested values to a field."""
    obj = whole.objects.get(start or "")
    if obj is None:
        return False
    field = obj.field(path[0])
    if field is None or len(path) == 1:
        return field is not None
    edge = obj.edge(path[0])
    return reaches(whole, edge.target, path[1:]) if edge is not None else obj.member(path) is not None


@pytest.mark.parametrize("which", range(20))
def test_a_goal_can_be_bound(which: int) -> None:
    goals = lines("automap_goals.jsonl")
    if which >= len(goals):
        pytest.skip("there are fewer goals")
    goal = goals[which]
    whole = graph(goal["schema"])
    operation = whole.operations[goal["operation"]]
    assert operation.unusable is None
    assert (operation.effect == "write") == goal.get("write", operation.effect == "write")
    assert set(goal["inputs"].values()) <= {argument.name for argument in operation.arguments}
    record = operation.invoke.get("record", [])
    for field in goal["fields"]:
        path = field.split(".")
        inside = path[len(record) :] if record and path[: len(record)] == record else path
        assert reaches(whole, operation.object, inside), field


def test_what_a_search_should_find_is_there() -> None:
    for query in lines("search_queries.jsonl"):
        whole = graph(query["schema"])
        for wanted in query["relevant"]:
            owner, _, name = wanted.rpartition(".")
            holders = (whole.objects.get(owner), whole.objects.get(f'"{owner}"'))
            known = wanted in whole.operations or wanted in whole.objects
            assert known or any(obj is not None and obj.field(name) is not None for obj in holders), wanted
