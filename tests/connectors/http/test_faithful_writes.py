"""Writes on vendors' own documents: understood as meant, done once, and known for what they are when an answer is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from patchbay.bindings.check import BindingInvalid, Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.connectors.graphql.prove import prove_graphql
from patchbay.connectors.graphql.ready import ReadyDocument
from patchbay.connectors.refusals import CallRefused, OutcomeUnknown, SourceUnavailable, ValueNotAccepted, WriteRefused
from patchbay.connectors.rest.prove import prove_rest
from patchbay.connectors.rest.ready import ReadyRequest
from patchbay.schema_graph.call import CallResult, FrozenCall
from patchbay.schema_graph.scoping import Scoping, View
from tests.connectors.http.calls import run, source_at
from tests.connectors.http.test_faithful_graphql import FILES, graph
from tests.connectors.http.test_faithful_rest import document
from tests.servers.certificates import Authority
from tests.servers.datasets import shared_data
from tests.servers.upstreams.faithful import FaithfulUpstream, bearer, serving
from tests.servers.upstreams.faithful_graphql import FaithfulGraphql, failing, schema_of
from tests.servers.upstreams.ledger import Ledger, Trouble
from tests.servers.upstreams.tls import server_context

AUTHORITY = Authority()


@dataclass
class Case:
    """A write (parameter → argument, leaf → path), what it is called with, what the server carried out, and what comes back."""

    vendor: str
    operation: str
    inputs: dict[str, str]
    arguments: dict[str, Any]
    projection: dict[str, str]
    done: dict[str, Any]
    row: dict[str, Any] | None
    constants: dict[str, Any] = field(default_factory=dict)
    keyed: bool = False


REST = [
    Case(
        "stripe",
        "PostCustomersCustomer",
        {"customer": "customer", "name": "body.name", "city": "body.address.city"},
        {"customer": "cus_1", "name": "Ada & Co=1", "city": "Zürich"},
        {"id": "id", "name": "name"},
        {"path": {"customer": "cus_1"}, "body": {"name": "Ada & Co=1", "address": {"city": "Zürich"}}},
        {"id": "id text", "name": "Ada & Co=1"},
    ),
    Case(
        "stripe",
        "DeleteCustomersCustomer",
        {"customer_id": "customer"},
        {"customer_id": "cus_1"},
        {"deleted": "deleted"},
        {"path": {"customer": "cus_1"}, "body": None},
        {"deleted": True},
    ),
    Case(
        "square",
        "CreateBooking",
        {"customer": "body.booking.customer_id", "starts": "body.booking.start_at"},
        {"customer": "C 1", "starts": "2026-03-05T09:00:00Z"},
        {"customer": "customer_id", "starts": "start_at"},
        {"body": {"booking": {"customer_id": "C 1", "start_at": "2026-03-05T09:00:00Z"}}},
        {"customer": "C 1", "starts": "2026-03-05T09:00:00Z"},
        keyed=True,
    ),
    Case(
        "square",
        "UpdateOrder",
        {"order": "order_id", "reference": "body.order.reference_id", "location": "body.order.location_id"},
        {"order": "O1", "reference": "R 7", "location": "L1"},
        {"reference": "reference_id"},
        {"path": {"order_id": "O1"}, "body": {"order": {"reference_id": "R 7", "location_id": "L1"}}},
        {"reference": "R 7"},
        keyed=True,
    ),
    Case(
        "xero",
        "createContacts",
        {"name": "body.Contacts.Name", "email": "body.Contacts.EmailAddress"},
        {"name": "Ada", "email": "ada@example.com"},
        {"name": "Name", "email": "EmailAddress"},
        {"body": {"Contacts": [{"Name": "Ada", "EmailAddress": "ada@example.com"}]}},
        {"name": "Ada", "email": "ada@example.com"},
        {"xero-tenant-id": "tenant-1"},
        keyed=True,
    ),
    Case(
        "github",
        "issues/create",
        {"owner": "owner", "repo": "repo", "title": "body.title"},
        {"owner": "octo-org", "repo": "hello", "title": "It leaks"},
        {"number": "number", "title": "title"},
        {"path": {"owner": "octo-org", "repo": "hello"}, "body": {"title": "It leaks"}},
        {"number": 7, "title": "It leaks"},
    ),
    Case(
        "github",
        "activity/star-repo-for-authenticated-user",
        {"owner": "owner", "repo": "repo"},
        {"owner": "octo-org", "repo": "hello"},
        {},
        {"path": {"owner": "octo-org", "repo": "hello"}, "body": None},
        None,
    ),
]

GRAPHQL = [
    Case(
        "shopify",
        "mutation.customerCreate",
        {"email": "input.email", "password": "input.password", "first": "input.firstName"},
        {"email": "ada@example.com", "password": "s3cret!", "first": "Ada"},
        {"id": "customer.id", "first": "customer.firstName"},
        {"input": {"email": "ada@example.com", "password": "s3cret!", "firstName": "Ada"}},
        {"id": "id text", "first": "firstName text"},
    ),
    Case(
        "saleor",
        "mutation.orderUpdate",
        {"order": "id", "reference": "input.externalReference"},
        {"order": "T3JkZXI6MQ==", "reference": "R7"},
        {"number": "order.number"},
        {"id": "T3JkZXI6MQ==", "input": {"externalReference": "R7"}},
        {"number": "number text"},
    ),
    Case(
        "saleor",
        "mutation.transactionInitialize",
        {"checkout": "id", "gateway": "paymentGateway.id"},
        {"checkout": "Q2hlY2tvdXQ6MQ==", "gateway": "cash"},
        {"id": "transaction.id"},
        {"id": "Q2hlY2tvdXQ6MQ==", "paymentGateway": {"id": "cash"}},
        {"id": "id text"},
        keyed=True,
    ),
    Case(
        "saleor",
        "mutation.orderUpdate",
        {"order": "id", "reference": "input.externalReference"},
        {"order": "T3JkZXI6MQ==", "reference": "R7"},
        {},
        {"id": "T3JkZXI6MQ==", "input": {"externalReference": "R7"}},
        {},
    ),
    Case(
        "saleor",
        "mutation.orderUpdate",
        {"order": "id", "reference": "input.externalReference"},
        {"order": "T3JkZXI6MQ==", "reference": "R7"},
        {"why": "errors.message", "number": "order.number"},
        {"id": "T3JkZXI6MQ==", "input": {"externalReference": "R7"}},
        {"why": [], "number": "number text"},
    ),
    Case(
        "github",
        "mutation.addStar",
        {"what": "input.starrableId"},
        {"what": "R_1"},
        {},
        {"input": {"starrableId": "R_1"}},
        {},
    ),
]


def bound(case: Case, view: View) -> FrozenCall:
    """The case's binding, all the way to the frozen call."""
    operation = view.operation(case.operation)
    assert operation is not None
    required = {argument.name for argument in view.arguments(operation) if argument.required}
    body = {
        "toolName": "Write it",
        "operation": case.operation,
        "inputs": [
            *({"param": param, "arg": arg, "required": arg in required} for param, arg in case.inputs.items()),
            *(
                {"param": f"fixed_{n}", "arg": arg, "source": "constant", "value": value}
                for n, (arg, value) in enumerate(case.constants.items())
            ),
        ],
        "projection": [{"path": path.split("."), "leaf": leaf} for leaf, path in case.projection.items()],
    }
    plan = check(parse_binding(body), view, Target(connection_id="con_1", kind="acme")).plan
    return (prove_graphql if view.kind == "graphql" else prove_rest)(compile_plan(plan, view), view).call


