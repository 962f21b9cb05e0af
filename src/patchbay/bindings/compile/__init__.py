"""Compilers: from a plan to the one call that carries it out. Each kind of system has its own file; nothing here does I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from patchbay.bindings.compile.graphql import compile_graphql
from patchbay.bindings.compile.http import compile_rest
from patchbay.bindings.compile.mysql import compile_mysql
from patchbay.bindings.compile.sql import compile_postgres
from patchbay.errors import Unprocessable
from patchbay.schema_graph.call import Body, Candidate, Plan
from patchbay.schema_graph.scoping import View


class KindNotCompiled(Unprocessable):
    """Bindings on this kind of system cannot be compiled yet."""

    code, title = "kind_not_compiled", "Kind not supported"


_COMPILERS: Mapping[str, Callable[[Plan, View], Body]] = {
    "postgres": compile_postgres,
    "mysql": compile_mysql,
    "rest": compile_rest,
    "graphql": compile_graphql,
}


def compile_plan(plan: Plan, view: View) -> Candidate:
    """The plan with its compiled body, by the type of system the view is of. Raises :class:`KindNotCompiled`."""
    compiler = _COMPILERS.get(view.kind)
    if compiler is None:
        raise KindNotCompiled
    return Candidate(plan, compiler(plan, view))
