"""What an utterance means where code alone may judge it: asking for a person, backing out, not knowing, agreeing.

Only English, and a yes in the languages the agents speak most. What is not on these lists is none of these things.
"""

from __future__ import annotations

import re

from patchbay.agent_runtime.verification.comparing.spoken import plain

PERSON = (
    r"(?:human(?: being)?|(?:real|live|actual) (?:person|human|agent|someone)|person|agent|representative|rep|operator|manager"
    r"|supervisor|receptionist|somebody|someone|staff(?: member)?|advisor|team member|customer service)"
)
_HAND_OFF = re.compile(
    rf"\b(?:speak|talk|chat)(?:ing)? (?:to|with) (?:an? |the |your |some )?{PERSON}\b"
    rf"|\b(?:transfer|connect|put) me (?:through )?(?:to|with|over to)\b|\bput me through\b"
    rf"|\b(?:get|give|want|need|like|prefer) (?:me )?(?:to (?:speak|talk) (?:to|with) )?(?:an? |the )?"
    rf"(?:human(?: being)?|(?:real|live|actual) (?:person|human|agent)|representative|operator|manager|supervisor)\b"
    rf"|^\s*(?:an? )?{PERSON}(?:,? please)?[.!]*\s*$",
    re.I,
)
_CANCEL = re.compile(r"\b(never ?mind|forget (?:it|about it)|cancel that|stop|skip (?:it|that)|leave it)\b", re.I)
_UNKNOWN = re.compile(
    r"\b(?:i )?(?:don't|do not|dont|can't|cannot) (?:know|have|remember|recall)\b|\bno idea\b|\bnot sure\b|\bi forgot\b", re.I
)
_AGAIN = re.compile(
    r"\b(?:re-?send|send (?:it|me|another|a new|the code)|another code|new code|try again|again"
    r"|(?:didn't|did not|haven't|have not|never) (?:get|got|receive|received|gotten))\b",
    re.I,
)
_AGREED = (
    "yes", "yeah", "yep", "yup", "yes please", "yes i do", "yes i confirm", "yes thats right", "yes thats correct", "sure",
    "sure thing", "ok", "okay", "alright", "all right", "correct", "thats correct", "that is correct", "thats right",
    "that is right", "exactly", "absolutely", "definitely", "of course", "certainly", "go ahead", "please do", "do it",
    "please go ahead", "go for it", "confirm", "confirmed", "i confirm", "i do", "sounds good", "affirmative",
    "si", "oui", "ja", "sim", "da", "hai",
)  # fmt: skip
_PADDING = frozenset({"um", "uh", "er", "erm", "well", "oh", "ah", "hm", "hmm", "please", "thanks", "thank", "you", "so"})
_WHOLE_CANCEL = re.compile(
    r"(?:(?:ok|okay|oh|well|no|please|actually)[ ,.]+)*(?:never ?mind(?: that| it| then)?"
    r"|forget (?:it|about it|that)|cancel(?: that| it)?"
    r"|stop(?: it| that| please)?|skip (?:it|that)|leave it(?: then)?|no|nope|nah|no thanks?(?: you)?|i (?:don't|do not) want to"
    r"|i'?d rather not)(?:[ ,.]+(?:please|thanks|thank you))*[.! ]*",
    re.I,
)
_WHOLE_UNKNOWN = re.compile(
    r"(?:(?:um|uh|oh|well|sorry|no|hmm)[ ,.]+)*(?:i (?:don't|do not|can't|cannot) (?:know|remember|recall|have)"
    r"(?: it| that| one| mine| my \w+)?|no idea|(?:i'm )?not sure|i forgot(?: it| my \w+)?|i(?:'ve| have) forgotten(?: it)?)"
    r"(?:[ ,.]+(?:right now|anymore|sorry))*[.! ]*",
    re.I,
)
_META = re.compile(
    r"(?:(?:um|uh|oh|well|sorry|ok|okay|wait|hang on)[ ,.]+)*(?:why(?: do you (?:ask|need (?:that|it|this|to know)))?|what for"
    r"|(?:what|why) do you need (?:that|it|this)(?: for)?|who (?:are you|is this)|how come|is (?:this|that|it) (?:safe|secure)"
    r"|what (?:is|are) (?:this|that|you doing)|what did you say|pardon|could you repeat that|can you repeat that)[?.! ]*",
    re.I,
)


def wants_person(said: str) -> bool:
    """Whether the caller asks for a person."""
    return bool(_HAND_OFF.search(said))


def wants_to_stop(said: str) -> bool:
    """Whether the caller drops what was being asked."""
    return bool(_CANCEL.search(said))


def does_not_know(said: str) -> bool:
    """Whether the caller does not have what was asked for."""
    return bool(_UNKNOWN.search(said))


def wants_it_again(said: str) -> bool:
    """Whether the caller asks for a code to be sent again."""
    return bool(_AGAIN.search(said))


def only_backs_out(said: str) -> bool:
    """Whether backing out is all that was said, so that nothing else can be in it."""
    return bool(_WHOLE_CANCEL.fullmatch(said.strip().replace("’", "'")))


def only_does_not_know(said: str) -> bool:
    """Whether not knowing is all that was said."""
    return bool(_WHOLE_UNKNOWN.fullmatch(said.strip().replace("’", "'")))


def only_asks_back(said: str) -> bool:
    """Whether the utterance is a question about being asked, and nothing else."""
    return bool(_META.fullmatch(said.strip().replace("’", "'")))


def affirms(said: str) -> bool:
    """Whether the utterance agrees and says nothing else. A question, a condition or a correction (``yes, but…``) does not."""
    if "?" in said:
        return False
    words = [w for w in re.findall(r"[^\W_]+", re.sub(r"['’]", "", plain(said))) if w not in _PADDING]
    return bool(words) and _made_of(tuple(words))


def _made_of(words: tuple[str, ...]) -> bool:
    """Whether the words are a sequence of agreements, one after the other."""
    if not words:
        return True
    if len(words) > 12:
        return False
    return any(words[: len(one)] == one and _made_of(words[len(one) :]) for one in _AGREEMENTS)


_AGREEMENTS = tuple(tuple(w for w in phrase.split() if w not in _PADDING) for phrase in sorted(_AGREED, key=len, reverse=True))