def view_of(case: Case) -> View:
    return View(graph(case.vendor) if case in GRAPHQL else document(case.vendor)[1])


async def carried_out(
    case: Case, ledger: Ledger, *, key: str = "k1", times: int = 1, seconds: float = 5.0, **values: Any
) -> tuple[CallResult | CallRefused, list[str]]:
    """What came of the last of several runs, and what the server took offence at."""
    if case in GRAPHQL:
        schema = schema_of(shared_data() / "graphql" / FILES[case.vendor])
        given = {name.replace("__", "."): value for name, value in values.items()}
        upstream: Any = FaithfulGraphql(schema, bearer("t0k"), values=given, ledger=ledger)
    else:
        upstream = FaithfulUpstream(document(case.vendor)[0], bearer("t0k"), ledger=ledger)
    call = bound(case, view_of(case))
    ready = (ReadyDocument if case in GRAPHQL else ReadyRequest)(call)
    kind = "graphql" if case in GRAPHQL else "rest"
    outcome: Any = None
    async with (
        serving(upstream, server_context(AUTHORITY.issue())),
        source_at(upstream.url, type=kind, authorities=AUTHORITY.pem) as source,
    ):
        for _ in range(times):
            try:
                outcome = await run(source, ready, case.arguments, key=key, seconds=seconds)
            except CallRefused as refused:
                outcome = refused
    return outcome, upstream.problems


def without_key(body: Any) -> Any:
    """What was sent, without its idempotency key."""
    if not isinstance(body, Mapping):
        return body
    return {name: value for name, value in body.items() if name not in ("idempotency_key", "idempotencyKey")}


def name_of(case: Case) -> str:
    return f"{case.vendor}: {case.operation}{'' if case.projection else ' (bare)'}"


@pytest.mark.anyio
@pytest.mark.parametrize("case", [*REST, *GRAPHQL], ids=name_of)
async def test_a_write_is_understood_and_done_once(case: Case) -> None:
    ledger = Ledger()
    result, problems = await carried_out(case, ledger)
    assert problems == []
    assert isinstance(result, CallResult), result
    (done,) = ledger.done
    if case in GRAPHQL:
        assert without_key(done["variables"]) == case.done
    else:
        assert {part: without_key(done[part]) for part in case.done} == case.done
    assert (result.outcome, ledger.asked) == ("done", 1)
    assert result.rows == ([] if case.row is None else [case.row])


