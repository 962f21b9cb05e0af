"""A small CRM behind a REST API: envelopes, pages, expandable references, nested values, unions, a search in a body."""

from __future__ import annotations

from typing import Any

from patchbay.bindings.check import Checked, Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.bindings.report import BindingInvalid
from patchbay.errors import Finding
from patchbay.schema_graph.call import Candidate, HttpCall
from patchbay.schema_graph.model import Argument, Edge, Field, Graph, Object, Operation
from patchbay.schema_graph.naming import slug
from patchbay.schema_graph.scoping import Scoping, View


def text(name: str, **more: Any) -> Field:
    return Field(**{"name": name, "type": "string", "native_type": "string"} | more)


def holds(name: str, target: str, *, many: bool = False, **more: Any) -> Edge:
    cardinality = "one_to_many" if many else "many_to_one"
    return Edge(**{"name": name, "target": target, "cardinality": cardinality, "pairs": ((name, ""),), "embedded": True} | more)


def held(name: str, target: str, *, many: bool = False, **more: Any) -> Field:
    kind: dict[str, Any] = {"type": "array", "item_type": "object"} if many else {"type": "object"}
    return Field(**{"name": name, "native_type": target} | kind | more)


def is_a(target: str) -> Edge:
    return Edge(target, target, "many_to_one", (), embedded=True, narrows=True)


def query(name: str, kind: str = "string", native: str | None = None, **more: Any) -> Argument:
    return Argument(**{"name": name, "role": "filter", "type": kind, "native_type": native or kind} | more)


GEO = text("geo", type="object", fields=(text("lat", type="number", native_type="number"), text("lon", type="number")))
ADDRESS = text("address", type="object", fields=(text("city"), text("street"), GEO))
OBJECTS = (
    Object(
        "Contact", "Contact", "type",
        fields=(
            text("id", primary_key=True, nullable=False), text("name"), text("email", badges=("pii",)),
            text("phone", badges=("pii",)), text("data"),
            text("tags", type="array", item_type="string"), ADDRESS,
            text("notes", type="array", item_type="object", fields=(text("text"), text("by"))),
            held("company", "Company"), held("tickets", "Ticket", many=True), text("owner_id"),
            text("pin", readable=False), text("extra", type="json", native_type="object"),
            text("card_number", badges=("payment_card",)),
        ),
        edges=(
            holds("company", "Company"), holds("tickets", "Ticket", many=True, wrapper=("data",)),
            Edge("owner", "User", "many_to_one", (("owner_id", "id"),), inferred=True, confidence=0.8),
        ),
    ),
    Object("Company", "Company", "type", fields=(text("id"), text("name"), held("parent", "Company")),
           edges=(holds("parent", "Company"),)),
    Object(
        "Ticket", "Ticket", "type",
        fields=(
            text("id"), text("number", unique=True), text("subject"), text("contact"),
            text("status", type="enum", enum=("open", "closed")), text("opened", type="datetime", zoned=True),
            held("comments", "Comment", many=True), text("labels", type="array", item_type="enum", enum=("a", "b")),
        ),
        edges=(holds("contact", "Contact"), holds("comments", "Comment", many=True)),
    ),
    Object("Comment", "Comment", "type", fields=(text("body"), held("author", "Author")), edges=(holds("author", "Author"),)),
    Object("Author", "Author", "union", fields=(text("id"), text("name"), text("login"), text("model")),
           edges=(is_a("User"), is_a("Bot"))),
    Object("User", "User", "type", fields=(text("id"), text("name"), text("login"))),
    Object("Bot", "Bot", "type", fields=(text("id"), text("name"), text("model"))),
    Object('"crm.note"', "crm_note", "type", fields=(text("id"), text("text"))),
)  # fmt: skip


def operation(name: str, object_: str | None, path: str, *arguments: Argument, **more: Any) -> Operation:
    invoke: dict[str, Any] = {"method": "GET", "path": path, "arguments": _places(arguments, path)} | more.pop("invoke", {})
    return Operation(
        **{"name": name, "slug": slug(name), "object": object_, "effect": "read", "verb": "call"}
        | {"arguments": arguments, "invoke": invoke}
        | more
    )


