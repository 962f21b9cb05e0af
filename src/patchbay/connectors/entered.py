"""Systems that are entered with a skill and not by connecting: one place, its secrets, and no binding made on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import msgspec

from patchbay.connectors.definition import Definition, DocumentRef
from patchbay.connectors.http.authorizing import Authorizer
from patchbay.connectors.proof import CallNotProvable, Proven
from patchbay.connectors.system import Secrets
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import Candidate
from patchbay.schema_graph.scoping import View


class Entered(Protocol):
    """Credentials that say where the system is: ``origin`` is scheme, host and port."""

    @property
    def origin(self) -> str:
        """Where it is."""
        ...


C = TypeVar("C", bound=Entered)


class EnteredSystem(Generic[C]):
    """What all of them share of :class:`patchbay.connectors.system.System`. ``credentials`` is the type of theirs."""

    type: str
    credentials: ClassVar[type[Any]]
    writes_apart = False

    def parse(self, raw: Mapping[str, Any], definition: Definition | None) -> C:
        """The credentials as they are stored."""
        return msgspec.convert(raw, self.credentials)

    def dump(self, credentials: C) -> Secrets:
        """All of them are sealed."""
        return {"read": msgspec.to_builtins(credentials)}

    def load(self, secrets: Secrets, definition: Definition | None) -> C:
        """The credentials again. Raises LookupError when there are none."""
        return msgspec.convert(secrets["read"], self.credentials)

    def target(self, credentials: C) -> dict[str, Any]:
        """The origin."""
        return {"type": self.type, "baseUrl": credentials.origin}

    def label(self, credentials: C) -> str:
        """The origin without its scheme."""
        return credentials.origin.partition("://")[2]

    def document(self, credentials: C) -> DocumentRef | None:
        """None: there is none to upload."""

    async def prove(
        self,
        candidate: Candidate,
        view: View | None,
        *,
        credentials: C,
        guard: EgressGuard,
        authorizer: Authorizer | None,
    ) -> Proven:
        """Raises CallNotProvable: a skill freezes its call itself."""
        raise CallNotProvable("not_accepted")
