"""What words do in a goal: verbs that read or write, words that point at what is given or wanted, everyday ways to say things.

General English only, as in the search's thesaurus: nothing here is about one schema.
"""

from __future__ import annotations

import re
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
        bill invoice credit note hand pop drop arrange apply enter award top grant rent lend deliver ship""",
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
NO_VERBS = frozenset(
    [
        "somebody",
        "someone",
        "anybody",
        "everyone",
        "everybody",
        "nobody",
        "they",
        "it",
        "he",
        "she",
        "we",
        "you",
        "i",
        "there",
        "here",
        "this",
        "that",
        "these",
        "those",
        "a",
        "an",
        "the",
        "my",
        "our",
        "their",
        "its",
        "his",
        "her",
        "your",
        "all",
        "any",
        "some",
        "each",
        "every",
        "one",
        "both",
        "most",
        "only",
        "just",
        "new",
        "old",
        "customers",
        "customer",
        "callers",
        "caller",
        "people",
        "if",
        "when",
        "while",
        "once",
        "after",
        "before",
        "because",
        "as",
        "so",
        "but",
        "and",
        "or",
        "not",
        "no",
        "yes",
        "please",
    ]
)
"""Words that may begin a sentence with a determiner after them and are no orders."""

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
        "hire": "create", "throw": "delete", "scrap": "delete", "shut": "close", "buy": "order purchase create",
    }.items()
}  # fmt: skip
"""Verbs that say by themselves what is made or done."""
GENERIC_DEEDS = stemmed(
    """create add make insert new put save enter write place do update change edit modify set move delete remove get find look
    fetch retrieve search list show read take give start open mark log record post"""
)
"""Deeds that any record knows; the others say something by themselves (*refund*, *invite*)."""

METHODS: dict[str, Intent] = {"GET": "read", "POST": "insert", "PUT": "update", "PATCH": "update", "DELETE": "delete"}
_SAYINGS: tuple[tuple[str, str, Intent | None], ...] = (
    (r"(?:give|gives|pay|send|get|hand)\b.{0,24}\bmoney back|pay back|reimburse", "refund", "insert"),
    (r"can(?:no|')t (?:make it|come)|call(?:ed|s)? off|no longer (?:want|need)s?|back(?:s|ed)? out of", "cancel", "delete"),
    (r"take (?:\w+ ){1,4}(?:out|off)\b", "cancel remove", "delete"),
    (r"(?:throw|put) (?:\w+ ){1,4}(?:away|in the (?:bin|trash))|get rid of", "delete trash", "delete"),
    (
        r"put (?:\w+ ){0,4}(?:in|into|on|down) (?:the |our |a )?(?:book|books|calendar|diary|schedule|agenda)", "book",
        "insert",
    ),
    (
        r"(?:put|pencil|write|note|jot) (?:\w+ ){0,3}down\b|writ(?:e|es) up|tak(?:e|es) down|sign(?:s|ed)? up|sets? up",
        "create",
        "insert",
    ),
    (r"say(?:s)? yes to|sign(?:s|ed)? off(?: on)?|agree to|give the go-ahead|green-?light", "approve", "update"),
    (r"say(?:s)? no to|turn(?:s|ed)? down", "reject", "update"),
    (r"let \w+(?: \w+)? know|tell everyone|tell everybody|tell the \w+", "send message", "insert"),
    (r"move (?:\w+ ){1,4}to (?:another|a different|a new|some other) (?:time|day|date|slot)|push back|put off|bring forward",
     "reschedule update", "update"),
    (r"mark(?:s|ed)? (?:\w+ ){1,4}as (?:done|finished|complete|completed)", "update complete status", "update"),
    (r"tak(?:e|es) back|undo|retract", "delete", "delete"),
    (r"(?:do|does|can) (?:we|you|they|the \w+) (?:sell|carry|offer)|(?:we|they) sell", "product item", None),
    (r"(?:coming|due) in\b|drop(?:s|ping)? by|popping in", "booking appointment visit", None),
    (r"solved|sorted|resolved|taken care of", "close closed status", None),
    (r"who(?:'s| is) (?:calling|ringing|on the (?:line|phone))", "caller customer contact phone", "read"),
    (r"to-?do list|to-?dos?|things to do", "task", None),
    (r"still left|left to do|not (?:yet )?done|outstanding", "open status", None),
    (r"in stock|on hand|sold out|have left", "inventory stock quantity", None),
    (
        r"(?:not|hasn't|haven't|isn't|aren't|never) (?:yet )?(?:been )?(?:paid|settled)|unpaid|outstanding",
        "unpaid due open",
        None,
    ),
    (r"how much (?:\w+ ){1,4}owes?|owes? us|owing", "amount due balance", None),
    (r"time off|days? off|holidays?", "leave vacation holiday", None),
    (r"come out|came out|comes out", "release date", None),
    (r"one-?time (?:code|password|passcode)|passcode", "verification code", None),
    (r"page views?|pageviews?", "event page", None),
    (r"check(?:ing|s)? (?:\w+ )?code", "verification check code", "insert"),
    (r"(?:what|which) times? (?:are|is) (?:free|open|available)|free slots?|openings?\b", "availability available", None),
)  # fmt: skip
EVERYDAY: tuple[tuple[re.Pattern[str], str, Intent | None], ...] = tuple(
    (re.compile(rf"\b(?:{pattern})\b"), said, intent) for pattern, said, intent in _SAYINGS
)
"""Everyday ways to say things: a pattern over the goal in lower case, the words it means, and what is to be done."""

WANTED_SAYINGS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"\b(?:{pattern})\b"), said)
    for pattern, said in (
        (r"(?:get hold of|reach|get in touch with|get through to|ring back|call back|contact (?:them|him|her))", "phone email"),
        (r"(?:is|are|was|were) (?:it|they|this|that|he|she) called|what(?:'s| is) (?:its|their|his|her) name", "name title"),
        (r"where (?:do|does|did) (?:\w+ ){1,8}lives?", "address city postcode"),
        (
            r"what (?:do|did|does) (?:they|he|she|people|customers|guests) (?:say|write|said)|(?:write|say) about",
            "text comment message",
        ),
        (r"(?:they|he|she|it|can i|we) pay (?:it|them|online)|pay link|link to pay|where can (?:they|he|she) pay", "url link"),
        (r"where (?:is|are) (?:the |their |my |our )?(?:parcel|package|delivery|shipment)", "tracking status"),
        (r"how (?:many|much) (?:\w+ ){0,4}left", "remaining balance quantity"),
        (r"what did (?:they|he|she) (?:get|buy|order)", "items product name quantity"),
    )
)  # fmt: skip
"""Everyday ways to ask for something of a record."""
PERSONS = re.compile(r"\b(?:he|she|they|them|him|her|his|their|somebody|someone|person|caller|who)\b")
"""Words that speak of a person without saying which kind."""
KNOWS = frozenset(["gives", "give", "gave", "tells", "quotes", "reads", "provides", "knows", "has", "have", "spells"])
"""Verbs by which somebody gives what is known: *a customer rings and gives us their number*."""
WHO_KNOWS = frozenset(
    [
        "they",
        "he",
        "she",
        "customer",
        "caller",
        "client",
        "patient",
        "guest",
        "member",
        "person",
        "who",
        "and",
        "somebody",
        "someone",
    ]
)
DATED_WORDS = stemmed(
    """date day time week month year morning afternoon evening night yesterday monday tuesday wednesday thursday friday saturday
    sunday january february march april june july august september october november december noon midnight moment"""
)
"""Words that a time is said with."""
WHETHER = re.compile(r"\b(?:whether|if|that)\b")
"""Words after which something is looked up and not done: *confirm that it is paid*."""
ADDED_TO = frozenset(["to", "on", "onto", "into", "in", "against", "for", "under"])
"""Prepositions before what something is added to."""
SOME_EXIST = re.compile(r"\b(?:is|are) there\b|\bany\b")

GIVEN_AFTER = frozenset(
    ["by", "from", "given", "using", "via", "per", "based", "where", "whose", "matching", "against", "knowing"]
)
"""Prepositions after which a goal names what is known."""
TIME_AFTER = frozenset({"since", "after", "before", "until", "till", "between"})
"""Prepositions after which it names a time or a range."""
PLACED_AFTER = frozenset(["of", "for", "in", "on", "to", "at", "with", "about", "under", "into", "inside"])
"""Prepositions after which it names what the record belongs to."""
WANTED_AFTER = stemmed("return tell say give including include show read report mention")
"""Words after which it names what is to come back."""
POINTING = frozenset(
    ["this", "that", "a", "an", "one", "given", "certain", "specific", "particular", "somebody", "someone", "the"]
)
FILLER = stemmed(
    """please want wants would need needs like able just back out up off down over again also somebody someone anybody everyone
    thing things something anything everything kind sort way able currently moment right exactly actually really maybe perhaps
    people whoever else us me them they him her give gives gave let lets us using use used given based where when whose
    know tell look find get pull bring see rings ring caller's asks ask wants yet still ever already today now so that
    which what who how many much long often does did has have had will would can could may might must shall between two other
    another certain particular specific new one ones same such every each altogether total overall ago whether much many
    here rather far lot bit bunch else along away together real quick quickly soon later anyway kindly hello hi thanks
    thank"""
) - stemmed("phone total new call")
"""Words that carry no content of their own."""

QUESTIONS: tuple[tuple[str, str], ...] = (
    ("how much", "amount price total cost balance value"),
    ("how many", "count quantity number total points units"),
    ("how long", "duration length minutes time"),
    ("how old", "birth age created"),
    ("how fast", "speed"),
    ("how far", "distance"),
    ("how big", "size"),
    ("when", "date time day at"),
    ("what time", "time start at"),
    ("what day", "date day"),
    ("where", "address location city place"),
    ("who", "name"),
    ("whose", "name"),
    ("why", "reason"),
    ("is it", "status"),
    ("has it", "status"),
)
"""What a question word asks for: words of the field that answers it."""

NEWEST = re.compile(
    r"\b(?:latest|newest|most recent(?:ly)?|recent|last|recently|lately)\b(?! (?:name|four|4|digit|week|month|year|night))"
)
OLDEST = re.compile(r"\b(?:oldest|earliest|first)\b(?! (?:name|and last))")
NEXT = re.compile(r"\b(?:next|upcoming|coming up|future|from now on|ahead)\b")
TODAY = re.compile(r"\b(?:today|today's)\b")
HIGHEST = re.compile(r"\b(?:biggest|highest|largest|top|most expensive|best)\b")
HOW_MANY_OF_THEM = re.compile(
    r"\b(?:latest|last|next|first|newest|top|recent|oldest|upcoming)\s+(\d{1,2}|two|three|four|five|six|ten)\b"
)
ORDERING = frozenset(
    ["latest", "newest", "recent", "last", "oldest", "earliest", "first", "next", "upcoming", "recently", "lately"]
)
DIGITS = {"one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6"}
NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "ten": 10}
SINCE = re.compile(r"\b(?:since|after|starting|from)\b")
BEFORE = re.compile(r"\b(?:before|until|till|up to)\b")
BETWEEN = re.compile(r"\bbetween\b")
OWN = re.compile(r"\b(?:caller|caller's|who(?:'s| is) calling|calling customer|their own|caller’s)\b|\b(?:my|me)\b")
NOT = frozenset(["not", "no", "never", "without", "cannot", "except", "hasn", "haven", "isn", "aren", "hasnt", "isnt"])

STATES: dict[str, tuple[str, ...]] = {
    stem(word): tuple(map(stem, means.split()))
    for word, means in {
        "open": "open pending outstanding active unresolved needsaction new", "unpaid": "open unpaid due outstanding authorised",
        "outstanding": "open unpaid outstanding due", "active": "active open enabled live current", "paid": "paid settled",
        "pending": "pending waiting open", "closed": "closed resolved done", "available": "available free active",
        "cancelled": "cancelled canceled void", "done": "done completed complete", "overdue": "overdue past_due",
        "draft": "draft", "failed": "failed", "approved": "approved", "published": "published",
        "waiting": "open pending waiting", "running": "active running live", "going": "active running",
        "archived": "archived",
    }.items()
}  # fmt: skip
"""Adjectives that name a state, and the labels that mean it, best first."""
OPPOSITE = {
    stem("paid"): stem("unpaid"),
    stem("settled"): stem("unpaid"),
    stem("closed"): stem("open"),
    stem("done"): stem("open"),
}
"""What a state means after *not*."""
