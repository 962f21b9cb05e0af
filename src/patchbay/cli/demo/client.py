"""A plain client of Patchbay's public API: what a user's own program would send, and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, NamedTuple, cast
from urllib.parse import quote, urlencode

from patchbay.cli.demo.failures import DemoFailed

PREFIX = "/api/v1"
_TIMEOUT_S = 180.0


class Answer(NamedTuple):
    """A successful answer: its status, the envelope's ``data``, and how long it took."""

    method: str
    path: str
    status: int
    data: Any
    took_ms: float


class Refusal(DemoFailed):
    """The API said no. ``problem`` is its problem object."""

    def __init__(self, method: str, path: str, status: int, problem: Mapping[str, Any]) -> None:
        detail = str(problem.get("detail") or problem.get("title") or "no reason was given")
        self.errors: list[dict[str, Any]] = list(problem.get("errors") or ())
        hint = problem.get("hint") or "\n".join(_finding(error) for error in self.errors) or None
        super().__init__(f"{method} {path} was refused with {status}: {detail}", hint)
        self.status = status
        self.code = str(problem.get("code", ""))
        self.problem = problem


def _finding(error: Mapping[str, Any]) -> str:
    parts = (f"{error.get('field')}: {error.get('message')}", error.get("hint"))
    return " ".join(str(part) for part in parts if part)


class Client:
    """Requests to the server at ``host``:``port`` with a secret key. One connection a request."""

    def __init__(self, host: str, port: int, key: str) -> None:
        self._host = host
        self._port = port
        self._key = key

    def get(self, path: str, **query: str) -> Answer:
        """GET ``path``."""
        return self.send("GET", path + (f"?{urlencode(query, quote_via=quote)}" if query else ""))

    def post(self, path: str, body: Any = None) -> Answer:
        """POST ``body`` to ``path``."""
        return self.send("POST", path, body)

    def patch(self, path: str, body: Any) -> Answer:
        """PATCH ``path`` with ``body``."""
        return self.send("PATCH", path, body)

    def send(self, method: str, path: str, body: Any = None) -> Answer:
        """One request and its whole answer. Raises :class:`Refusal`, or :class:`DemoFailed` when nobody answers."""
        started = time.perf_counter()
        with _Exchange(self._host, self._port, method, path, self._key, body) as response:
            document = _document(response.read())
            if response.status >= 400:
                raise Refusal(method, path, response.status, document)
            data = document.get("data", document)
            return Answer(method, path, response.status, data, (time.perf_counter() - started) * 1000)

    def stream(self, path: str, body: Any) -> Generator[tuple[str, dict[str, Any]]]:
        """POST ``body`` and give each server-sent event (its name, its data) as it arrives."""
        with _Exchange(self._host, self._port, "POST", path, self._key, body) as response:
            if response.status >= 400:
                raise Refusal("POST", path, response.status, _document(response.read()))
            name, data = "message", ""
            for raw in response:
                line = raw.decode().rstrip("\r\n")
                if line.startswith("event:"):
                    name = line[6:].strip()
                elif line.startswith("data:"):
                    data += line[5:].strip()
                elif not line and data:
                    yield name, _document(data.encode())
                    name, data = "message", ""


class _Exchange:
    """One request and its response, closed whatever happens; trouble on the way is a :class:`DemoFailed`."""

    def __init__(self, host: str, port: int, method: str, path: str, key: str, body: Any) -> None:
        self._connection = HTTPConnection(host, port, timeout=_TIMEOUT_S)
        self._what = f"{method} {path}"
        headers = {"Authorization": f"Bearer {key}", "Accept": "application/json, text/event-stream"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        self._send = (method, PREFIX + path, None if body is None else json.dumps(body).encode(), headers)

    def __enter__(self) -> HTTPResponse:
        try:
            method, target, content, headers = self._send
            self._connection.request(method, target, content, headers)
            return self._connection.getresponse()
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise DemoFailed(f"The server did not answer {self._what} ({type(error).__name__}).") from error

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self._connection.close()
        if isinstance(error, OSError | HTTPException):
            raise DemoFailed(f"The answer to {self._what} broke off ({type(error).__name__}).") from error


def _document(raw: bytes) -> dict[str, Any]:
    """The JSON object in ``raw``; anything else, such as a proxy's page, counts as an empty one."""
    try:
        read: Any = json.loads(raw) if raw.strip() else {}
    except ValueError:
        return {}
    return cast("dict[str, Any]", read) if isinstance(read, dict) else {}
