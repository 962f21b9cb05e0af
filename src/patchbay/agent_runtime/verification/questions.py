"""What is said during a verification. The words never tell whether somebody exists."""

from __future__ import annotations

from patchbay.agent_runtime.verification.checks import CheckField
from patchbay.agent_runtime.verification.comparing.fields import asked

FIRST = "Before I can do that, I need to check who you are."
AGAIN = "That doesn't match what we have on file. Let's try once more."
NOT_VERIFIED = "I'm sorry, I couldn't verify you, so I can't do that. Please try again later."
LEFT = "All right, then I'll leave that. Is there anything else I can do for you?"
WITHOUT = "Without that I can't check who you are, so I can't do that. Is there anything else I can do for you?"
UNAVAILABLE = "I'm sorry, I can't check who you are right now, so I can't do that."
NOT_HERE = "I can't check who you are in this kind of chat, so I can't do that here. Please don't send any codes or PINs."
NO_WAY = "I can't share that until I've verified who you are, and I can't do that here yet."
SENT = "If that matches our records, I've just sent a code by text message to the number on file."
NOT_SENT = "I can't send another code right now."
NOT_HEARD = "Sorry, I didn't get that."
MONTH = "Sorry, I can read that date in two ways. Could you say it once more, with the month as a word?"


def question(field: CheckField) -> str:
    """How to ask for a field."""
    return f"Could you tell me {asked(field.name)}?"


def next_question(field: CheckField) -> str:
    """How to ask for the next field."""
    return f"Thank you. Could you tell me {asked(field.name)}?"


def code_question() -> str:
    """How to ask for the one-time code."""
    return "Could you tell me the code?"


def text_message(code: str, minutes: int) -> str:
    """The text message that brings a one-time code."""
    return f"{code} is your verification code. It is good for {minutes} minutes. We will never call you to ask for it."
