"""GraphQL systems are authorized as REST ones are: the schema itself is asked for with the token."""

from __future__ import annotations

import pytest

from patchbay.connectors import discovery
from tests.connectors.oauth.customers import GUARD, KIND, SECRETS, Customers
from tests.servers.authorization_server import AuthorizationServer

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("scheme", ["oauth2_client_credentials", "oauth2_authorization_code"])
async def test_a_schema_behind_a_token_is_discovered(acme: Customers, server: AuthorizationServer, scheme: str) -> None:
    definition = {**server.definition(scheme), "type": "graphql", "baseUrl": f"{server.url}/graphql"}
    del definition["document"], definition["verify"]
    made = await acme.connect(definition=definition, credentials=SECRETS)
    if made.oauth_url is not None:
        await acme.agreed(made.oauth_url)
    found = await discovery.discover(acme.database, acme.vault, GUARD, org_id=acme.org, kind=KIND)
    assert (found["objectCount"], found["operationCount"]) == (1, 1)
    assert set(server.called) == set(server.grants[0].access_tokens)
