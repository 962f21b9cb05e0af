"""docs/take-orders.md works as it stands: its blocks are run in their order, with a kitchen that takes orders."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.docs.conftest import run_bash
from tests.docs.pages import MENU, said, serving_pages


@pytest.fixture
def kitchen() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    taken: list[dict[str, Any]] = []

    class Orders(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            body = b'{"ticket": 17}'
            self.send_response(201)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Orders)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", taken
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_guide_works_as_it_stands(
    environment: dict[str, str], server: str, kitchen: tuple[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    url, taken = kitchen
    with serving_pages({"/menu": MENU}) as shop:
        run = run_bash("take-orders.md", {**environment, "API": server, "KITCHEN": url, "SHOP": shop}, tmp_path)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    assert "origin_imprecise" in run.stdout
    found = json.loads((tmp_path / "found.json").read_text())["data"]
    assert found["chunks"][0]["heading"].endswith("Supreme")
    assert found["topScore"] >= 0.5
    supreme, large = said((tmp_path / "menu.txt").read_text())
    assert "Pepperoni, Italian sausage, mushrooms" in supreme
    assert "$19.75" in large
    asked, ordered = ((tmp_path / name).read_text() for name in ("asked.txt", "ordered.txt"))
    assert "full address with its ZIP code" in asked
    assert "event: done" in asked
    assert "In area: yes" in ordered
    assert taken == [{"items": "One large supreme"}]
