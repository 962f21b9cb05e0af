"""Asking a GraphQL endpoint for its schema, over the one guarded HTTP client.

Servers differ in what they know of themselves: one that refuses the newest members is asked again with fewer. One that refuses
all of them has introspection switched off, which is common in production; then the schema is uploaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from patchbay.connectors.graphql.documents import MOST_BYTES
from patchbay.connectors.graphql.refusals import IntrospectionFailed, IntrospectionRefused
from patchbay.connectors.http.asking import ask
from patchbay.connectors.http.authorizing import Authorizer, Signature
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.refusals import CredentialsRefused
from patchbay.egress.http import Answered, OutboundClient

OPERATION = "IntrospectionQuery"
_UPLOAD = "Upload the schema as SDL or as the JSON of an introspection result, and name it as the definition's document."
_TOLD = re.compile(rb'"__schema"\s*:\s*\{')
_HEADERS = {"Content-Type": "application/json", "Accept": "application/graphql-response+json, application/json;q=0.9"}


def introspection_queries() -> Iterator[str]:
    """The standard introspection query, the most telling first: with all of the current draft, with what the specification of
    October 2021 has, and with what every server knows.
    """
    from graphql import get_introspection_query

    yield get_introspection_query(specified_by_url=True, input_value_deprecation=True, one_of=True)
    yield get_introspection_query(specified_by_url=True)
    yield get_introspection_query()


async def fetch_introspection(
    client: OutboundClient, credentials: HttpCredentials, authorizer: Authorizer, *, deadline: float
) -> bytes:
    """The endpoint's answer to the introspection query, for :func:`~patchbay.connectors.graphql.documents.read_document`.

    ``deadline`` is in the loop's time and covers all attempts. Raises IntrospectionRefused, IntrospectionFailed,
    CredentialsRefused, an OutboundFailed or EgressRefused.
    """
    signature = await authorizer.sign()
    renewed = False
    for query in introspection_queries():
        answered = await _ask(client, credentials, signature, query, deadline)
        if answered.status == 401 and not renewed:
            signature, renewed = await authorizer.sign(renew=True), True
            answered = await _ask(client, credentials, signature, query, deadline)
        if answered.status == 401:
            raise CredentialsRefused
        if answered.status == 403:
            raise IntrospectionRefused("These credentials may not ask for the schema.", hint=_UPLOAD)
        if answered.status < 300 and _TOLD.search(answered.body):
            return answered.body
        if not _is_refusal(answered):
            raise IntrospectionFailed(hint="Check that the base URL is the GraphQL endpoint itself, such as …/graphql.")
    raise IntrospectionRefused(hint=_UPLOAD)


async def _ask(
    client: OutboundClient, credentials: HttpCredentials, signature: Signature, query: str, deadline: float
) -> Answered:
    return await ask(
        client,
        credentials,
        signature,
        method="POST",
        url=credentials.base_url,
        headers=_HEADERS,
        body=msgspec.json.encode({"query": query, "operationName": OPERATION}),
        deadline=deadline,
        most_bytes=MOST_BYTES,
    )


class _Refusal(msgspec.Struct, gc=False):
    """A GraphQL answer that holds errors (GraphQL specification, section 7.1)."""

    errors: list[msgspec.Raw]


def _is_refusal(answered: Answered) -> bool:
    """Whether this is a GraphQL server that says no, and not some other server, or one that is broken."""
    if answered.status >= 500:
        return False
    try:
        return bool(msgspec.json.decode(answered.body, type=_Refusal).errors)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return answered.status == 400
