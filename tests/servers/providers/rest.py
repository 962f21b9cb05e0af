"""A simulated provider with a REST API: routes with placeholders, answers in JSON, and the vendor's document as a judge."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from tests.servers.providers.provider import Asked, Provider
from tests.servers.providers.vendor import VendorDocument

Work = Callable[..., "Answer"]
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True)
class Answer:
    """What comes of a request."""

    body: Any
    status: int = 200


@dataclass
class RestProvider(Provider):
    """``searches`` are the paths that only read although they are posted to."""

    searches: frozenset[str] = frozenset()
    _kept: dict[str, tuple[Any, Answer]] = field(default_factory=dict)

    @property
    def routes(self) -> dict[tuple[str, str], Work]:
        """What does the work of (method, template): called with the request and the values of the placeholders."""
        raise NotImplementedError

    @property
    def judge(self) -> VendorDocument | None:
        """The vendor's document; None where there is none, or where the shared data is absent."""
        return None

    def not_found(self, what: str) -> Answer:
        """The vendor's answer to what is not there."""
        raise NotImplementedError

    def invalid(self, what: str) -> Answer:
        """The vendor's answer to what its document does not allow."""
        raise NotImplementedError

    def headers(self) -> dict[str, str]:
        """What the vendor adds to every answer."""
        return {}

    def writes(self, asked: Asked) -> bool:
        return asked.method in WRITES and asked.path not in self.searches

    def answer(self, asked: Asked) -> web.Response:
        if self.judge is not None:
            raw = b"" if asked.json is None else json.dumps(asked.json).encode()
            target = asked.path if not asked.query else f"{asked.path}?{asked.raw_query}"
            wrong = self.judge.of_request(asked.method, target, asked.headers, raw)
            if wrong is not None:
                self.problem(wrong)
                return self._sent(self.invalid(wrong))
        made = self._work(asked)
        if self.judge is not None and made.status < 400:
            wrong = self.judge.of_answer(asked.method, asked.path, made.status, made.body)
            assert wrong is None, wrong
        return self._sent(made)

    def _sent(self, made: Answer) -> web.Response:
        return web.json_response(made.body, status=made.status, headers=self.headers())

    def _work(self, asked: Asked) -> Answer:
        for (method, template), work in self.routes.items():
            found = _pattern(template).fullmatch(asked.path)
            if found is not None and method == asked.method:
                return work(asked, *map(unquote, found.groups()))
        self.problem(f"no route {asked.method} {asked.path}")
        return self.not_found(asked.path)

    def once(self, key: str | None, what: Any, work: Callable[[], Answer], *, reused: Callable[[], Answer]) -> Answer:
        """The answer to a write that takes an idempotency key: of the work, or of the work done for this key before."""
        if key is None:
            return work()
        known = self._kept.get(key)
        if known is not None:
            return known[1] if known[0] == what else reused()
        answer = work()
        if answer.status < 500:
            self._kept[key] = (copy.deepcopy(what), answer)
        return answer


@cache
def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]+\})", template)
    return re.compile("".join("([^/?#]+)" if part.startswith("{") else re.escape(part) for part in parts))
