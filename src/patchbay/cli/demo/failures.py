"""How a demo ends when it cannot go on: with one sentence and what to do about it."""

from __future__ import annotations


class DemoFailed(Exception):
    """The demo cannot go on. ``sentence`` says why, ``hint`` what to do."""

    def __init__(self, sentence: str, hint: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint
