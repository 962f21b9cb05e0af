"""Names that a person would give: the parameters of an agent, the leaves of an answer, the tool itself."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from patchbay.bindings.automap.goal import Goal
from patchbay.bindings.automap.profile import Profile
from patchbay.bindings.call_arguments import telling_part
from patchbay.bindings.parameters import is_about_people, meaning_of
from patchbay.schema_graph.model import Argument
from patchbay.schema_graph.naming import singular_word, split_name, split_words

_BARE = frozenset(
    ["id", "number", "no", "code", "name", "type", "status", "date", "sid", "key", "title", "text", "body", "value"]
)
_NOT_CALLERS = frozenset(
    ["employee", "staff", "supplier", "vendor", "seller", "user", "worker", "agent", "member", "owner", "actor", "artist"]
)
_PARTS_OF_NAMES = frozenset({"first", "last", "given", "family", "surname", "forename"})
_UNSAFE = re.compile(r"[^a-z0-9_]+")
_DEFINITE = re.compile(r"\b(?:a|an|the|this|that|one|any|our|please)\s+")
_LONGEST_TOOL = 60


def snake(words: Sequence[str], least: str, most: int = 48) -> str:
    """An identifier of these words; ``least`` where none of them can be in one."""
    made = _UNSAFE.sub("_", "_".join(words).lower()).strip("_")[:most].strip("_")
    return made if made and not made[0].isdigit() else f"{least}_{made}".strip("_")


def free(name: str, taken: Collection[str]) -> str:
    """``name``, with a number where it is taken already."""
    folded = {one.casefold() for one in taken}
    if name.casefold() not in folded:
        return name
    return next(made for made in (f"{name}_{n}" for n in range(2, len(folded) + 3)) if made.casefold() not in folded)


def param_for(argument: Argument, profile: Profile, goal: Goal) -> str:
    """What the agent calls the value for an argument: the canonical parameter that it says, else its own words."""
    part, _ = telling_part(argument.name)
    words = split_words(part)
    canonical = meaning_of(" ".join(words))
    if canonical is not None and argument.type in (canonical.type, "string", "array"):
        spelled = (" ".join(words) in canonical.words or part == canonical.name) and words[0] not in _PARTS_OF_NAMES
        if canonical.name == "account_number" and not {"account", "number", "no"}.intersection(words):
            spelled = False
        if spelled and (canonical.means != "person" or _is_of_the_caller(argument, profile)):
            return canonical.name
    if len(words) == 1 and words[0] in _BARE:
        parts = split_name(argument.name)
        around = (
            split_words(parts[-2]) if len(parts) > 1 and parts[-2].lower() not in ("body", "input", "filter", "where") else ()
        )
        record = tuple(singular_word(word) for word in (around or _record_words(profile)))
        words = (*record[-2:], *words)
    return snake(words, "value")


def _is_of_the_caller(argument: Argument, profile: Profile) -> bool:
    parts = split_name(argument.name)
    holder = parts[-2] if len(parts) > 1 else profile.record.name if profile.record is not None else ""
    words = {singular_word(word) for word in split_words(split_name(holder)[-1])}
    return words.isdisjoint(_NOT_CALLERS) and (is_about_people(holder) or not profile.operation.record_arguments)


def _record_words(profile: Profile) -> tuple[str, ...]:
    if profile.record is None:
        return ()
    return split_words(split_name(profile.record.name)[-1].rpartition(".")[2]) if " " not in profile.record.name else ()


def leaf_for(path: Sequence[str], profile: Profile, taken: Collection[str]) -> str:
    """The agent's name for a field: its own words, with those of where it is found when it says little alone."""
    words = split_words(path[-1])
    if len(path) > 1 and (len(words) == 1 or words[0] in _BARE):
        words = (*(singular_word(word) for word in split_words(path[-2])), *words)
    elif len(path) == 1 and len(words) == 1 and words[0] in _BARE:
        words = (*(singular_word(word) for word in _record_words(profile)[-2:]), *words)
    return free(snake(list(dict.fromkeys(words)), "field"), taken)


def plain_text(text: str) -> str:
    """The text on one line, without characters that no text should hold."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())


def tool_name_for(goal: Goal) -> str:
    """The goal's first clause as a name: ``Look up customer by email``."""
    text = plain_text(goal.text)
    clause = re.split(r"[.;:?!]| and (?:return|tell|say|give|show|report)\b", text, maxsplit=1)[0]
    clause = " ".join(_DEFINITE.sub("", clause).split()) or text
    if len(clause) > _LONGEST_TOOL:
        clause = clause[:_LONGEST_TOOL].rpartition(" ")[0] or clause[:_LONGEST_TOOL]
    clause = clause.strip(" ,") or "Skill"
    return clause[:1].upper() + clause[1:]
