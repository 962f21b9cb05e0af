"""A platform with a connected, discovered shop: what the runtime's tests start from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

from sqlalchemy import text

from patchbay.accounts.organizations import ensure_organization
from patchbay.connectors import connecting, connections, scoping
from patchbay.connectors.connections import announce
from patchbay.connectors.tables import Connection, Snapshot
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import CallContext, FrozenCall
from patchbay.schema_graph.fingerprint import graph_fingerprint
from patchbay.schema_graph.model import Graph
from patchbay.schema_graph.pack import pack
from patchbay.store.database import Database
from patchbay.store.ids import new_id
from patchbay.store.vault import Vault
from tests.connectors import shop

GUARD = EgressGuard([ip_network("127.0.0.1/32")])


@dataclass
class Shop:
    """One organization's shop. ``credentials`` are what it is connected with."""

    database: Database
    vault: Vault
    org: str
    connection_id: str
    credentials: dict[str, Any]

    @property
    def find_customer(self) -> FrozenCall:
        return shop.frozen(shop.FIND_CUSTOMER, self.connection_id)

    @property
    def find_ticket(self) -> FrozenCall:
        return shop.frozen(shop.FIND_TICKET, self.connection_id)

    async def connect(self, credentials: dict[str, Any], **settings: Any) -> Connection:
        async with self.database.tenant(self.org) as session:
            body = {"credentials": credentials, **settings}
            made = await connecting.connect(
                self.database, session, self.vault, GUARD, org_id=self.org, kind="postgres", body=body
            )
            return made.connection

    async def disconnect(self) -> None:
        async with self.database.tenant(self.org) as session:
            await connections.disconnect(session, kind="postgres")

    async def block(self, **body: Any) -> dict[str, Any]:
        async with self.database.tenant(self.org) as session:
            return await scoping.patch_scoping(session, await connections.current(session, "postgres"), body)

    async def discovered(self, graph: Graph) -> None:
        """Store ``graph`` as the connection's latest snapshot."""
        async with self.database.tenant(self.org) as session:
            connection = await connections.current(session, "postgres")
            row = Snapshot(
                id=new_id("snp"),
                connection_id=connection.id,
                fingerprint=graph_fingerprint(graph),
                summary={},
                body=pack(graph),
                created_at=datetime.now(UTC),
            )
            session.add(row)
            await session.flush()
            await session.execute(
                text("UPDATE connections SET snapshot_id = :s WHERE id = :c"), {"s": row.id, "c": connection.id}
            )
            await announce(session, connection.id)


async def open_shop(database: Database, vault: Vault, credentials: dict[str, Any], *, name: str = "Acme") -> Shop:
    """An organization that has connected ``credentials`` and discovered :data:`tests.connectors.shop.SQL`."""
    org = (await ensure_organization(database, name)).id
    made = Shop(database, vault, org, "", credentials)
    made.connection_id = (await made.connect(credentials, timeZone=shop.ZONE, defaultCountry="CA")).id
    await made.discovered(shop.graph())
    return made


def by_phone(number: str = "+1 416 555 0007", **members: Any) -> CallContext:
    return CallContext(arguments={"caller_phone": number}, time_zone=shop.ZONE, **members)
