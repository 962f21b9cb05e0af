"""What REST and GraphQL systems have in common: secrets by scheme, a target that is the base URL, a request that proves them."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from patchbay.connectors.definition import Definition, DocumentRef, Verify
from patchbay.connectors.http.account import account_name
from patchbay.connectors.http.asking import ask, authorizer_of, outbound
from patchbay.connectors.http.authorizing import Authorizer, Signature
from patchbay.connectors.http.credentials import HttpCredentials, http_credentials, parse_http_credentials
from patchbay.connectors.http.limits import TOO_MANY, meant_status
from patchbay.connectors.http.previewing import few_rows, preview_call
from patchbay.connectors.http.signing import static_authorizer
from patchbay.connectors.http.source import HttpSource
from patchbay.connectors.preview import Preview, PreviewOptions
from patchbay.connectors.proof import Proven
from patchbay.connectors.shaped import shaped
from patchbay.connectors.system import Ready, Role, Secrets
from patchbay.egress.guard import EgressGuard
from patchbay.egress.http import OutboundClient
from patchbay.egress.urls import read_url
from patchbay.errors import PatchbayError
from patchbay.schema_graph.call import CallContext, Candidate, FrozenCall
from patchbay.schema_graph.scoping import View

VERIFY_S = 10.0
ANSWER_MOST = 1_000_000


class VerificationFailed(PatchbayError):
    """The system was reached, but did not answer the verification request as the definition expects."""

    code, status, title = "verification_failed", 422, "Verification failed"


class AuthorizationRefused(PatchbayError):
    """The system refuses these credentials."""

    code, status, title = "authorization_refused", 422, "Authorization refused"


def _has_errors(body: bytes) -> bool:
    """Whether a GraphQL answer says that something was not done, or is none."""
    try:
        answer: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return True
    return not isinstance(answer, dict) or bool(cast("dict[str, Any]", answer).get("errors"))


async def _verified(client: OutboundClient, credentials: HttpCredentials, signature: Signature, verify: Verify) -> bytes:
    """The answer to the verification request, which is as the definition expects."""
    answered = await ask(
        client,
        credentials,
        signature,
        method=verify.method if verify.query is None else "POST",
        url=credentials.base_url + (verify.path if verify.query is None else ""),
        headers=None if verify.query is None else {"Content-Type": "application/json"},
        body=None if verify.query is None else msgspec.json.encode({"query": verify.query}),
        deadline=asyncio.get_running_loop().time() + VERIFY_S,
        most_bytes=ANSWER_MOST,
    )
    expected = answered.status == verify.expect if verify.expect is not None else 200 <= answered.status < 300
    if expected and (verify.query is None or not _has_errors(answered.body)):
        return answered.body
    if meant_status(answered) == TOO_MANY:
        raise VerificationFailed(
            "The connected system takes no more requests at the moment (verification_failed).", hint="Try again later."
        )
    if answered.status in (401, 403) or expected:
        raise AuthorizationRefused(hint="Check the credentials and what the definition's auth says of how they are sent.")
    raise VerificationFailed(
        f"The verification request was answered with status {answered.status} (verification_failed).",
        hint="Check baseUrl and verify of the definition.",
    )


class HttpSystem(ABC):
    """Base of the types of system that are reached over HTTP."""

    type: str
    writes_apart = False

    def parse(self, raw: Mapping[str, Any], definition: Definition | None) -> HttpCredentials:
        """See :meth:`patchbay.connectors.system.System.parse`."""
        assert definition is not None
        credentials = parse_http_credentials(raw, definition)
        if not definition.auth.tokens:
            static_authorizer(credentials.auth, credentials.secrets)
        return credentials

    def dump(self, credentials: HttpCredentials) -> Secrets:
        """The secrets alone: everything else is the definition's."""
        return {"read": dict(credentials.secrets)}

    def load(self, secrets: Secrets, definition: Definition | None) -> HttpCredentials:
        """The credentials again, under the definition as it is now."""
        assert definition is not None
        return http_credentials(definition, cast("Mapping[str, str]", secrets["read"]))

    def target(self, credentials: HttpCredentials) -> dict[str, Any]:
        """The base URL."""
        return {"type": self.type, "baseUrl": credentials.base_url}

    def label(self, credentials: HttpCredentials) -> str:
        """The base URL without its scheme."""
        return credentials.base_url.partition("://")[2]

    def document(self, credentials: HttpCredentials) -> DocumentRef | None:
        """What the definition says."""
        return credentials.document

    async def log_in(self, credentials: HttpCredentials, guard: EgressGuard, authorizer: Authorizer | None) -> str | None:
        """Send the verification request, where there is one. Without one all that is proven is that calls may go to that address.
        Then the account's own name is read, where the definition says where it is told.

        Raises :class:`AuthorizationRefused`, :class:`VerificationFailed`, an OutboundFailed or EgressRefused.
        """
        signature = await authorizer_of(credentials, authorizer).sign()
        if credentials.verify is None:
            url = read_url(credentials.base_url)
            await guard.check(url.host, url.port)
        async with outbound(credentials, guard) as client:
            verified = b"" if credentials.verify is None else await _verified(client, credentials, signature, credentials.verify)
            if credentials.account is None:
                return None
            return await account_name(client, credentials, signature, credentials.account, verified, ANSWER_MOST)

    @abstractmethod
    def prove_here(self, candidate: Candidate, view: View) -> Proven:
        """The candidate confirmed by what was discovered. Raises CallNotProvable."""

    async def prove(
        self,
        candidate: Candidate,
        view: View,
        *,
        credentials: HttpCredentials,
        guard: EgressGuard,
        authorizer: Authorizer | None,
    ) -> Proven:
        """Nothing is sent: a request that proved itself would have been made."""
        return self.prove_here(candidate, view)

    @abstractmethod
    def ready(self, call: FrozenCall) -> Ready:
        """``call`` made ready. Raises CallNotSupported."""

    async def preview(
        self,
        call: FrozenCall,
        context: CallContext,
        view: View | None,
        *,
        credentials: HttpCredentials,
        guard: EgressGuard,
        authorizer: Authorizer | None,
        options: PreviewOptions,
    ) -> Preview:
        """The exact request, with secrets masked. A read is made, for a few records; a write is never sent."""
        shown = few_rows(call)
        source = self.source(credentials, guard, role="read", authorizer=authorizer)
        return await preview_call(shown, shaped(self.ready(shown)), context, credentials, source, options)

    def source(
        self, credentials: HttpCredentials, guard: EgressGuard, *, role: Role, authorizer: Authorizer | None
    ) -> HttpSource:
        """The system, to send requests to. There is one role: what the credentials may do."""
        return HttpSource(credentials, guard, authorizer, authorities=credentials.ca_pem)
