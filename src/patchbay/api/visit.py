"""What the door knows about one request while it is being answered."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection
from starlette.types import Scope

from patchbay.errors import NotAuthenticated
from patchbay.store.ids import new_id

if TYPE_CHECKING:
    from patchbay.accounts.keys import Admission
    from patchbay.accounts.principal import Principal

SCOPE_KEY = "patchbay.visit"
MUTATING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{8,128}")


@dataclass(slots=True)
class Visit:
    """One request on its way through the door.

    ``route`` is the template of the path (``/api/v1/agents/{id}``) once a route matched. ``audited`` is the status that the
    audit log already holds for this request, ``resource_id`` what the request made or changed. ``receipted`` says that the
    receipt of a conversation holds what was done.
    """

    method: str
    path: str
    request_id: str
    started: float = field(default_factory=time.perf_counter)
    route: str | None = None
    admission: Admission | None = None
    audited: int | None = None
    resource_id: str | None = None
    receipted: bool = False
    status: int | None = None

    @property
    def principal(self) -> Principal:
        """Who is asking. Raises :class:`NotAuthenticated` on a route that let nobody in."""
        if self.admission is None:
            raise NotAuthenticated
        return self.admission.principal

    @property
    def mutating(self) -> bool:
        """Whether the method may change something, and so must leave an audit row."""
        return self.method in MUTATING

    @property
    def openai(self) -> bool:
        """Whether the caller expects OpenAI's shapes."""
        return self.path.endswith("/chat/completions")

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since the request arrived."""
        return round((time.perf_counter() - self.started) * 1000, 2)


def visit_of(connection: HTTPConnection) -> Visit:
    """The visit that the door opened for this request."""
    return connection.scope[SCOPE_KEY]


def request_id_from(presented: str | None) -> str:
    """The caller's own request id when it is a harmless token of 8 to 128 characters, else a new one."""
    if presented and _SANE_ID.fullmatch(presented):
        return presented
    return new_id("req")


def open_visit(scope: Scope, presented_id: str | None) -> Visit:
    """Start the visit of this ASGI scope."""
    visit = Visit(method=scope["method"], path=scope["path"], request_id=request_id_from(presented_id))
    scope[SCOPE_KEY] = visit
    return visit
