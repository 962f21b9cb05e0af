"""From a binding to the candidate that a connected system is asked to prove: checked, compiled, and its fallback with it."""

from __future__ import annotations

import msgspec

from patchbay.bindings.check import Checked, Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import Binding
from patchbay.schema_graph.call import Candidate
from patchbay.schema_graph.scoping import View


def compile_binding(binding: Binding, view: View, target: Target) -> tuple[Checked, Candidate]:
    """What ``binding`` means on ``view``, and the call that carries it out. With optional outputs, the call without them too.

    Raises :class:`~patchbay.bindings.report.BindingInvalid` with every finding.
    """
    checked = check(binding, view, target)
    candidate = compile_plan(checked.plan, view)
    narrower = binding.without_optional()
    if narrower is None:
        return checked, candidate
    fallback = compile_plan(check(narrower, view, target).plan, view)
    return checked, msgspec.structs.replace(candidate, fallback=fallback)
