"""Whose records are meant, where the goal speaks of somebody."""

from __future__ import annotations

from patchbay.bindings.automap.keys import by_its_number
from patchbay.bindings.automap.mapped import Found
from patchbay.bindings.automap.matching import FREE, names_a_person
from patchbay.bindings.automap.sayings import OWN, PERSONS
from patchbay.bindings.call_arguments import telling_part
from patchbay.bindings.parameters import is_about_people, says_email, says_phone
from patchbay.schema_graph.naming import split_words

_MEASURES = frozenset({"decimal", "number", "boolean", "date", "datetime", "time", "duration"})

_STAFF = frozenset({"staff", "employee", "worker", "agent", "creator", "author", "owner"})


def of_a_person(found: Found) -> None:
    """The records of somebody are asked for: by who that is, where the records are not people themselves."""
    record = found.profile.record
    if PERSONS.search(found.goal.said) is None or record is None or is_about_people(record.name):
        return
    if callers_phone(found) or by_its_number(found):
        return
    targets = {own: edge.target for edge in record.edges if edge.to_one for own, _ in edge.pairs}
    for argument, _, _ in found.profile.arguments:
        part, equal = telling_part(argument.name)
        about = is_about_people(targets.get(part, "")) or names_a_person(part)
        if "." in argument.name and found.profile.operation.record_arguments:
            continue
        if equal and about and argument.type not in (*FREE, *_MEASURES) and not _STAFF.intersection(split_words(part)):
            found.add(argument, None)
            found.unmet.append(argument.name)
            return


def callers_phone(found: Found) -> bool:
    """The caller's own: by the number the caller rings from, where the records or who they belong to have one."""
    if OWN.search(found.goal.said) is None:
        return False
    phones = [a for a, _, _ in found.profile.arguments if says_phone(telling_part(a.name)[0]) and found.source(a) == "session"]
    argument = min(
        phones,
        key=lambda a: ("fax" in split_words(a.name), found.profile.depth(a.name), not a.indexed, len(a.name)),
        default=None,
    )
    if argument is not None:
        found.add(argument, None)
    return argument is not None


def says_who(found: Found) -> bool:
    """Whether what is given already says whose record is meant."""
    parts = [telling_part(one.argument.name)[0] for one in found.mapped.values()]
    return not found.goal.writes and any(says_phone(part) or says_email(part) or names_a_person(part) for part in parts)
