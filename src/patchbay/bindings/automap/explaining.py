"""Why a binding was proposed, how sure that is, and what a person should settle before it is enabled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from patchbay.bindings.automap.drafting import Draft
from patchbay.bindings.automap.goal import Goal
from patchbay.bindings.automap.profile import Profile
from patchbay.bindings.automap.scoring import Scored
from patchbay.bindings.call_arguments import telling_part
from patchbay.bindings.check import Checked
from patchbay.bindings.model import Binding
from patchbay.bindings.parameters import is_about_people, says_phone
from patchbay.errors import Finding

MOST_QUESTIONS = 8
_SURE, _UNSURE = 1.5, 0.3
"""Scores between which confidence grows; a goal whose every word is answered reaches the first."""
_CLOSE = 0.12
"""A lead over the next candidate below this is no lead."""
_SHOWN = 4


class Alternative(msgspec.Struct, frozen=True):
    """Another operation that may have been meant."""

    operation: str
    why: str


class Why(msgspec.Struct, frozen=True):
    """What goes with a proposal: how sure it is (0 to 1), why this operation, what to settle, what else there is."""

    confidence: float
    why: str
    questions: tuple[str, ...]
    alternatives: tuple[Alternative, ...]


def explain(
    goal: Goal,
    made: Draft,
    binding: Binding,
    checked: Checked,
    others: Sequence[Scored],
    refused: Sequence[tuple[Scored, tuple[Finding, ...]]],
) -> tuple[Binding, Why]:
    """The binding, requiring a verified caller where it should, and why it was proposed."""
    private = _needs_verification(made, checked)
    if private:
        binding = msgspec.structs.replace(binding, requires_verified_identity=True)
    questions = list(dict.fromkeys(_questions(goal, made, binding, others, refused, private=private)))
    return binding, Why(
        confidence=_confidence(goal, made, others, questions),
        why=_why(goal, made, binding),
        questions=tuple(questions[:MOST_QUESTIONS]),
        alternatives=tuple(Alternative(one.profile.operation.name, _reason(one)) for one in others),
    )


def _needs_verification(made: Draft, checked: Checked) -> bool:
    """Whether a caller could choose whose data is returned or changed."""
    chosen_identity = any(warning.code == "model_chosen_identity" for warning in checked.warnings)
    if not chosen_identity:
        return False
    record = made.scored.profile.record
    personal = any("pii" in one.leaf.field.badges for one in made.chosen)
    about_people = record is not None and (is_about_people(record.name) or "pii" in record.badges)
    return personal or about_people or any(_belongs_to_people(one.argument.name) for one in made.given)


def _belongs_to_people(argument: str) -> bool:
    part, _ = telling_part(argument)
    return is_about_people(part) or any(is_about_people(one) for one in argument.split("."))


def _confidence(goal: Goal, made: Draft, others: Sequence[Scored], questions: Sequence[str]) -> float:
    score = made.scored.score
    sure = min(1.0, max(0.0, (score - _UNSURE) / (_SURE - _UNSURE)))
    lead = score - max((one.score for one in others), default=0.0)
    sure *= 0.7 + 0.3 * min(1.0, max(0.0, lead) / 0.4)
    sure *= 0.92 ** len(made.missing) * 0.95 ** len(made.unmet) * 0.98 ** max(0, len(questions) - 2)
    said = [term.word for phrase in goal.phrases if phrase.said for term in phrase.terms]
    sure *= 0.4 + 0.6 * (1 - len(_unanswered(goal, made)) / len(said)) if said else 0.4
    return round(min(0.98, sure), 2)


def _unanswered(goal: Goal, made: Draft) -> list[str]:
    """The goal's own words that nothing of the operation answers to."""
    answered = {*made.scored.matched, *(word for one in made.chosen for word in (one.because or "").split())}
    answered |= {word for one in made.given for word in (one.because or "").split()}
    said = [term.word for phrase in goal.phrases if phrase.said for term in phrase.terms]
    return [word for word in dict.fromkeys(said) if word not in answered]


