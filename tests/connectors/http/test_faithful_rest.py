"""Bindings on vendors' own documents, from the document to the answer of a server that holds us to it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec
import pytest
import ryaml

from patchbay.bindings.check import Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.connectors.refusals import CredentialsRefused
from patchbay.connectors.rest.prove import prove_rest
from patchbay.connectors.rest.ready import ReadyRequest
from patchbay.connectors.rest.task import DocumentSettings, read_graph
from patchbay.egress.http import OutboundClient
from patchbay.schema_graph.model import Graph
from patchbay.schema_graph.scoping import View
from tests.connectors.http.calls import GUARD, run, source_at
from tests.servers.certificates import Authority
from tests.servers.datasets import shared_data
from tests.servers.upstreams.faithful import FaithfulUpstream, bearer, serving
from tests.servers.upstreams.tls import server_context

AUTHORITY = Authority()
FILES = {
    "stripe": "stripe/spec3.json",
    "github": "github/api.github.com.json",
    "square": "square/api.json",
    "xero": "xero/xero_accounting.yaml",
}
READS = {
    # A person's word makes a read of what is sent by POST: of the search it is, and of a form for the sake of its body.
    "stripe": ("PostCustomers",),
    "square": ("SearchCustomers",),
}


@dataclass
class Case:
    """A binding (parameter → argument, leaf → path), what it is called with, what the server understood, and what comes back."""

    vendor: str
    operation: str
    inputs: dict[str, str]
    arguments: dict[str, Any]
    projection: dict[str, str]
    understood: dict[str, Any]
    row: dict[str, Any]
    constants: dict[str, Any] = field(default_factory=dict)


CASES = [
    Case(
        "stripe",
        "GetCustomersCustomer",
        {"customer_id": "customer"},
        {"customer_id": "cus_1 2/3é"},
        {"email": "email", "created": "created", "city": "address.city", "locales": "preferred_locales"},
        {"path": {"customer": "cus_1 2/3é"}, "query": {}, "body": None},
        {
            "email": "email text",
            "created": 1_767_225_600,
            "city": "city text",
            "locales": ["preferred_locales text", "preferred_locales text"],
        },
    ),
    Case(
        "stripe",
        "GetCustomers",
        {"email": "email", "since": "created.gte"},
        {"email": "ada+1&x=y@example.com", "since": 1_700_000_000},
        {"name": "name", "delinquent": "delinquent"},
        {"query": {"email": "ada+1&x=y@example.com", "created": {"gte": 1_700_000_000}, "limit": 6}},
        {"name": "name text", "delinquent": True},
    ),
    Case(
        "stripe",
        "GetSubscriptions",
        {"customer": "customer", "status": "status"},
        {"customer": "cus_1", "status": "past due"},
        {"id": "id", "prices": "items.price.id", "cancel": "cancel_at_period_end"},
        {"query": {"customer": "cus_1", "status": "past_due", "limit": 6}},
        {"id": "id text", "prices": ["id text", "id text"], "cancel": True},
    ),
    Case(
        "stripe",
        "PostCustomers",
        {"name": "body.name", "city": "body.address.city", "country": "body.address.country"},
        {"name": "Ada & Co=1", "city": "Zürich"},
        {"id": "id"},
        {"body": {"name": "Ada & Co=1", "address": {"city": "Zürich"}}},
        {"id": "id text"},
    ),
    Case(
        "square",
        "SearchCustomers",
        {"phone": "body.query.filter.phone_number.exact", "most": "body.limit"},
        {"phone": "+16135550142", "most": 3},
        {"name": "given_name", "version": "version", "city": "address.locality"},
        {"body": {"limit": 3, "query": {"filter": {"phone_number": {"exact": "+16135550142"}}}}},
        {"name": "given_name text", "version": "7", "city": "locality text"},
    ),
    Case(
        "square",
        "ListBookings",
        {"customer": "customer_id", "from": "start_at_min"},
        {"customer": "C 1", "from": "2026-03-05T09:00:00Z"},
        {"id": "id", "starts": "start_at", "minutes": "appointment_segments.duration_minutes"},
        {"query": {"customer_id": "C 1", "start_at_min": "2026-03-05T09:00:00Z", "limit": 6}},
        {"id": "id text", "starts": "start_at text", "minutes": [7, 7]},
    ),
    Case(
        "xero",
        "getInvoices",
        {"numbers": "InvoiceNumbers", "since": "If-Modified-Since", "archived": "includeArchived"},
        {"numbers": ["INV-1", "INV 2/é"], "since": "2026-03-05T09:00:00", "archived": "no"},
        {"number": "InvoiceNumber", "total": "Total", "who": "Contact.Name", "lines": "LineItems.Description"},
        {"query": {"InvoiceNumbers": ["INV-1", "INV 2/é"], "includeArchived": False, "pageSize": 6}},
        {
            "number": "InvoiceNumber text",
            "total": 12.5,
            "who": "Name text",
            "lines": ["Description text", "Description text"],
        },
        {"xero-tenant-id": "tenant-1"},
    ),
    Case(
        "xero",
        "getInvoice",
        {"invoice": "InvoiceID"},
        {"invoice": "6F1C7C1E-2f0b-4f0e-9d0a-5c3b1a2d4e5f"},
        {"due": "AmountDue"},
        {"path": {"InvoiceID": "6f1c7c1e-2f0b-4f0e-9d0a-5c3b1a2d4e5f"}},
        {"due": 12.5},
        {"xero-tenant-id": "tenant-1"},
    ),
    Case(
        "github",
        "issues/list-for-repo",
        {"owner": "owner", "repo": "repo", "since": "since"},
        {"owner": "octo-org", "repo": "hello.world", "since": "2026-03-05T09:00:00"},
        {"number": "number", "title": "title", "by": "user.login", "at": "created_at"},
        {
            "path": {"owner": "octo-org", "repo": "hello.world"},
            "query": {"since": "2026-03-05T09:00:00-05:00", "state": "open", "per_page": 6},
        },
        {"number": 7, "title": "title text", "by": "login text", "at": "2026-03-05T09:30:00-05:00"},
        {"state": "open"},
    ),
    Case(
        "github",
        "search/issues-and-pull-requests",
        {"q": "q"},
        {"q": 'is:open label:"good first issue" 100% #1?'},
        {"title": "title", "score": "score"},
        {"query": {"q": 'is:open label:"good first issue" 100% #1?', "per_page": 6}},
        {"title": "title text", "score": 12.5},
    ),
]


@cache
def document(vendor: str) -> tuple[dict[str, Any], Graph]:
    """The vendor's document and its graph."""
    file = shared_data() / "openapi" / FILES[vendor]
    raw = file.read_bytes()
    graph = read_graph({file.name: raw}, DocumentSettings(reads=READS.get(vendor, ()))).graph
    read = msgspec.json.decode(raw) if file.suffix == ".json" else ryaml.loads(raw.decode())
    return read, graph


