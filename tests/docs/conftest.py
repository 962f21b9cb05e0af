"""What the guides are run against: a platform of the test's own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from patchbay.store.embedded import release_embedded, start_embedded
from tests.servers.processes import free_port

ROOT = Path(__file__).resolve().parents[2]


def blocks(page: str, language: str, *, until: str | None = None) -> list[str]:
    """The fenced blocks of one language on a page of docs/, in their order; those in front of ``until``."""
    text = (ROOT / "docs" / page).read_text()
    text = text if until is None else text[: text.index(until)]
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run_bash(
    page: str, environment: dict[str, str], cwd: Path, *, until: str | None = None, then: str = ""
) -> subprocess.CompletedProcess[str]:
    """A page's shell blocks (those in front of ``until``, with ``then`` behind them), run as one script."""
    commands = "\n".join([*blocks(page, "bash", until=until), then])
    script = "set -euo pipefail\n" + commands.replace("uv run patchbay", "patchbay")
    return subprocess.run(["bash", "-c", script], env=environment, cwd=cwd, capture_output=True, text=True, timeout=120)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A platform of this test's own."""
    ours = {
        "PATCHBAY_DATA_DIR": str(tmp_path / "data"),
        "PATCHBAY_PORT": str(free_port()),
        "PATCHBAY_EGRESS_ALLOW": "127.0.0.1/32",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PATCHBAY_", "DATABASE_URL"))}
    return {**inherited, **ours}


@pytest.fixture
def server(environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """`patchbay serve`, ready; the URL of its API."""
    patchbay = shutil.which("patchbay")
    assert patchbay
    with (tmp_path / "serve.log").open("wb") as log:
        process = subprocess.Popen([patchbay, "serve"], env=environment, stdout=log, stderr=log)
        url = f"http://127.0.0.1:{environment['PATCHBAY_PORT']}"
        try:
            deadline = time.monotonic() + 60
            while not ready(url):
                assert process.poll() is None, (tmp_path / "serve.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield f"{url}/api/v1"
        finally:
            process.terminate()
            process.wait(30)
            directory = Path(environment["PATCHBAY_DATA_DIR"])
            start_embedded(directory)
            release_embedded(directory)


def ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as response:
            return response.status == 200
    except (urllib.error.URLError, ConnectionError):
        return False
