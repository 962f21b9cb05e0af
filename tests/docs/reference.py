"""The requests of the public reference, as its pages print them; the line breaks in their samples were lost."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.servers.datasets import shared_data

BASE = "https://builder.flowyte.com/api/v1"
_REQUEST = re.compile(
    r"curl (?P<options>(?:-[NGX] ?(?:[A-Z]+ )?)*)(?:\\ )?\"?" + re.escape(BASE) + r"(?P<path>[^\s\"]+)\"?(?P<rest>(?:.*\\\n)*.*)"
)
_BODY = re.compile(r"-d '(\{.*\})'", re.DOTALL)
_QUERY = re.compile(r'--data-urlencode "([^=]+)=([^"]+)"')


@dataclass(frozen=True)
class Printed:
    """One request: ``path`` is below ``/api/v1``; ``body`` the JSON text it is sent with."""

    method: str
    path: str
    body: str | None

    def with_values(self, values: Mapping[str, str]) -> Printed:
        """The same with what the page leaves to its reader put in."""
        path, body = self.path, self.body
        for name, value in values.items():
            path = path.replace(name, value)
            body = None if body is None else body.replace(name, value)
        return Printed(self.method, path, body)


def printed(page: str) -> list[Printed]:
    """The shell requests of a page of the reference, in their order. Skips the test when the reference is absent."""
    source = shared_data().parent / "reference" / "platform" / f"{page}.md"
    if not source.is_file():
        pytest.skip("the public reference is not here")
    found = [_request(match) for match in _REQUEST.finditer(source.read_text())]
    assert found, f"no request was found on {page}"
    return found


def _request(match: re.Match[str]) -> Printed:
    body = _BODY.search(match["rest"])
    named = re.search(r"-X ([A-Z]+)", match["options"])
    method = named[1] if named else "POST" if body else "GET"
    query = urlencode(_QUERY.findall(match["rest"]))
    return Printed(method, match["path"] + (f"?{query}" if query else ""), body and body[1].replace(r"'\''", "'"))


def send(api: str, key: str, request: Printed) -> tuple[int, Any]:
    """The status and the answer: an envelope, or the text of a stream."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = None if request.body is None else request.body.encode()
    asked = urllib.request.Request(f"{api}{request.path}", body, headers, method=request.method)
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            text = answer.read().decode()
            return answer.status, text if "event-stream" in answer.headers["Content-Type"] else json.loads(text)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
