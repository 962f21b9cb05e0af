"""Frozen calls on a small REST API and a small GraphQL endpoint, and what they need to run."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from ipaddress import ip_network
from typing import Any
from zoneinfo import ZoneInfo

from patchbay.connectors.definition import Auth
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.http.source import HttpSource
from patchbay.connectors.system import Ready
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import (
    CallContext,
    CallInput,
    CallResult,
    Caps,
    Column,
    FrozenCall,
    GraphqlCall,
    HttpCall,
    Output,
    RequestSlot,
    SliceItem,
    Touch,
)

GUARD = EgressGuard([ip_network("127.0.0.0/8"), ip_network("::1/128")])
CAPS = Caps()
ZONE = "America/Toronto"
CUSTOMER = (
    Output("id", Column("Customer", "id", "string", "string", nullable=False)),
    Output("name", Column("Customer", "name", "string", "string")),
    Output("balance", Column("Customer", "balance", "integer", "integer(int64)")),
    Output("open", Column("Customer", "open", "boolean", "boolean")),
)


def output(leaf: str, kind: Any = "string", native: str = "", **more: Any) -> Output:
    return Output(leaf, Column("Customer", leaf, kind, native or kind, **more))


def frozen(
    body: HttpCall | GraphqlCall,
    outputs: Sequence[Output] = CUSTOMER,
    inputs: Sequence[CallInput] = (),
    *,
    caps: Caps = CAPS,
    identifying: bool = False,
    time_zone: str | None = None,
    guarantee: Any = None,
) -> FrozenCall:
    return FrozenCall(
        format_version=1,
        connection_id="con_1",
        kind="graphql" if isinstance(body, GraphqlCall) else "rest",
        operation="getCustomer",
        effect="read" if guarantee is None else "write",
        body=body,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        touches=(Touch("Customer", tuple(o.column.field for o in outputs)),),
        caps=caps,
        slice=(SliceItem("Customer", tuple(o.column.field for o in outputs)),),
        slice_fingerprint="f",
        identifying=identifying,
        time_zone=time_zone,
        guarantee=guarantee,
    )


def get_customer(
    outputs: Sequence[Output] = CUSTOMER, *, leaves: Sequence[tuple[str, ...]] | None = None, **more: Any
) -> FrozenCall:
    """One customer by its id in the path."""
    body = HttpCall(
        method=more.pop("method", "GET"),
        path="/customers/{id}",
        slots=(RequestSlot("path", "id", "string", "string", param="id"),),
        leaves=tuple(leaves or [(o.leaf,) for o in outputs]),
        record=more.pop("record", ()),
        many=more.pop("many", False),
        more=more.pop("more", ()),
    )
    return frozen(body, outputs, [CallInput("id", "id", "string", "string", required=True)], **more)


def write_customer(*, keyed: bool = False, method: str = "POST", outputs: Sequence[Output] = CUSTOMER) -> FrozenCall:
    """A write of a customer's name, with a key in a header where the system takes one."""
    path = "/customers" if method == "POST" else "/customers/{id}"
    slots = [RequestSlot("json", "name", "string", "string", path=("name",), param="id")]
    if method == "DELETE":
        slots = []
    if method != "POST":
        slots.append(RequestSlot("path", "id", "string", "string", param="id"))
    if keyed:
        slots.append(RequestSlot("header", "Idempotency-Key", "string", "string", key=True))
    body = HttpCall(
        method=method,
        path=path,
        slots=tuple(slots),
        leaves=tuple((o.leaf,) for o in outputs),
        content_type="application/json" if method != "DELETE" else None,
    )
    inputs = [CallInput("id", "id", "string", "string", required=True)]
    return frozen(body, outputs, inputs, guarantee="upstream_key" if keyed else "none")


def credentials(url: str, **more: Any) -> HttpCredentials:
    given = {"type": "rest", "auth": Auth(scheme="bearer"), "secrets": {"token": "t0k"}} | more
    return HttpCredentials(base_url=url, **given)


@contextlib.asynccontextmanager
async def source_at(url: str, *, at_once: int = 16, authorities: str | None = None, **more: Any) -> AsyncGenerator[HttpSource]:
    """A source for the system at ``url``, closed in the end; ``more`` are members of its credentials."""
    source = HttpSource(credentials(url, **more), GUARD, at_once=at_once, authorities=authorities)
    try:
        yield source
    finally:
        await source.close()


async def run(
    source: HttpSource, ready: Ready, arguments: dict[str, Any], *, seconds: float = 5.0, key: str | None = None
) -> CallResult:
    """One run, as the runtime does it."""
    zone = ZoneInfo(ZONE)
    values = ready.values(CallContext(arguments=arguments, time_zone=ZONE, idempotency_key=key), zone)
    answer = await ready.run(source, values, asyncio.get_running_loop().time() + seconds)
    return ready.result(source, answer, zone_name=ZONE, zone=zone, duration_ms=1.0)
