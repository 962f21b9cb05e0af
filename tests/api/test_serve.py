"""``patchbay serve`` as a user runs it: a process of its own, on a data directory of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psutil
import pytest

PATCHBAY = str(Path(sys.executable).parent / "patchbay")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a fresh installation."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PATCHBAY_") and name != "DATABASE_URL"}
    return {**kept, "PATCHBAY_DATA_DIR": str(tmp_path / "data")}


@contextmanager
def serving(environment: dict[str, str], *options: str, port: int = 0) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server that is ready, and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = port or probe.getsockname()[1]
    command = [PATCHBAY, "serve", "--port", str(port), *options]
    server = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    url = f"http://127.0.0.1:{port}"
    try:
        give_up = time.monotonic() + 90
        while not _ready(url):
            assert server.poll() is None, server.communicate()[1]
            assert time.monotonic() < give_up
            time.sleep(0.05)
        yield server, url
    finally:
        if server.poll() is None:
            server.kill()
        server.communicate()


def _ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx2.TransportError:
        return False


def _embedded(environment: dict[str, str]) -> list[psutil.Process]:
    data_dir = environment["PATCHBAY_DATA_DIR"]
    found = [p for p in psutil.process_iter(["name", "cmdline"]) if (p.info["name"] or "").startswith("postgres")]
    return [p for p in found if any(data_dir in part for part in p.info["cmdline"] or [])]


@pytest.mark.parametrize("options", [(), ("--workers", "2")])
def test_it_serves_and_stops_in_good_order(environment: dict[str, str], options: tuple[str, ...]) -> None:
    with serving(environment, *options) as (server, url):
        made = [PATCHBAY, "keys", "create", "--org", "Acme", "--scopes", "*"]
        key = subprocess.run(made, env=environment, capture_output=True, text=True, check=True).stdout.strip()
        headers = {"Authorization": f"Bearer {key}"}
        created = httpx2.post(f"{url}/api/v1/agents", json={"name": "Front desk"}, headers=headers)
        assert created.status_code == 201
        listed = httpx2.get(f"{url}/api/v1/agents", headers=headers)
        assert [agent["name"] for agent in listed.json()["data"]] == ["Front desk"]
        server.send_signal(signal.SIGTERM)
        _, said = server.communicate(timeout=60)
    assert server.returncode == 0, said
    assert url in said
    assert key not in said
    assert _embedded(environment) == []


def test_a_port_that_is_taken_is_said_at_once(environment: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [PATCHBAY, "serve", "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "Cannot listen" in done.stderr
    assert "Traceback" not in done.stderr


def test_workers_end_with_a_server_that_was_killed(environment: dict[str, str]) -> None:
    with serving(environment, "--workers", "2") as (server, url):
        children = psutil.Process(server.pid).children()
        serving_port = int(url.rpartition(":")[2])
        server.kill()
    with serving(environment, port=serving_port) as (server, _):
        _, alive = psutil.wait_procs(children, timeout=30)
        assert alive == []
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=60)
    assert _embedded(environment) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PATCHBAY_SECRET_KEY", "k1:AAAA", "needs 32"),
        ("PATCHBAY_LOG_LEVEL", "LOUD", "PATCHBAY_LOG_LEVEL"),
        ("DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/none", "nobody listens there"),
        ("DATABASE_URL", "mysql://root:secret@db/none", "DATABASE_URL"),
        ("PATCHBAY_DATA_DIR", "/dev/null/below", "/dev/null/below"),
    ],
)
def test_a_setting_that_cannot_work_is_one_sentence(environment: dict[str, str], name: str, value: str, said: str) -> None:
    command = [PATCHBAY, "serve", "--port", "0"]
    done = subprocess.run(command, env={**environment, name: value}, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert "secret@" not in done.stderr