def _places(arguments: tuple[Argument, ...], path: str) -> dict[str, Any]:
    places: dict[str, Any] = {}
    for one in arguments:
        parts = one.name.split(".")
        if parts[0] == "body":
            below = [p for part in parts[1:] for p in ((part, "[]") if part == "segments" else (part,))]
            places[one.name] = {"place": "json", "name": parts[-1], "path": below}
        else:
            place = "path" if f"{{{one.name}}}" in path else parts[0] if parts[0] in ("query", "header") else "query"
            wire = parts[-1] if parts[0] in ("query", "header") else one.name
            places[one.name] = {"place": place, "name": wire, "style": "simple" if place == "path" else "form"}
    return places


KEY: dict[str, Any] = {"role": "key", "required": True}
IN_TOTAL = {"demanded_by": "body.total"}
OPERATIONS = (
    operation("findContact", "Contact", "/contacts/find", query("phone"), query("email"), query("active", "boolean"),
              invoke={"record": ["contact"]}),
    operation("listContacts", "Contact", "/contacts", query("email"), query("limit", "integer"), query("since", "datetime"),
              query("companies", "array", item_type="string"), query("created.gte", "integer", "integer(int64)"), many=True,
              invoke={"record": ["data"], "page": {"style": "cursor", "size": "limit", "sizeMost": 20, "more": ["has_more"]}}),
    operation("getTicket", "Ticket", "/tickets/{ticket}", query("ticket", **KEY), query("query.expand", "array", item_type="enum",
              enum=("contact", "comments")), query("header.expand"), description="One ticket, with its Comment list."),
    operation("GET /contacts/{contact}/tickets", "Ticket", "/contacts/{contact}/tickets", query("contact", **KEY),
              query("status", "enum", "string", enum=("open", "closed")), query("number"), many=True,
              invoke={"record": ["result", "items"], "page": {"size": "page_size"}, "server": "https://eu.example.com"}),
    operation("searchTickets", "Ticket", "/tickets/search", query("body.text"), query("body.opened", "datetime"),
              query("body.total.amount", "decimal", "string(decimal)", **IN_TOTAL), query("body.total.currency", **IN_TOTAL),
              query("body.total.unit"), query("body.segments.kind"), query("body.segments.value"), query("body.filter", "json"),
              many=True, invoke={"method": "POST", "contentType": "application/json", "record": ["tickets"]}),
    operation("createTicket", "Ticket", "/tickets", query("body.subject", role="value"), effect="write"),
    operation("listNotes", '"crm.note"', "/notes", many=True),
    operation("ping", None, "/ping"),
    operation("export", "Contact", "/export", unusable="It answers with a file."),
    operation("accounts/list", "Contact", "/accounts", query("page", "integer", "integer(int32)", required=True), many=True),
)  # fmt: skip
GRAPH = Graph("rest", None, {one.name: one for one in OBJECTS}, {one.name: one for one in OPERATIONS})
TARGET = Target(connection_id="con_1", kind="rest", time_zone="America/Toronto", default_country="CA")
FIND: dict[str, Any] = {
    "toolName": "Look up the caller",
    "operation": "findContact",
    "inputs": [{"param": "caller_phone", "arg": "phone", "required": True, "description": "The caller's phone number"}],
    "projection": [
        {"path": ["contact", "name"], "leaf": "customer_name"},
        {"path": ["contact", "email"], "leaf": "customer_email"},
    ],
    "enabled": True,
}


def crm(**scoping: Any) -> View:
    return View(GRAPH, Scoping(**scoping))


def bind(view: View | None = None, target: Target = TARGET, **members: Any) -> Checked:
    return check(parse_binding(FIND | members), view or crm(), target)


def compiled(view: View | None = None, target: Target = TARGET, **members: Any) -> HttpCall:
    view = view or crm()
    made: Candidate = compile_plan(bind(view, target, **members).plan, view)
    assert isinstance(made.body, HttpCall)
    return made.body


def refused(view: View | None = None, target: Target = TARGET, **members: Any) -> list[Finding]:
    try:
        bind(view, target, **members)
    except BindingInvalid as invalid:
        return list(invalid.errors)
    raise AssertionError("the binding was accepted")
