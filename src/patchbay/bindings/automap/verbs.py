"""What verbs do in a goal: which read and which write, which are nouns as often, which go by different names.

General English only: nothing here is about one schema.
"""

from __future__ import annotations

from typing import Literal

from patchbay.schema_graph.stems import stem

Intent = Literal["read", "insert", "update", "delete"]


def stemmed(text: str) -> frozenset[str]:
    """The stems of the words of a text."""
    return frozenset(stem(word) for word in text.split())


_VERBS: dict[Intent, str] = {
    "read": """look find get fetch show list search see check tell read pull bring say retrieve lookup know view display report
        count identify query return answer explain confirm compare determine work grab dig hunt spell figure summarize
        summarise print track verify help ask discover inspect review browse obtain collect trace spot describe present
        explore pick hear learn watch monitor estimate calculate quote preview""",
    "insert": """create add make insert book register record log save enter put place order buy submit file start send post text
        email mail message invite schedule reserve upload write raise leave sign enroll share charge pay refund open subscribe
        remind notify ring phone call dial generate issue reply answer request purchase hire announce warn
        bill invoice credit note hand pop drop arrange lodge apply enter award top grant rent lend deliver ship""",
    "update": """update change edit modify set move reschedule rename correct fix mark close shut reopen pause resume assign
        approve reject accept decline complete finish switch shift extend adjust swap replace renew activate deactivate archive
        capture authorize amend alter postpone merge transfer upgrade downgrade lock unlock enable disable restore
        publish release redeem""",
    "delete": """cancel delete remove void clear throw stop end revoke unsubscribe withdraw erase trash discard scrap bin""",
}

VERBS: dict[str, Intent] = {stem(word): intent for intent, words in _VERBS.items() for word in words.split()}
"""The intent of a verb that begins a clause, by its stem. Later lines win: *answer* and *confirm* are as likely to read."""

VERBS.update(dict.fromkeys(map(stem, ("answer", "confirm", "return")), "read"))

EITHER = stemmed("confirm")
"""Verbs that look something up or change it, by what there is: a visit that can be confirmed is, a price is only told."""

DEED_NOUNS: dict[str, str] = {
    "cancellation": "cancel", "registration": "register", "creation": "create", "deletion": "delete", "removal": "remove",
    "modification": "modify", "rescheduling": "reschedule", "enrollment": "enroll", "enrolment": "enroll",
    "approval": "approve", "reassignment": "assign", "renewal": "renew", "submission": "submit",
}  # fmt: skip
"""Nouns that say what is to be done where they head a goal that has no verb: *appointment cancellation*."""

RATHER_NOUNS = stemmed("""order book mail email text call phone share file post message charge issue record report note
    request purchase
    end name time view count answer reply release schedule set ring display place log mark pay stop report
    raise leave record return bill invoice credit note hand drop top track review watch quote present work
    print preview rent ship delivery grant award help estimate answer cancel""") - {stem("cancel")}
"""Verbs that are nouns as often: one of them is a verb only where something stands after it that says so."""

SAME_DEED: tuple[frozenset[str], ...] = tuple(
    stemmed(line)
    for line in """create add make insert new register open save record log enter post submit start write put place upload issue
update change edit modify set patch correct amend alter adjust move reschedule rename mark
delete remove erase drop discard clear destroy trash bin throw
cancel void abort stop end terminate withdraw revoke delete remove
bill invoice charge
adjust award credit grant accumulate
close shut finish complete resolve end archive
send post deliver create text message email mail notify
refund return reimburse
pay charge settle capture
book reserve schedule create place
approve accept confirm authorize grant
reject decline deny refuse
invite add
share permission grant
assign give
remind reminder create
ring phone call dial
get find look fetch retrieve search list show read lookup query view check""".splitlines()
)
"""Deeds that go by different names: any of a line may do what another of it asks for."""

DEEDS_MEANT: dict[str, tuple[str, ...]] = {
    stem(word): tuple(map(stem, means.split()))
    for word, means in {
        "ring": "call create", "phone": "call create", "dial": "call create", "text": "message send create",
        "email": "send message", "mail": "send message", "bill": "invoice create", "tell": "message send post",
        "announce": "message post send", "warn": "message send", "pop": "add", "hand": "give create", "sign": "create",
        "hire": "create", "throw": "delete", "scrap": "delete", "shut": "close",
        "leave": "create add", "file": "create", "lodge": "create", "raise": "create open", "apply": "add apply use",
        "buy": "order purchase create",
    }.items()
}  # fmt: skip
"""Verbs that say by themselves what is made or done."""

GENERIC_DEEDS = stemmed(
    """create add make insert new put save enter write place do update change edit modify set move delete remove get find look
    fetch retrieve search list show read take give start open mark log record post"""
)
"""Deeds that any record knows; the others say something by themselves (*refund*, *invite*)."""

METHODS: dict[str, Intent] = {"GET": "read", "POST": "insert", "PUT": "update", "PATCH": "update", "DELETE": "delete"}
ALWAYS_VERBS_FIRST = stemmed("log share mark set place ring show view open close start stop put pay raise")
