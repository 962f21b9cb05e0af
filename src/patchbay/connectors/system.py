"""The port every type of system implements: what the platform does with PostgreSQL, MySQL, REST and GraphQL alike.

A :class:`System` has no state. :mod:`patchbay.connectors.systems` finds the one of a type; nothing else in ``connectors/``, and
nothing above it, knows which types there are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, Literal, Protocol
from zoneinfo import ZoneInfo

import msgspec

from patchbay.connectors.definition import Definition, DocumentRef
from patchbay.connectors.discovered import Discovered
from patchbay.connectors.http.authorizing import Authorizer
from patchbay.connectors.preview import Preview, PreviewOptions
from patchbay.connectors.proof import Proven
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import CallContext, CallResult, Candidate, FrozenCall
from patchbay.schema_graph.scoping import View

Role = Literal["read", "write"]
Secrets = Mapping[str, Mapping[str, Any]]
"""What is sealed of a connection, by role."""


class SourceClosed(Exception):
    """The source was retired while somebody waited: its credentials or its target are no longer current."""


class Uploaded(msgspec.Struct, frozen=True):
    """A document that was uploaded or sent along."""

    name: str
    content: bytes


class Source(Protocol):
    """One external system under one set of credentials, in one process. Reached when it is first needed."""

    @property
    def ended(self) -> bool:
        """Whether it is retired and nothing of it is open any more."""
        ...

    def retire(self) -> None:
        """Let go of what is idle, and of the rest when it is given back; runs that wait get :class:`SourceClosed`."""
        ...

    def end_idle(self, now: float) -> None:
        """End what nobody used for a while; ``now`` is the loop's time."""
        ...

    async def close(self) -> None:
        """Retire, and wait a few seconds for what is in use."""
        ...

    async def finds(self, values: Any, deadline: float) -> bool:
        """Whether the record of a write with these values is there as it was to be written: one reading, by about ``deadline``
        (the loop's time). False where that cannot be told. Raises what running a call raises.
        """
        ...


class Ready(Protocol):
    """A frozen call with everything worked out that depends on nothing else. ``seconds`` is the time a run may take."""

    call: FrozenCall
    seconds: float

    def values(self, context: CallContext, zone: ZoneInfo) -> Any:
        """What a run sends. Raises what :mod:`patchbay.schema_graph.arguments` raises."""
        ...

    def run(self, source: Any, values: Any, deadline: float) -> Awaitable[Any]:
        """The system's answer. Raises a :class:`~patchbay.connectors.refusals.CallRefused` or :class:`SourceClosed`."""
        ...

    def result(self, source: Any, answer: Any, *, zone_name: str, zone: ZoneInfo, duration_ms: float) -> CallResult:
        """The answer as the one shape. LookupError: a timestamp without zone and no zone to read it in."""
        ...


class System(Protocol):
    """One type of system. Credentials are a value of the type's own and never leave ``connectors/``."""

    type: str
    writes_apart: bool
    """Whether writes go through credentials, and a source, of their own."""

    def parse(self, raw: Mapping[str, Any], definition: Definition | None) -> Any:
        """The credentials in a body. Raises ValidationFailed with every finding, fields relative to ``credentials``."""
        ...

    def dump(self, credentials: Any) -> Secrets:
        """What of the credentials is sealed and stored."""
        ...

    def load(self, secrets: Secrets, definition: Definition | None) -> Any:
        """The credentials again. Raises LookupError when a role's are missing."""
        ...

    def target(self, credentials: Any) -> dict[str, Any]:
        """What identifies the system: another target is another connection."""
        ...

    def label(self, credentials: Any) -> str:
        """What a person calls it."""
        ...

    async def log_in(self, credentials: Any, guard: EgressGuard, authorizer: Authorizer | None) -> str | None:
        """Prove the credentials; what the account calls itself, where the system says that. Raises EgressRefused or a typed
        failure.
        """
        ...

    def document(self, credentials: Any) -> DocumentRef | None:
        """The document it is discovered from, where there is one."""
        ...

    async def discover(
        self,
        credentials: Any,
        guard: EgressGuard,
        *,
        scoping: dict[str, Any],
        uploaded: Uploaded | None,
        authorizer: Authorizer | None,
    ) -> Discovered:
        """Read its whole schema, heavy work in a worker. ``uploaded`` is what :meth:`document` refers to, unless a URL."""
        ...

    async def prove(
        self, candidate: Candidate, view: View, *, credentials: Any, guard: EgressGuard, authorizer: Authorizer | None
    ) -> Proven:
        """The candidate confirmed, or refused with the reason (422)."""
        ...

    async def preview(
        self,
        call: FrozenCall,
        context: CallContext,
        view: View | None,
        *,
        credentials: Any,
        guard: EgressGuard,
        authorizer: Authorizer | None,
        options: PreviewOptions,
    ) -> Preview:
        """What the call would do with these values; nothing is changed for good. For a write ``credentials`` hold the write role.
        ``view`` is None for a system that has no schema, and for no other.

        Raises what running the call raises, and PreviewRefused for what may not be executed.
        """
        ...

    def source(self, credentials: Any, guard: EgressGuard, *, role: Role, authorizer: Authorizer | None) -> Source:
        """The system, to run calls on."""
        ...

    def ready(self, call: FrozenCall) -> Ready:
        """``call`` made ready. Raises CallNotSupported for one that this type cannot run."""
        ...
