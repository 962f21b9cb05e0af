"""Compilers: from a plan to the one call that carries it out. Each kind of system has its own file; nothing here does I/O."""

from __future__ import annotations

from patchbay.bindings.compile.sql import compile_postgres
from patchbay.errors import Unprocessable
from patchbay.schema_graph.call import Candidate, Plan
from patchbay.schema_graph.scoping import View


class KindNotCompiled(Unprocessable):
    """Bindings on this kind of system cannot be compiled yet."""

    code, title = "kind_not_compiled", "Kind not supported"


def compile_plan(plan: Plan, view: View) -> Candidate:
    """The plan with its compiled body. Raises :class:`KindNotCompiled`."""
    if view.kind != "postgres":
        raise KindNotCompiled
    return Candidate(plan, compile_postgres(plan, view))
