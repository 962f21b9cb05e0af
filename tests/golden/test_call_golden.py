"""Bindings of called operations and the requests or documents they compile to, side by side."""

from typing import Any

import msgspec
import pytest

from patchbay.schema_graph.call import GraphqlCall, HttpCall, RequestSlot
from tests.bindings import crm, shop
from tests.golden.loader import cases, same, strays

HTTP, GRAPHQL = dict(cases("http")), dict(cases("graphql"))


def lines(call: HttpCall | GraphqlCall, slots: tuple[RequestSlot, ...]) -> list[str]:
    shown = [f"# {msgspec.json.encode(slot).decode()}" for slot in slots]
    shown += [f"# leaf {'.'.join(leaf) or '(the answer itself)'}" for leaf in call.leaves]
    shown.append(f"# record {'.'.join(call.record) or '(the answer itself)'}{', many' if call.many else ''}")
    shown += [f"# more {'.'.join(call.more)}"] if call.more else []
    return shown + (["# one must be given"] if call.demand_one else [])


def shown_http(call: HttpCall) -> str:
    head = f"{call.method} {call.server or ''}{call.path}"
    return (
        "\n".join([head, *([f"Content-Type: {call.content_type}"] if call.content_type else []), *lines(call, call.slots)]) + "\n"
    )


def shown_graphql(call: GraphqlCall) -> str:
    return "\n".join([call.document, *lines(call, call.slots)]) + "\n"


@pytest.mark.parametrize("name", HTTP)
def test_a_binding_compiles_to_its_request(name: str):
    body: dict[str, Any] = HTTP[name]
    same("http", name, shown_http(crm.compiled(**body)), ".http")


@pytest.mark.parametrize("name", GRAPHQL)
def test_a_binding_compiles_to_its_document(name: str):
    body: dict[str, Any] = GRAPHQL[name]
    same("graphql", name, shown_graphql(shop.compiled(**body)), ".graphql")


def test_no_result_is_without_its_input():
    assert strays("http", ".http") == set()
    assert strays("graphql", ".graphql") == set()
