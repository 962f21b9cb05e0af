"""Everyday ways to say things: patterns over a goal in lower case, and the words that they mean."""

from __future__ import annotations

import re

from patchbay.bindings.automap.verbs import Intent

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
    (
        r"(?:give|hand|pass)(?:s|es)? (?:\w+ ){1,4}(?:on )?to (?:another|a different|someone else|somebody else|a colleague)",
        "assign update",
        "update",
    ),
    (
        r"report(?:s|ed)? an? (?:\w+ )?(?:bug|fault|problem|leak|damage|loss|theft|issue|incident|outage|defect|breakdown)",
        "create",
        "insert",
    ),
    (r"moved (?:house|home|flats?|away)|(?:is|are) moving (?:house|home)", "update change", "update"),
    (
        r"(?:has|have|got) (?:a|got a) (?:new|different) (?:\w+ )?(?:address|number|phone|email|name|mobile)",
        "update change",
        "update",
    ),
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
        (r"what did (?:they|he|she) (?:get|buy|order)|what(?:'s| is| was) (?:in|on) (?:it|them)", "items product name quantity"),
        (r"(?:come|comes|came) to\b|add(?:s|ed)? up to", "total amount"),
        (
            r"who(?:'s| is| are) (?:on it|assigned|in charge|responsible|handling|looking after|dealing with)"
            r"|who (?:looks after|handles)",
            "assignee owner employee agent name",
        ),
        (r"(?:coming along|getting on|getting along|what has become of|how far along)", "status state"),
        (r"(?:was|were|is) (?:\w+ ){1,3}born|birthday", "birth date year"),
        (
            r"(?:has|have|is|are|was|were) (?:the |their |this |my |our |that )?(?!there)\w+ (?:\w+ )?"
            r"(?:been |yet |already |still )?(?:\w+ed|done|ready|paid|open|sent|free)\b",
            "status",
        ),
    )
)  # fmt: skip
"""Everyday ways to ask for something of a record."""

QUESTIONS: tuple[tuple[str, str], ...] = (
    ("how much", "amount price total cost balance value"),
    ("how many", "count quantity number total points units"),
    ("how long", "duration length minutes time seconds hours milliseconds"),
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

SOMEBODY = re.compile(
    r"\b(?:somebody|someone|the caller|a caller|a customer|the customer) (?:says|said|claims|thinks|rings|calls|wants|asks)\b"
)
"""Words that somebody who speaks is told of by."""
PERSONS = re.compile(r"\b(?:he|she|they|them|him|her|his|their|somebody|someone|person|caller|who)\b")
"""Words that speak of a person without saying which kind."""

OWN = re.compile(r"\b(?:caller|caller's|who(?:'s| is) calling|calling customer|their own|caller’s)\b|\b(?:my|me)\b")

WHETHER = re.compile(r"\b(?:whether|if|that)\b")
"""Words after which something is looked up and not done: *confirm that it is paid*."""

SOME_EXIST = re.compile(r"\b(?:is|are) there\b|\bany\b")
