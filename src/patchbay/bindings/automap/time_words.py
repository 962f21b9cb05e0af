"""Words for times, for an order, and for how many."""

from __future__ import annotations

import re

from patchbay.bindings.automap.verbs import stemmed

DATED_WORDS = stemmed(
    """date day time week month year morning afternoon evening night yesterday monday tuesday wednesday thursday friday saturday
    sunday january february march april june july august september october november december noon midnight moment hour
    slot weekend"""
)
"""Words that a time is said with."""

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
