"""How long `patchbay serve` takes until it is ready, on a data directory that exists: from the command to the first 200 of
/readyz. The embedded database is stopped in between, so each start starts it, too. Prints a table in Markdown.

    uv run --locked python benchmarks/server_start.py [--runs 5]
"""

from __future__ import annotations

import argparse
import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT_S = 5.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs: int = parser.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="patchbay-start-") as data_dir:
        environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        environment["PATCHBAY_DATA_DIR"] = data_dir
        first = start_once(environment)
        after = [start_once(environment) for _ in range(runs)]
    print("| start | median | worst | limit |")
    print("|---|---|---|---|")
    print(f"| first, makes the data directory | {first:.2f} s | {first:.2f} s | |")
    print(
        f"| on an existing data directory ({runs} runs) | {statistics.median(after):.2f} s | {max(after):.2f} s | {LIMIT_S} s |"
    )


def start_once(environment: dict[str, str]) -> float:
    """Seconds from the command to ready; the server is stopped again."""
    port = free_port()
    began = time.perf_counter()
    command = [str(Path(sys.executable).parent / "patchbay"), "serve", "--port", str(port)]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        while not ready(port):
            if server.poll() is not None or time.perf_counter() - began > 60:
                raise SystemExit(f"the server did not start: {server.communicate()[1].decode()}")
            time.sleep(0.01)
        return time.perf_counter() - began
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=30)


def ready(port: int) -> bool:
    """Whether /readyz answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
