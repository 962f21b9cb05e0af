"""By what one record is found: its key or number, and where the goal says nothing, what identifies it best."""

from __future__ import annotations

from patchbay.bindings.automap.mapped import Found
from patchbay.bindings.automap.matching import FREE
from patchbay.bindings.automap.terms import Phrase
from patchbay.bindings.call_arguments import telling_part
from patchbay.bindings.parameters import is_about_people, numbers_its_record, says_email, says_phone
from patchbay.schema_graph.model import Argument
from patchbay.schema_graph.operations import identifying_fields
from patchbay.schema_graph.stems import stem

_NAMES = ((stem("name"),), (stem("title"),))


def give_key(found: Found, phrase: Phrase) -> bool:
    """Give the key or number of the operation's own record."""
    argument = own_key(found, numbered=not {term.stem for term in phrase.terms} <= {"id"})
    if argument is None:
        return False
    found.add(argument, phrase.text)
    return True


def own_key(found: Found, *, numbered: bool) -> Argument | None:
    """The key of the operation's own record; ``numbered``: the number people know it by, where it has one."""
    arguments = [argument for argument, _, _ in found.profile.arguments if argument.type not in FREE]
    record = found.profile.record
    if found.profile.operation.record_arguments and record is not None:
        keys = identifying_fields(record)
        own = [a for a in arguments if "." not in a.name]
        named = [a for a in own if numbers_its_record(a.name, record.name) and a.name not in keys]
        keyed = [a for a in own if a.name in keys]
        return next(iter([*named, *keyed] if numbered else [*keyed, *named]), None)
    required = [a for a in arguments if a.required and a.name not in found.common and telling_part(a.name)[1]]
    if found.profile.keyed and required:
        last = next((one for one in reversed(found.profile.path_parameters) if any(a.name == one for a in required)), None)
        return next((a for a in required if a.name == last), required[-1])
    name = record.name if record is not None else ""
    numbers = [a for a in arguments if numbers_its_record(telling_part(a.name)[0], name) and telling_part(a.name)[1]]
    numbers.sort(key=lambda a: (not a.required, a.name.count("."), len(a.name)))
    if numbered:
        numbers.sort(key=lambda a: stem("number") not in found.profile.words.of(telling_part(a.name)[0]))
    return numbers[0] if numbers else next(iter(required), None)


def by_its_number(found: Found) -> bool:
    """One record that has a number of its own, such as an order: by that number rather than by whose it is."""
    if found.goal.many or found.goal.ordering or found.profile.record is None:
        return False
    name = found.profile.record.name
    for argument, own, _ in found.profile.arguments:
        part, equal = telling_part(argument.name)
        if equal and stem("number") in own and numbers_its_record(part, name) and argument.type not in FREE:
            found.add(argument, None)
            return True
    return False


def identify(found: Found, because: str | None) -> None:
    """A record is asked for and nothing says by what: by what identifies it best."""
    record = found.profile.record
    if record is None:
        return
    own = [a for a, _, _ in found.profile.arguments if "." not in a.name and a.type not in (*FREE, "boolean")]
    people = is_about_people(record.name)
    about = {*found.profile.record_name, stem("name"), stem("title"), stem("full"), stem("display")}
    named = [a for a in own if found.profile.words.of(a.name)[-1:] in _NAMES and about.issuperset(found.profile.words.of(a.name))]
    best = (
        next((a for a in own if people and says_phone(a.name)), None)
        or next((a for a in own if numbers_its_record(a.name, record.name) and a.name not in identifying_fields(record)), None)
        or next((a for a in own if people and says_email(a.name)), None)
        or next(iter(named), None)
        or own_key(found, numbered=False)
    )
    if best is not None:
        found.add(best, because)
        found.unmet.append(best.name)
