"""A webhook as a type of system: an endpoint of the customer's own, entered with a skill and not by connecting."""

from __future__ import annotations

from typing import Any

import msgspec

from patchbay.connectors.definition import Auth
from patchbay.connectors.discovered import Discovered
from patchbay.connectors.entered import EnteredSystem
from patchbay.connectors.http.authorizing import Authorizer, Signature
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.http.previewing import few_rows, preview_call
from patchbay.connectors.http.signing import FixedAuthorizer
from patchbay.connectors.http.source import HttpSource
from patchbay.connectors.preview import Preview, PreviewOptions
from patchbay.connectors.system import Role, System, Uploaded
from patchbay.connectors.webhook.credentials import WebhookCredentials
from patchbay.connectors.webhook.ready import ReadyWebhook
from patchbay.connectors.webhook.signing import stamper
from patchbay.egress.guard import EgressGuard
from patchbay.errors import Unprocessable
from patchbay.schema_graph.call import CallContext, FrozenCall
from patchbay.schema_graph.scoping import View


class NothingToDiscover(Unprocessable):
    """A webhook has no schema to discover."""

    code, title = "nothing_to_discover", "Nothing to discover"


class WebhookSystem(EnteredSystem[WebhookCredentials]):
    """There is no schema, so nothing is discovered, bound or proven."""

    type = "webhook"
    credentials = WebhookCredentials

    async def log_in(self, credentials: WebhookCredentials, guard: EgressGuard, authorizer: Authorizer | None) -> None:
        """Nothing is sent: a webhook has no request that changes nothing."""

    async def discover(
        self,
        credentials: WebhookCredentials,
        guard: EgressGuard,
        *,
        scoping: dict[str, Any],
        uploaded: Uploaded | None,
        authorizer: Authorizer | None,
    ) -> Discovered:
        """Raises :class:`NothingToDiscover`."""
        raise NothingToDiscover

    async def preview(
        self,
        call: FrozenCall,
        context: CallContext,
        view: View | None,
        *,
        credentials: WebhookCredentials,
        guard: EgressGuard,
        authorizer: Authorizer | None,
        options: PreviewOptions,
    ) -> Preview:
        """The exact request without what signs it. Only a read is made; what may change something is shown and not sent."""
        shown = few_rows(call)
        if call.guarantee is not None:
            shown = msgspec.structs.replace(shown, effect="write")
        source = self.source(credentials, guard, role="read", authorizer=None)
        return await preview_call(shown, self.ready(shown), context, credentials.over_http(), source, options)

    def source(
        self, credentials: WebhookCredentials, guard: EgressGuard, *, role: Role, authorizer: Authorizer | None
    ) -> HttpSource:
        """The endpoint, to send signed requests to."""
        plain = HttpCredentials(
            type=self.type,
            base_url=credentials.origin,
            auth=Auth(scheme="none"),
            secrets={str(number): one.secret for number, one in enumerate(credentials.signing)},
        )
        signature = Signature(headers=dict(credentials.headers), query=dict(credentials.query))
        return HttpSource(plain, guard, FixedAuthorizer(signature), stamp=stamper(credentials))

    def ready(self, call: FrozenCall) -> ReadyWebhook:
        """A frozen call."""
        return ReadyWebhook(call)


SYSTEM: System = WebhookSystem()
