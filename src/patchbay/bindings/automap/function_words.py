"""Words without content of their own, which say what stands beside them: what is given, wanted, or what something belongs to."""

from __future__ import annotations

from patchbay.bindings.automap.verbs import stemmed


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ENDS = frozenset(".;?!")
POINTING = _words("this that a an one given certain specific particular somebody someone the")
OWNERS = _words("their its his her your our my")
PRONOUNS = _words("they it he she we you i somebody someone anybody everyone everybody nobody")
DETERMINERS = POINTING | OWNERS | _words("all another any each every everyone it me new some them these those us")
QUESTION_WORDS = _words("who what which when where why how whose")
ASKING = QUESTION_WORDS | _words("is are was were do does did has have had can could will would should")
"""Words that a question begins with."""
BEFORE_A_VERB = _words("and then to please can could would should must may will or , ; : . ? ! ( )")
POLITE = _words("can could would will should must may let lets help helps allow allows")
"""Words by which somebody is asked to do what follows."""
WILLING = _words("need needs want wants able like likes wish wishes asks has have going")
ACTING = DETERMINERS | PRONOUNS | _words("agent also assistant bot please")
"""Words between what asks for a deed and the deed: *could you please move*."""
NO_VERBS = (
    DETERMINERS
    | PRONOUNS
    | _words(
        """there here both most only just old customers customer callers caller people if when while once after before
    because as so but and or not no yes please"""
    )
)
"""Words that may begin a sentence with a determiner after them and are no orders."""
KNOWS = _words("gives give gave tells quotes reads provides knows has have spells")
"""Verbs by which somebody gives what is known: *a customer rings and gives us their number*."""
WHO_KNOWS = _words("they he she customer caller client patient guest member person who and somebody someone")
ADDED_TO = _words("to on onto into in against for under")
"""Prepositions before what something is added to."""
GIVEN_AFTER = _words("by from given using via per based where whose matching against knowing")
"""Prepositions after which a goal names what is known."""
TIME_AFTER = _words("since after before until till between")
"""Prepositions after which it names a time or a range."""
PLACED_AFTER = _words("of for in on to at with about under into inside")
"""Prepositions after which it names what the record belongs to."""
WANTED_AFTER = stemmed("return tell say give including include show read report mention")
"""Words after which it names what is to come back."""
FILLER = stemmed(
    """please want wants would need needs like able just back out up off down over again also somebody someone anybody everyone
    thing things something anything everything kind sort way able currently moment right exactly actually really maybe perhaps
    people whoever else us me them they him her give gives gave let lets us using use used given based where when whose
    know tell look find get pull bring see rings ring caller's asks ask wants yet still ever already today now so that
    which what who how many much long often does did has have had will would can could may might must shall between two other
    another certain particular specific new one ones same such every each altogether total overall ago whether much many
    here rather far lot bit bunch else along away together real quick quickly soon later anyway kindly hello hi thanks
    thank owe owes says said"""
) - stemmed("phone total new call")
"""Words that carry no content of their own."""

NOT = _words("not no never without cannot except hasn haven isn aren hasnt isnt")
