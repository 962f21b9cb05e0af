"""What an operator is told of a discovered schema: each thing once, and nothing blocked."""

from __future__ import annotations

from patchbay.schema_graph.model import Graph, Note, Object, Operation
from patchbay.schema_graph.scoping import Scoping, View
from patchbay.schema_graph.summary import findings_of
from tests.schema_graph.clinic import text


def view(**scoping: object) -> View:
    objects = {name: Object(name, name, "type", fields=(text("name"),)) for name in ("Contact", "Ledger")}
    operations = {
        "getZen": Operation("getZen", "getZen", None, "read", "call", unusable="It answers with text."),
        "getOctocat": Operation("getOctocat", "getOctocat", None, "read", "call", unusable="It answers with text."),
        "getLedger": Operation("getLedger", "getLedger", "Ledger", "read", "call", unusable="It is on another host."),
        "getContact": Operation("getContact", "getContact", "Contact", "read", "call"),
    }
    notes = (
        Note("map", "The keys of this value are data.", "Contact.labels"),
        Note("map", "The keys of this value are data.", "Ledger.rows"),
        Note("no_servers", "The document does not say where the API is."),
    )
    return View(Graph("rest", None, objects, operations, notes), Scoping.from_json(scoping))


def test_each_thing_is_said_once_of_all_it_is_true_of() -> None:
    assert {(one["code"], one["message"]) for one in findings_of(view())} == {
        ("operation_unusable", "getOctocat, getZen cannot be bound. It answers with text."),
        ("operation_unusable", "getLedger cannot be bound. It is on another host."),
        ("map", "The keys of this value are data. (Contact.labels, Ledger.rows)"),
        ("no_servers", "The document does not say where the API is."),
    }


def test_nothing_blocked_is_told_of() -> None:
    told = str(findings_of(view(blockedTables=["Ledger"])))
    assert "edger" not in told
    assert "Contact.labels" in told
    assert "getZen" in told
