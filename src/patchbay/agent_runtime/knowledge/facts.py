"""What kinds of facts a sentence holds, and what kinds a question asks for. Both are folded texts (:func:`.terms.fold`).

A fact is named like a term: ``@price``, ``@hours``, ``@duration``, ``@place``, ``@phone`` and ``@email``.
"""

from __future__ import annotations

import re

_DAY_NAMES = (
    "monday mon montag lundi lunes", "tuesday tue tues dienstag mardi martes", "wednesday wed mittwoch mercredi miercoles",
    "thursday thu thur thurs donnerstag jeudi jueves", "friday fri freitag vendredi viernes",
    "saturday sat samstag samedi sabado", "sunday sun sonntag dimanche domingo",
)  # fmt: skip
DAYS = {form: day for day, forms in enumerate(_DAY_NAMES) for name in forms.split() for form in (name, f"{name}s")}
"""The names of the days of the week, Monday being 0."""
_DAY = "|".join(sorted(DAYS, key=len, reverse=True))
_DAY_RANGE = re.compile(rf"\b({_DAY})\.?\s{{0,3}}(?:-|–|—|to|through|thru|bis|au|a)\s{{0,3}}({_DAY})\b")
_DAY_NAME = re.compile(rf"\b(?:{_DAY})\b")
_GROUPS: tuple[tuple[frozenset[int], re.Pattern[str]], ...] = (
    (frozenset(range(7)), re.compile(r"\b(?:every ?day|daily|7 days|seven days|24/7|taglich|tous les jours|todos los dias)\b")),
    (frozenset({5, 6}), re.compile(r"\b(?:weekends?|wochenende|week-end|fin de semana)\b")),
    (frozenset(range(5)), re.compile(r"\b(?:weekdays?|wochentags|werktags|en semaine|entre semana)\b")),
)

_LENGTHS = (
    r"min|minutes?|hours?|days?|weeks?|months?|years?|minuten|stunden?|tagen?|wochen?|monaten?|jahren?|jours?|heures?"
    r"|semaines?|mois|ans?|minutos?|horas?|dias?|semanas?|meses|anos?"
)
_IN_WORDS = r"(?:one|two|three|four|five|six|seven|ten) (?:business )?(?:days?|weeks?|months?|years?|hours?|tage|wochen|jahre)"
_STREETS = r"st|street|ave|avenue|rd|road|blvd|lane|ln|drive|dr|way|place|pl|square|court"
_HELD: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "@price",
        (
            r"[$€£¥]\s?\d",
            r"\d\s?(?:[$€£¥%]|eur\b|euros?\b|usd\b|dollars?\b|cents?\b|chf\b)",
            r"\b(?:free|kostenlos|gratis|gratuite?)\b",
        ),
    ),
    (
        "@hours",
        (
            r"\b\d{1,2}(?:[:.]\d\d)?\s?(?:[ap]\.?m\b\.?|uhr\b|h\b)",
            r"\b\d{1,2}:\d\d\b",
            r"\b(?:noon|midnight|around the clock|24/7)\b",
            _DAY_NAME.pattern,
        ),
    ),
    ("@duration", (rf"\b\d+\s?(?:{_LENGTHS})\b", rf"\b(?:an hour|a week|{_IN_WORDS})\b")),
    (
        "@place",
        (
            rf"\b\d{{1,5}} (?:[nsew]{{1,2}} )?(?:[^\W\d_]{{1,30}} ){{1,3}}(?:{_STREETS})\b",
            r"\b[^\W\d_]{1,30}(?:strasse|str\.|platz|weg|allee) \d",
            r"\b\d{1,5},? (?:rue|avenue|boulevard) ",
            r"\b(?:calle|avenida|plaza) ",
            r"\b(?:next to|across from|corner of|parking)\b",
        ),
    ),
    ("@phone", (r"(?<![\w.])\+?\(?\d[\d().\-/ ]{7,15}\d(?!\w)",)),
    ("@email", (r"[^\s@]@[^\s@.]{1,60}\.\w",)),
)
_HOLDS = tuple((fact, re.compile("|".join(f"(?:{part})" for part in parts))) for fact, parts in _HELD)

_ASKED: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "@price",
        (r"\bhow (?:much|expensive)\b", r"\bwas kostet\b", r"\bwieviel\b", r"\bwie teuer\b", r"\bcombien\b",
         r"\bcuanto (?:cuesta|vale|es)\b"),
    ),
    (
        "@duration",
        (r"\bhow (?:long|fast|soon|quick(?:ly)?)\b", r"\bwie lange\b", r"\bcombien de temps\b", r"\bcuanto (?:tiempo|tarda)\b"),
    ),
    (
        "@hours",
        (r"\bwhat time\b", r"\bwhen (?:do|are|does|is) (?:you|the|your)\b", r"\bhow late\b", r"\bwann\b", r"\bquelle heure\b",
         r"\bque hora\b"),
    ),
    (
        "@place",
        (r"\bwhere (?:is|are|can|do)\b", r"\bwo (?:ist|sind|finde|kann)\b",
         r"\bou (?:est|etes|se)\b", r"\bdonde (?:esta|estan)\b"),
    ),
)  # fmt: skip
_ASKS = tuple((fact, re.compile("|".join(parts))) for fact, parts in _ASKED)


def held(folded: str) -> list[str]:
    """The kinds of facts a sentence holds."""
    return [fact for fact, pattern in _HOLDS if pattern.search(folded)]


def asked_for(folded: str) -> list[str]:
    """The kinds of facts a question asks for by how it is put."""
    return [fact for fact, pattern in _ASKS if pattern.search(folded)]


def days(folded: str) -> set[int]:
    """The days of the week that are meant, those between two as well; Monday is 0."""
    found = {DAYS[match[0]] for match in _DAY_NAME.finditer(folded)}
    for match in _DAY_RANGE.finditer(folded):
        first, last = DAYS[match[1]], DAYS[match[2]]
        found |= {(first + step) % 7 for step in range((last - first) % 7 + 1)}
    for group, pattern in _GROUPS:
        found |= group if pattern.search(folded) else set()
    return found
