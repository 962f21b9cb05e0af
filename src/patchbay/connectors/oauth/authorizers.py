"""Which authorizer a connection needs beside its stored secrets."""

from __future__ import annotations

from typing import Any

from patchbay.connectors.http.authorizing import Authorizer
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.tables import Connection
from patchbay.egress.guard import EgressGuard
from patchbay.store.database import Database
from patchbay.store.vault import Vault


def authorizer_for(
    database: Database, vault: Vault, guard: EgressGuard, connection: Connection, credentials: Any
) -> Authorizer | None:
    """The authorizer that brings a connection's tokens; None for a scheme that needs none. Does no I/O yet."""
    if not isinstance(credentials, HttpCredentials) or not credentials.auth.tokens:
        return None
    from patchbay.connectors.oauth.authorizer import OAuthAuthorizer
    from patchbay.connectors.oauth.renewal import Held

    return OAuthAuthorizer(Held(database, vault, guard, connection.org_id, connection.id, credentials))