@pytest.mark.parametrize("case", [*REST, *GRAPHQL], ids=name_of)
def test_a_write_says_what_keeps_it_from_happening_twice(case: Case) -> None:
    call = bound(case, view_of(case))
    assert (call.effect, call.guarantee) == ("write", "upstream_key" if case.keyed else "none")
    assert len([slot for slot in call.body.slots if slot.key]) == case.keyed


TROUBLES: list[Trouble] = ["lost", "failed", "slow"]


@pytest.mark.anyio
@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("case", [REST[0], REST[1], REST[5], GRAPHQL[0], GRAPHQL[1]], ids=name_of)
async def test_without_a_key_a_lost_answer_is_unknown_and_nothing_is_done_twice(case: Case, trouble: Trouble) -> None:
    ledger = Ledger(troubles=[trouble])
    outcome, _ = await carried_out(case, ledger, seconds=1.0)
    assert (type(outcome), len(ledger.done), ledger.asked) == (OutcomeUnknown, 1, 1)


@pytest.mark.anyio
@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("case", [case for case in (*REST, *GRAPHQL) if case.keyed], ids=name_of)
async def test_with_a_key_a_lost_answer_is_asked_for_again_and_nothing_is_done_twice(case: Case, trouble: Trouble) -> None:
    ledger = Ledger(troubles=[trouble])
    result, problems = await carried_out(case, ledger, seconds=4.0)  # half of it is for the second time, on a busy machine too
    assert isinstance(result, CallResult), result
    assert (result.outcome, len(ledger.done), ledger.asked, problems) == ("done", 1, 2, [])
    assert result.rows == [case.row]


@pytest.mark.anyio
async def test_the_same_call_asked_for_again_is_done_once() -> None:
    ledger = Ledger()
    result, _ = await carried_out(REST[2], ledger, times=3)
    assert isinstance(result, CallResult)
    assert (result.outcome, len(ledger.done), ledger.asked) == ("done", 1, 3)


@pytest.mark.anyio
async def test_a_system_that_does_not_keep_its_word_is_asked_once_more_and_no_more() -> None:
    ledger = Ledger(honours_keys=False, troubles=["lost", "lost", "lost"])
    outcome, _ = await carried_out(REST[2], ledger, seconds=2.0)
    assert (type(outcome), ledger.asked) == (OutcomeUnknown, 3)


@pytest.mark.anyio
async def test_what_a_mutation_is_refused_with_is_no_success() -> None:
    for case, place in ((GRAPHQL[0], "CustomerCreatePayload__customerUserErrors"), (GRAPHQL[1], "OrderUpdate__errors")):
        outcome, problems = await carried_out(case, Ledger(), **{place: [{}]})
        assert (type(outcome), problems) == (WriteRefused, [])


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"Mutation__orderUpdate": failing("secret", "INVALID")}, ValueNotAccepted),
        ({"Mutation__orderUpdate": failing("secret", "SOMETHING_ELSE")}, WriteRefused),
        ({"Mutation__orderUpdate": failing("secret", "INTERNAL_SERVER_ERROR")}, OutcomeUnknown),
        ({"OrderUpdate__errors": failing("secret", "FORBIDDEN")}, OutcomeUnknown),  # required: the payload goes with it
        ({"Mutation__orderUpdate": None}, OutcomeUnknown),
        ({"OrderUpdate__order": failing("secret", "FORBIDDEN")}, "done"),
    ],
)
async def test_errors_of_a_mutation(values: dict[str, Any], expected: Any) -> None:
    outcome, _ = await carried_out(GRAPHQL[1], Ledger(), **values)
    if expected == "done":
        assert isinstance(outcome, CallResult)
        assert (outcome.outcome, outcome.rows, len(outcome.notes)) == ("done", [{"number": None}], 1)
    else:
        assert type(outcome) is expected
        assert "secret" not in f"{outcome}"


def test_nobody_else_gives_the_key() -> None:
    for case, arg in ((REST[2], "body.idempotency_key"), (REST[4], "Idempotency-Key"), (GRAPHQL[2], "idempotencyKey")):
        for how in ("inputs", "constants"):
            given = {"key": arg} if how == "inputs" else {arg: "always the same"}
            theirs = Case(**{**case.__dict__, how: {**getattr(case, how), **given}})
            view = View(graph(case.vendor) if case in GRAPHQL else document(case.vendor)[1])
            with pytest.raises(BindingInvalid) as refused:
                bound(theirs, view)
            assert "idempotency_key_reserved" in {finding.code for finding in refused.value.errors}


def test_a_refusal_that_nobody_could_see_cannot_be_bound() -> None:
    view = View(graph("shopify"), Scoping(blocked_tables=("CustomerUserError",)))
    with pytest.raises(BindingInvalid) as refused:
        bound(GRAPHQL[0], view)
    assert [finding.code for finding in refused.value.errors] == ["refusals_not_in_view"]


@pytest.mark.anyio
async def test_a_system_that_is_not_there_has_done_nothing() -> None:
    call = ReadyRequest(bound(REST[0], view_of(REST[0])))
    async with source_at("http://127.0.0.1:9") as source:
        with pytest.raises(SourceUnavailable):
            await run(source, call, REST[0].arguments, seconds=1.0)