def _why(goal: Goal, made: Draft, binding: Binding) -> str:
    profile = made.scored.profile
    matched = made.scored.matched
    does = {"read": "reads", "insert": "adds", "update": "changes", "delete": "removes"}[profile.intent]
    what = profile.record.name if profile.record is not None and " " not in profile.record.name else "what is asked for"
    told = f"It answers to {_listed(matched)} in the goal" if matched else "Nothing else comes nearer to the goal"
    sentences = [f"{binding.operation} {does} {what}.", f"{told}."]
    sentences += [
        f"{one.argument.name} is given what the goal calls {one.because}."
        for one in made.given[:_SHOWN]
        if one.because and any(rule.arg == one.argument.name for rule in binding.inputs)
    ]
    wanted = [one.because for one in made.chosen if one.because]
    if wanted:
        sentences.append(f"It returns {_listed(list(dict.fromkeys(wanted)))}.")
    return " ".join(sentences)


def _questions(
    goal: Goal,
    made: Draft,
    binding: Binding,
    others: Sequence[Scored],
    refused: Sequence[tuple[Scored, tuple[Finding, ...]]],
    *,
    private: bool,
) -> Iterator[str]:
    profile = made.scored.profile
    kept = {rule.arg: rule for rule in binding.inputs}
    if refused:
        one, findings = refused[0]
        yield f"{one.profile.operation.name} came nearer but cannot be bound: {findings[0].message} Is this one meant?"
    if private:
        yield (
            "Whose data this is depends on what the caller says, so a verified caller is required. "
            "Is a basic verification enough, or should the identity come from the session or the verified caller?"
        )
    yield from _of_sources(made, kept)
    for one in made.given:
        if one.common and one.argument.name in kept:
            yield f"{one.argument.name} is likely the same in every call: which value should be its constant?"
        elif one.argument.name in made.unmet and one.argument.name in kept:
            yield f"The goal does not say where {one.argument.name} comes from: should the agent ask the caller for it?"
        elif one.argument.name not in kept:
            yield f"{one.argument.name} could not be used for {one.because or one.param}: how else is the record found?"
    for name in made.unfound:
        yield f"No one record can be told by {name}, so its key is asked for: should a look-up find it first?"
    for text in made.missing:
        yield f"Nothing that comes back is plainly {text!r}: which field is it?"
    if unanswered := _unanswered(goal, made):
        yield f"Nothing that was found answers to {_listed(unanswered)}: is what was chosen meant all the same?"
    yield from made.narrowed.questions
    if goal.writes:
        yield from _of_writes(goal, profile)
    if others and made.scored.score - others[0].score < _CLOSE:
        yield f"{others[0].profile.operation.name} comes as near: is {binding.operation} the right one?"


def _of_sources(made: Draft, kept: Mapping[str, object]) -> Iterator[str]:
    for one in made.given:
        if one.argument.name not in kept or not says_phone(telling_part(one.argument.name)[0]):
            continue
        if one.source == "session":
            yield (
                f"{one.param} is taken from the number the caller rings from. "
                "Should the agent ask for a number instead (source model), for callers on another phone or in chat?"
            )
        elif made.scored.profile.operation.effect == "read":
            yield (
                f"{one.param} is what the caller says. Is the number the caller rings from meant (source session, "
                "key caller_number)?"
            )


def _of_writes(goal: Goal, profile: Profile) -> Iterator[str]:
    yield "This changes data: who reviews it, and should the caller be asked before it is done?"
    if profile.intent == "delete" and goal.intent != "delete":
        yield "It removes the record for good: is that meant?"


def _reason(scored: Scored) -> str:
    profile: Profile = scored.profile
    said = (profile.operation.description or "").split(". ")[0].strip().rstrip(".")
    matched = f"answers to {_listed(scored.matched)}" if scored.matched else "is the next nearest"
    return f"{said[:140]}; {matched}." if said and not profile.operation.record_arguments else f"It {matched}."


def _listed(words: Sequence[str]) -> str:
    shown = list(dict.fromkeys(words))[:_SHOWN]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else "nothing"
