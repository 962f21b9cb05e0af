"""From a goal to a binding that compiles: candidates in order, each drafted, checked, mended and compiled, until one holds.

A draft that the check refuses is mended where that is a matter of leaving something out or of giving what is demanded; what
cannot be mended is given up, with the reason. So nothing is proposed that does not compile.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from patchbay.bindings.automap.drafting import Choice, Draft, draft
from patchbay.bindings.automap.explaining import Why, explain
from patchbay.bindings.automap.goal import Goal
from patchbay.bindings.automap.scoring import Ranking, Scored, understand
from patchbay.bindings.automap.unlike import unlike
from patchbay.bindings.check import Checked, Target, check
from patchbay.bindings.compiled import compile_binding
from patchbay.bindings.model import Binding, parse_binding
from patchbay.bindings.report import BindingInvalid
from patchbay.errors import Finding, PatchbayError, Unprocessable
from patchbay.schema_graph.scoping import View
from patchbay.schema_graph.search import SearchIndex

MOST_TRIED = 12
"""Candidates that are drafted, at most."""
MOST_MENDS = 8
ALTERNATIVES = 5
FAR_BEHIND = 0.35
"""A candidate whose score is below this share of the first one's is another thing altogether."""
LEAST = 0.12
"""A score below this says that nothing in view is what the goal is about."""


class NoValidBinding(Unprocessable):
    """No operation in view can be bound to do this (no_valid_binding)."""

    code, title, named = "no_valid_binding", "No valid binding", True


class Proposal(msgspec.Struct, frozen=True):
    """A binding that was checked and compiled. ``why`` is for the person who reviews it."""

    binding: Binding
    checked: Checked
    why: Why


class _Settled(msgspec.Struct, frozen=True):
    binding: Binding
    checked: Checked


def propose(
    text: str, view: View, index: SearchIndex, target: Target, *, tool_name: str | None = None, choice: Choice | None = None
) -> Proposal:
    """The best binding for a goal. Raises :class:`NoValidBinding` with the reason and the nearest candidates.

    ``choice`` is a model's: it may put a candidate first and choose among its fields, and nothing else.
    """
    goal, ranking = understand(text, view, index)
    return propose_from(goal, ranking, view, target, tool_name=tool_name, choice=choice)


def propose_from(
    goal: Goal, ranking: Ranking, view: View, target: Target, *, tool_name: str | None = None, choice: Choice | None = None
) -> Proposal:
    """The best binding among ranked candidates; see :func:`propose`. A choice that does not compile counts for nothing."""
    if choice is not None:
        chosen = _chosen(goal, ranking, view, target, tool_name, choice)
        if chosen is not None:
            return chosen
    candidates = ranking.scored
    best = max((one.score for one in candidates), default=0.0)
    if best < LEAST:
        raise _nothing(goal, ranking.scored, ())
    refused: list[tuple[Scored, tuple[Finding, ...]]] = []
    for scored in candidates[:MOST_TRIED]:
        if scored.score < FAR_BEHIND * best:
            break
        made, settled = _drafted(goal, scored, ranking, view, target, tool_name, None)
        if isinstance(settled, _Settled):
            return _proposal(goal, made, settled, ranking, refused, view, target)
        refused.append((scored, settled))
    raise _nothing(goal, ranking.scored, refused)


def _chosen(goal: Goal, ranking: Ranking, view: View, target: Target, tool_name: str | None, choice: Choice) -> Proposal | None:
    """The binding for what a model chose, or None where that does not compile."""
    scored = next((one for one in ranking.scored if one.profile.operation.name == choice.operation), None)
    if scored is None:
        return None
    made, settled = _drafted(goal, scored, ranking, view, target, tool_name, choice)
    return _proposal(goal, made, settled, ranking, (), view, target) if isinstance(settled, _Settled) else None


def _drafted(
    goal: Goal, scored: Scored, ranking: Ranking, view: View, target: Target, tool_name: str | None, choice: Choice | None
) -> tuple[Draft, _Settled | tuple[Finding, ...]]:
    made = draft(goal, scored, ranking, tool_name=tool_name, choice=choice)
    if (other := unlike(goal, made)) is not None:
        return made, (other,)
    settled = _settle(made, view, target)
    if not isinstance(settled, _Settled) and any(finding.code == "argument_required" for finding in settled):
        made = draft(goal, scored, ranking, tool_name=tool_name, choice=choice, everything=True)
        settled = _settle(made, view, target)
    return made, settled