def ready(case: Case) -> ReadyRequest:
    """The case's binding, all the way to a call that can run."""
    view = View(document(case.vendor)[1])
    body = {
        "toolName": "Look it up",
        "operation": case.operation,
        "inputs": [
            *({"param": param, "arg": arg} for param, arg in case.inputs.items()),
            *(
                {"param": f"fixed_{n}", "arg": arg, "source": "constant", "value": value}
                for n, (arg, value) in enumerate(case.constants.items())
            ),
        ],
        "projection": [{"path": path.split("."), "leaf": leaf} for leaf, path in case.projection.items()],
    }
    for given in body["inputs"]:
        argument = next(a for a in view.arguments(view.operation(case.operation)) if a.name == given["arg"])
        given["required"] = argument.required
    plan = check(parse_binding(body), view, Target(connection_id="con_1", kind="acme")).plan
    return ReadyRequest(prove_rest(compile_plan(plan, view), view).call)


@pytest.mark.anyio
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.vendor}: {case.operation}")
async def test_a_binding_on_a_real_document_is_understood_and_answered(case: Case) -> None:
    upstream = FaithfulUpstream(document(case.vendor)[0], bearer("t0k"))
    call = ready(case)
    async with (
        serving(upstream, server_context(AUTHORITY.issue())),
        source_at(upstream.url, authorities=AUTHORITY.pem) as source,
    ):
        result = await run(source, call, case.arguments)
    assert upstream.problems == []
    (seen,) = upstream.seen
    for part, expected in case.understood.items():
        assert getattr(seen, part) == expected
    assert result.rows[0] == case.row
    assert not any("schema" in note for note in result.notes)


@pytest.mark.anyio
async def test_an_upstream_that_refuses_the_token_is_told_as_that() -> None:
    case = CASES[0]
    upstream = FaithfulUpstream(document(case.vendor)[0], bearer("another"))
    async with (
        serving(upstream, server_context(AUTHORITY.issue())),
        source_at(upstream.url, authorities=AUTHORITY.pem) as source,
    ):
        with pytest.raises(CredentialsRefused):
            await run(source, ready(case), case.arguments)


@pytest.mark.anyio
async def test_the_upstream_does_hold_us_to_its_document() -> None:
    """What the document does not allow is refused, so that the tests above can fail."""
    upstream = FaithfulUpstream(document("github")[0], bearer("t0k"))
    async with serving(upstream, server_context(AUTHORITY.issue())):
        client = OutboundClient(GUARD, authorities=AUTHORITY.pem)
        for target in (
            "/nowhere",
            "/search/issues",
            "/search/issues?q=a&other=1",
            "/search/issues?q=a&q=b",
            "/search/issues?q=a&page=x",
        ):
            answered = await client.request(
                "GET",
                upstream.url + target,
                headers={"Authorization": "Bearer t0k"},
                deadline=asyncio.get_running_loop().time() + 5,
                most_bytes=10_000,
            )
            assert answered.status == 400
        await client.close()
    assert upstream.seen == []
