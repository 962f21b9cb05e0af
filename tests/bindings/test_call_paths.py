"""Paths into embedded data: through lists, nested values, unions and wrappers, as documents and goals write them."""

import pytest

from patchbay.bindings.paths import PathProblem, Reading, follow, record_heads
from patchbay.schema_graph.scoping import View
from tests.bindings.crm import crm
from tests.bindings.shop import shop

CRM, SHOP = crm(), shop()


def read(view: View, operation: str, path: str | list[str]) -> Reading:
    found = view.operation(operation)
    assert found is not None
    root = view.object(found.object or "")
    assert root is not None
    return follow(view, root, path.split("/") if isinstance(path, str) else path, record_heads(found))


def problem(view: View, operation: str, path: str) -> PathProblem:
    with pytest.raises(PathProblem) as caught:
        read(view, operation, path)
    return caught.value


@pytest.mark.parametrize(
    ("operation", "path", "name", "many"),
    [
        ("findContact", "name", "name", False),
        ("findContact", "contact/name", "name", False),
        ("findContact", "contact.email", "email", False),
        ("findContact", "Contact/name", "name", False),
        ("findContact", "address/city", "address.city", False),
        ("findContact", "contact.address.geo.lat", "address.geo.lat", False),
        ("findContact", "company.parent.parent.name", "company.parent.parent.name", False),
        ("findContact", "tags", "tags", False),
        ("findContact", "extra", "extra", False),
        ("findContact", "notes/text", "notes.text", True),
        ("findContact", "tickets/subject", "tickets.subject", True),
        ("findContact", "tickets.data.subject", "tickets.subject", True),
        ("findContact", "contact.tickets.data.comments.author.name", "tickets.comments.author.name", True),
        ("listContacts", "data.id", "id", False),
        ("listContacts", "data", "data", False),
        ("listContacts", "data.data", "data", False),
        ("getTicket", "contact", "contact", False),
        ("getTicket", "contact.name", "contact.name", False),
        ("getTicket", "ticket.comments.body", "comments.body", True),
        ("getTicket", "comments/author/Bot/model", "comments.author.Bot.model", True),
        ("GET /contacts/{contact}/tickets", "result.items.number", "number", False),
        ("GET /contacts/{contact}/tickets", "items.number", "number", False),
        ("listNotes", "text", "text", False),
    ],
)
def test_accepted_as_written_for_rest(operation: str, path: str, name: str, many: bool):
    found = read(CRM, operation, path)
    assert (found.name, found.many) == (name, many)


@pytest.mark.parametrize(
    ("operation", "path", "name", "many"),
    [
        ("query.orders", "number", "number", False),
        ("query.orders", "edges.node.number", "number", False),
        ("query.orders", "nodes.number", "number", False),
        ("query.orders", "orders.edges.node.number", "number", False),
        ("query.orders", "orders/edges/node/order/number", "number", False),
        ("query.orders", "edges.node.parcels.events.at", "parcels.events.at", True),
        ("query.orders", "lines.nodes.product.title", "lines.product.title", True),
        ("query.orders", "lines.edges.node.sku", "lines.sku", True),
        ("query.orders", "lines.sku", "lines.sku", True),
        ("query.order", "order.customer.boss.name", "customer.boss.name", False),
        ("query.order", "subject.Product.price", "subject.Product.price", False),
        ("query.search", "Article/title", "Article.title", False),
        ("query.search", "search.Page.url", "Page.url", False),
        ("query.customers", "orders.edges.node.total", "orders.total", True),
        ("query.openTotal", "value", "value", False),
    ],
)
def test_accepted_as_written_for_graphql(operation: str, path: str, name: str, many: bool):
    found = read(SHOP, operation, path)
    assert (found.name, found.many) == (name, many)


def test_what_leads_to_a_column_is_carried_along():
    column = read(CRM, "findContact", "tickets.comments.author.name").column()
    assert (column.via, column.field, column.inner, column.many) == (("tickets", "comments", "author"), "name", (), True)
    column = read(CRM, "findContact", "address.geo.lat").column()
    assert (column.via, column.field, column.inner) == ((), "address", ("geo", "lat"))
    assert (column.type, column.nullable, column.many) == ("number", True, False)
    assert not read(CRM, "findContact", "id").column().nullable


@pytest.mark.parametrize(
    ("view", "operation", "path", "code", "hint"),
    [
        (CRM, "findContact", "address", "path_not_scalar", "address.city, address.street"),
        (CRM, "findContact", "address.geo", "path_not_scalar", "geo.lat"),
        (CRM, "findContact", "tickets", "path_not_scalar", "tickets.id"),
        (CRM, "findContact", "company", "path_not_scalar", "company.name"),
        (CRM, "findContact", "address.town", "unknown_path", "city"),
        (CRM, "findContact", "nmae", "unknown_path", "'name'"),
        (CRM, "findContact", "name.first", "unknown_path", "End the path"),
        (CRM, "findContact", "tickets.subjct", "unknown_path", "'subject'"),
        (CRM, "findContact", "owner.name", "edge_inferred", "returns that object"),
        (CRM, "findContact", "pin", "not_readable", "Leave it out"),
        (CRM, "findContact", "company" + ".parent" * 9 + ".name", "path_too_deep", None),
        (CRM, "listContacts", "data.contact.nothing", "unknown_path", None),
        (SHOP, "query.order", "events", "not_readable", "Leave it out"),
        (SHOP, "query.order", "customer.boss.boss.boss.boss.boss.boss.boss.boss.name", "path_too_deep", None),
        (SHOP, "query.order", "parcels.events", "path_not_scalar", "events.at"),
        (SHOP, "query.search", "Order.number", "unknown_path", "Product"),
    ],
)
def test_what_cannot_be_read(view: View, operation: str, path: str, code: str, hint: str | None):
    found = problem(view, operation, path)
    assert found.code == code
    assert hint is None or hint in (found.hint or "")


def test_a_record_named_like_a_field_of_its_own():
    from patchbay.schema_graph.model import Graph, Object
    from tests.bindings.crm import held, holds, operation, text

    commit = Object(
        "commit", "commit", "type", fields=(text("url"), held("commit", "detail")), edges=(holds("commit", "detail"),)
    )
    detail = Object("detail", "detail", "type", fields=(text("url"),))
    get = operation("getCommit", "commit", "/commit")
    view = View(Graph("rest", None, {"commit": commit, "detail": detail}, {"getCommit": get}))
    found = problem(view, "getCommit", "commit.url")
    assert (found.code, found.hint) == (
        "ambiguous_path",
        "Write 'commit.commit.url' or 'url', one name a segment and names with dots in double quotes.",
    )
    assert read(view, "getCommit", "commit.commit.url").name == "commit.url"
    assert read(view, "getCommit", "url").name == "url"


def test_nothing_blocked_is_followed_or_named():
    view = crm(blocked_tables=("Company", "Bot"), blocked_columns={"Contact": ("address.city", "phone"), "User": ("login",)})
    author = "tickets.comments.author"
    for path in ("company.name", "company", "address.city", "phone", f"{author}.login", f"{author}.Bot.id"):
        found = problem(view, "findContact", path)
        said = f"{found.message} {found.hint}".replace(repr(path.rpartition(".")[2]), "")
        assert not any(word in said for word in ("ompany", "city", "phone", "login", "Bot"))
    assert read(view, "findContact", "address.street").name == "address.street"
    # What a bot may hold as well is hidden with the bots; what only users have is not.
    assert problem(view, "findContact", f"{author}.name").code == "unknown_path"
    assert problem(view, "findContact", f"{author}.User.name").code == "unknown_path"
