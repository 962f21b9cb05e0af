"""Uploads: what is kept of what a client says about a file, what is refused, and whose they are."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from patchbay.accounts.uploads import LARGEST
from tests.api.conftest import MakeKey, problem

pytestmark = pytest.mark.anyio

PATH = "/api/v1/uploads"
DISPOSITION = 'Content-Disposition: form-data; name="file"; filename="a.json"'


def form(*parts: tuple[str, bytes]) -> dict[str, Any]:
    """A request's body and its content type, from (header lines, content)."""
    body = b"".join(b"--B\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n" for head, content in parts)
    return {"content": body + b"--B--\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=B"}}


@pytest.mark.parametrize(
    ("head", "name", "content_type"),
    [
        (DISPOSITION, "a.json", "application/octet-stream"),
        (f"{DISPOSITION}\r\nContent-Type: text/html\x00; <script>", "a.json", "text/html; <script>"),
        (f"{DISPOSITION}\r\nContent-Type: \x00", "a.json", "application/octet-stream"),
        (f"{DISPOSITION}\r\nContent-Type: text/{'x' * 300}", "a.json", f"text/{'x' * 195}"),
        (DISPOSITION.replace("a.json", "../../etc/passwd"), "passwd", "application/octet-stream"),
        (DISPOSITION.replace("a.json", "C:\\secret\\b.json"), "b.json", "application/octet-stream"),
        (DISPOSITION.replace("a.json", "c\x00\x1b.json"), "c.json", "application/octet-stream"),
        (DISPOSITION.replace("a.json", "/"), "upload", "application/octet-stream"),
    ],
)
async def test_what_a_client_says_of_a_file_is_only_text(
    client: httpx2.AsyncClient, head: str, name: str, content_type: str
) -> None:
    response = await client.post(PATH, **form((head, b"{}")))
    assert response.status_code == 201, response.text
    kept = response.json()["data"]
    assert (kept["name"], kept["contentType"], kept["size"]) == (name, content_type, 2)


@pytest.mark.parametrize(
    "parts",
    [
        (),
        ((DISPOSITION, b""),),
        ((DISPOSITION, b"1"), (DISPOSITION, b"2")),
        (('Content-Disposition: form-data; name="file"', b"no file"),),
        ((DISPOSITION.replace('"file"', '"other"'), b"1"),),
        (("X-Other: 1", b"1"),),
    ],
)
async def test_a_form_without_exactly_one_file_is_refused(
    client: httpx2.AsyncClient, parts: tuple[tuple[str, bytes], ...]
) -> None:
    problem(await client.post(PATH, **form(*parts)), 400, "validation_error")


async def test_the_largest_file_is_taken_and_one_byte_more_is_not(client: httpx2.AsyncClient) -> None:
    taken = await client.post(PATH, files={"file": ("a", b"x" * LARGEST)})
    assert (taken.status_code, taken.json()["data"]["size"]) == (201, LARGEST)
    problem(await client.post(PATH, files={"file": ("a", b"x" * (LARGEST + 1))}), 413, "payload_too_large")
    problem(await client.post(PATH, json={}), 415, "unsupported_media_type")


async def test_a_file_belongs_to_one_organization_and_takes_a_scope(client: httpx2.AsyncClient, make_key: MakeKey) -> None:
    other = await make_key(org="Globex")
    stored = await client.post(PATH, files={"file": ("a.json", b"{}")}, headers=other.headers)
    definition = {
        "type": "rest",
        "displayName": "A",
        "baseUrl": "https://127.0.0.1",
        "document": {"fileId": stored.json()["data"]["fileId"]},
    }
    refused = await client.post("/api/v1/integrations/acme_crm/connect", json={"definition": definition})
    problem(refused, 404, "file_expired")
    reader = await make_key("integrations:write")
    missing = await client.post(PATH, files={"file": ("a.json", b"{}")}, headers=reader.headers)
    assert (missing.status_code, missing.json()["code"]) == (403, "insufficient_scope")