def _proposal(
    goal: Goal,
    made: Draft,
    settled: _Settled,
    ranking: Ranking,
    refused: Sequence[tuple[Scored, tuple[Finding, ...]]],
    view: View,
    target: Target,
) -> Proposal:
    others = [one for one in ranking.scored if one is not made.scored][:ALTERNATIVES]
    binding, why = explain(goal, made, settled.binding, settled.checked, others, refused)
    checked = settled.checked if binding == settled.binding else check(binding, view, target)
    return Proposal(binding, checked, why)


def _settle(made: Draft, view: View, target: Target) -> _Settled | tuple[Finding, ...]:
    """The binding with its check once it compiles, or the findings that stand against it."""
    binding = made.binding
    findings: tuple[Finding, ...] = ()
    for _ in range(MOST_MENDS):
        try:
            binding = parse_binding(binding.to_json())
            checked, _ = compile_binding(binding, view, target)
        except (BindingInvalid, PatchbayError) as refusal:
            findings = tuple(refusal.errors) or (Finding("binding", refusal.code, refusal.detail),)
            mended = _mended(binding, findings, made)
            if mended is None or mended == binding:
                return findings
            binding = mended
            continue
        return _Settled(binding, checked)
    return findings


def _mended(binding: Binding, findings: Sequence[Finding], made: Draft) -> Binding | None:
    """The binding without what the findings are about, or None when that would change what it does."""
    drop: dict[str, set[int]] = {"inputs": set(), "projection": set(), "filters": set(), "orderBy": set()}
    given = {one.argument.name: one for one in made.given}
    for finding in findings:
        if finding.code == "cannot_read_back":
            drop["projection"].update(range(len(binding.projection)))
            continue
        part, _, rest = finding.field.partition(".")
        number = rest.partition(".")[0]
        if part not in drop or not number.isdigit():
            return None
        drop[part].add(int(number))
    for at in drop["inputs"]:
        mapped = given.get(binding.inputs[at].arg) if at < len(binding.inputs) else None
        if mapped is None or mapped.argument.required or (mapped.because is not None and mapped.source != "constant"):
            return None  # without what the goal says is given, it would be another question
    inputs = [one for at, one in enumerate(binding.inputs) if at not in drop["inputs"]]
    gone = {one.param for one in binding.inputs} - {one.param for one in inputs}
    filters = [one for at, one in enumerate(binding.filters) if at not in drop["filters"] and one.param not in gone]
    projection = [one for at, one in enumerate(binding.projection) if at not in drop["projection"]]
    order = [one for at, one in enumerate(binding.order_by) if at not in drop["orderBy"]]
    if not projection and made.scored.profile.operation.effect == "read":
        return None
    return msgspec.structs.replace(binding, inputs=inputs, filters=filters, projection=projection, order_by=order)


def _nothing(goal: Goal, scored: Sequence[Scored], refused: Sequence[tuple[Scored, tuple[Finding, ...]]]) -> NoValidBinding:
    """The refusal, with the reason and the nearest candidates; of things in view alone."""
    reasons = {one.profile.operation.name: findings for one, findings in refused}
    candidates = [
        {"operation": one.profile.operation.name, "why": _why_not(one, reasons.get(one.profile.operation.name, ()))}
        for one in scored[:ALTERNATIVES]
    ]
    first = refused[0] if refused else None
    if first is not None:
        name = first[0].profile.operation.name
        detail = f"The nearest operation, {name}, cannot be bound as asked: {first[1][0].message} (no_valid_binding)."
        return NoValidBinding(detail, errors=first[1], hint=first[1][0].hint, extensions={"candidates": candidates})
    what = "change" if goal.writes else "read"
    detail = f"Nothing in the discovered schema is near to what this goal wants to {what} (no_valid_binding)."
    hint = "Say which records are meant and what of them, in the words of the business; GET …/operations lists what there is."
    return NoValidBinding(detail, hint=hint, extensions={"candidates": candidates})


def _why_not(scored: Scored, findings: Sequence[Finding]) -> str:
    if findings:
        return findings[0].message
    if not scored.matched:
        return "None of the goal's words is in its name."
    return f"It answers to {', '.join(scored.matched[:4])} only."
