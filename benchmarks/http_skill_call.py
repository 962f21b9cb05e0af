"""A skill call over HTTP through our door against the same query as a tool of MCP Toolbox for Databases, side by side in one run.

    uv run --locked python benchmarks/http_skill_call.py [--rounds 5] [--seconds 3] [--toolbox DIRECTORY]

Both servers run as they are started by their users: `patchbay serve --workers 2` on its embedded store, and Toolbox by its own
command. Both run the very same statement (the text of our frozen call) over TLS on one local PostgreSQL with 100,000 rows; the
answers are compared first. One load generator, Debian's wrk, asks both in turns; each round takes the sides in another order, and
the table shows medians of rounds. Ours does all it does for a caller: the key, the rate limit, the gates, the checks, the receipt
and the audit log. Toolbox (npm `@toolbox-sdk/server`) is installed into DIRECTORY when it is not there.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

ROWS = 100_000
CONNECTIONS = (1, 16, 32)
TABLES = f"""
CREATE TABLE customers (id int PRIMARY KEY, phone text NOT NULL, name text NOT NULL, email text);
INSERT INTO customers SELECT n, '+1415' || lpad(n::text, 7, '0'), 'Customer ' || n, 'c' || n || '@example.com'
  FROM generate_series(1, {ROWS}) n;
ANALYZE;
"""
BINDING = {
    "toolName": "Find the customer",
    "description": "Find a customer by number.",
    "operation": "customers.read",
    "inputs": [{"param": "customer_number", "arg": "id", "required": True}],
    "projection": [{"path": ["name"], "leaf": "name"}, {"path": ["email"], "leaf": "email"}],
    "enabled": True,
}
TOOLBOX = "node_modules/@toolbox-sdk/server-linux-x64/bin/toolbox"
ROWS_SHOWN = (
    ("p50", "p50 µs", "≤ 1.00"),
    ("p95", "p95 µs", "–"),
    ("rate", "calls/s", "≥ 1.00"),
    ("cpu", "CPU µs of all servers for a call", "–"),
)
LUA = """
local requests, at = {}, 0
local headers = { ["Content-Type"] = "application/json", ["Authorization"] = os.getenv("BENCH_AUTHORIZATION") }
function init(args)
  local body = os.getenv("BENCH_BODY")
  for n = 1, 997 do
    local number = tostring(n * 7919 % 100000 + 1)
    requests[n] = wrk.format("POST", os.getenv("BENCH_PATH"), headers, (body:gsub("NUMBER", number)))
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
function done(summary, latency, _)
  local e = summary.errors
  local failed = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format("RESULT %d %d %f %f %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(95), failed))
end
"""


@dataclass(frozen=True)
class Side:
    """One way to make the call over HTTP. ``body`` holds NUMBER for the customer's number."""

    name: str
    port: int
    path: str
    body: str
    key: str = ""

    def ask(self, number: int) -> Any:
        """The rows of one call."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"}
        connection.request("POST", self.path, self.body.replace("NUMBER", str(number)), headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        if response.status != 200:
            raise SystemExit(f"{self.name}: {response.status} {answer}")
        if "data" in answer:
            return answer["data"]["rows"]
        result = answer["result"]
        return json.loads(result) if isinstance(result, str) else [json.loads(c["text"]) for c in result["content"]]


@dataclass(frozen=True)
class Round:
    """What wrk measured once: microseconds and calls a second; and the CPU microseconds of all servers for a call."""

    p50: float
    p95: float
    rate: float
    shares: tuple[float, ...]

    @property
    def cpu(self) -> float:
        """Of all servers together."""
        return sum(self.shares)


@dataclass(frozen=True)
class Setting:
    """wrk's script, and the processes whose CPU time counts: ours, our store, the database, Toolbox."""

    script: Path
    servers: tuple[int, ...]


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def process(command: list[str], port: int, environment: dict[str, str] | None = None) -> Generator[int]:
    """A server that listens on ``port``; its process id."""
    with tempfile.TemporaryFile() as said:
        started = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        try:
            give_up = time.monotonic() + 60
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                if started.poll() is not None or time.monotonic() > give_up:
                    said.seek(0)
                    raise SystemExit(f"{command[0]} did not start: {said.read().decode()[-2000:]}")
                time.sleep(0.05)
            yield started.pid
        finally:
            started.terminate()
            started.wait(30)


@contextlib.contextmanager
def patchbay(directory: Path, credentials: dict[str, Any], workers: int) -> Generator[tuple[Side, str, int]]:
    """Our side, the text of the frozen call's statement, and the process."""
    port, program = free_port(), str(Path(sys.executable).parent / "patchbay")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PATCHBAY_") and name != "DATABASE_URL"}
    settings = {"DATA_DIR": str(directory), "EGRESS_ALLOW": "127.0.0.1/32", "RATE_LIMIT_PER_MINUTE": "100000000"}
    environment = {**kept, **{f"PATCHBAY_{name}": value for name, value in settings.items()}}
    with process([program, "serve", "--port", str(port), "--workers", str(workers)], port, environment) as pid:
        making = [program, "keys", "create", "--org", "Benchmark", "--scopes", "*"]
        key = subprocess.run(making, env=environment, capture_output=True, text=True, check=True).stdout.strip()

        def send(path: str, body: Any = None) -> Any:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            connection.request("POST", "/api/v1" + path, json.dumps(body) if body is not None else None, headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
            if response.status >= 400:
                raise SystemExit(f"{path}: {answer}")
            return answer["data"]

        send("/integrations/postgres/connect", {"credentials": credentials})
        send("/integrations/postgres/discover")
        agent = send("/agents", {"name": "Benchmark"})["id"]
        skill = send(f"/agents/{agent}/integrations/postgres/bindings", BINDING)
        send(f"/agents/{agent}/publish")
        path = f"/api/v1/agents/{agent}/skills/{skill['slug']}/call"
        yield (
            Side("skill call", port, path, '{"arguments": {"customer_number": NUMBER}}', key),
            asyncio.run(frozen_statement(directory, skill["id"])),
            pid,
        )


async def frozen_statement(directory: Path, skill_id: str) -> str:
    """The SQL of the call that was frozen, from the store."""
    from sqlalchemy import text

    from patchbay.settings import Settings
    from patchbay.store.database import Database

    database = await Database.open(Settings(data_dir=directory))
    async with database.engine.connect() as connection:
        found = await connection.scalar(text("SELECT call FROM skills WHERE id = :id"), {"id": skill_id})
    await database.close()
    return json.loads(found)["body"]["sql"]


def postmaster(directory: Path) -> int:
    """The process id of the PostgreSQL whose data is somewhere below ``directory``."""
    return int(next(directory.rglob("postmaster.pid")).read_text().split()[0])


def installed_toolbox(directory: Path) -> str | None:
    """Toolbox's program, installed when it is missing; None where there is no npm to install it with."""
    program = directory / TOOLBOX
    if not program.exists():
        if shutil.which("npm") is None:
            return None
        directory.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(directory), "@toolbox-sdk/server"]
        subprocess.run(install, check=True, capture_output=True)
    return str(program)


@contextlib.contextmanager
def toolbox(
    program: str, directory: Path, credentials: dict[str, Any], ca_file: str, statement: str
) -> Generator[tuple[list[Side], int]]:
    """Toolbox with the one tool, by both of its doors."""
    port, config = free_port(), directory / "tools.yaml"
    source = {
        "kind": "source", "name": "shop", "type": "postgres", "host": credentials["host"], "port": str(credentials["port"]),
        "database": credentials["database"], "user": credentials["user"], "password": credentials["password"],
        "queryParams": {"sslmode": "verify-full", "sslrootcert": ca_file},
    }  # fmt: skip
    parameter = {"name": "customer_number", "type": "integer", "description": "The customer's number."}
    tool = {
        "kind": "tool", "name": "find_customer", "type": "postgres-sql", "source": "shop",
        "description": "Find a customer by number.", "statement": statement, "parameters": [parameter],
    }  # fmt: skip
    # JSON is YAML: one document each.
    config.write_text("\n---\n".join(json.dumps(document) for document in (source, tool)))
    command = [program, "--config", str(config), "--address", "127.0.0.1", "--port", str(port)]
    rpc = '{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "find_customer", "arguments": ARGUMENTS}}'
    arguments = '{"customer_number": NUMBER}'
    with process([*command, "--enable-api", "--disable-version-check"], port) as pid:
        yield (
            [
                Side("Toolbox /api", port, "/api/tool/find_customer/invoke", arguments),
                Side("Toolbox /mcp", port, "/mcp", rpc.replace("ARGUMENTS", arguments)),
            ],
            pid,
        )


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process and those below it have used, those that ended too."""
    used, top = 0.0, psutil.Process(pid)
    for one in (*top.children(recursive=True), top):
        with contextlib.suppress(psutil.NoSuchProcess):  # one that ended meanwhile counts with those above it
            used += sum(one.cpu_times()[:4])
    return used


def load(side: Side, connections: int, seconds: int, setting: Setting) -> Round:
    """One round of wrk."""
    environment = {**os.environ, "BENCH_PATH": side.path, "BENCH_BODY": side.body, "BENCH_AUTHORIZATION": f"Bearer {side.key}"}
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(setting.script), f"http://127.0.0.1:{side.port}"]
    before = [cpu_of(pid) for pid in setting.servers]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    busy = [cpu_of(pid) - start for pid, start in zip(setting.servers, before, strict=True)]
    line = next(line for line in run.stdout.splitlines() if line.startswith("RESULT"))
    requests, duration, p50, p95, failed = (float(part) for part in line.split()[1:])
    if failed:
        raise SystemExit(f"{side.name}: {failed:.0f} of {requests:.0f} requests failed")
    return Round(p50, p95, requests / duration * 1e6, tuple(share * 1e6 / requests for share in busy))


def compare(sides: list[Side], rounds: int, seconds: int, setting: Setting) -> list[str]:
    """The lines of the table. The answers are compared first and last."""
    check_equal(sides)
    names = [side.name for side in sides]
    of_ours: list[float] = []
    lines = ["| same statement, TLS, 100k rows | " + " | ".join(names) + " | to /api | to /mcp | goal |", "|---" * 7 + "|"]
    for side in sides:
        load(side, 16, 1, setting)
    for connections in CONNECTIONS:
        measured: dict[str, list[Round]] = {name: [] for name in names}
        for number in range(rounds):
            turn = number % len(sides)
            for side in [*sides[turn:], *sides[:turn]]:
                measured[side.name].append(load(side, connections, seconds, setting))
        for what, name, goal in ROWS_SHOWN:
            ours, *theirs = (statistics.median(getattr(r, what) for r in measured[side]) for side in names)
            shown = [f"{value:.0f}" for value in (ours, *theirs)]
            ratios = [f"{ours / value:.2f}" for value in theirs]
            label = f"{connections} connection{'s' * (connections > 1)}: {name}"
            lines.append(f"| {label} | " + " | ".join([*shown, *ratios, goal]) + " |")
        of_ours = [statistics.median(shares) for shares in zip(*(r.shares for r in measured[names[0]]), strict=True)]
    check_equal(sides)
    lines += ["", "CPU µs of a skill call: {:.0f} our processes, {:.0f} our store, {:.0f} the database.".format(*of_ours)]
    return lines


def check_equal(sides: list[Side]) -> None:
    """All sides answer with the same rows."""
    for number in (1, 4_711, ROWS):
        answers = [side.ask(number) for side in sides]
        if not answers[0] or any(answer != answers[0] for answer in answers):
            raise SystemExit(f"the answers differ: {answers}")


def main() -> None:
    """Start everything, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--toolbox", type=Path, default=Path(tempfile.gettempdir()) / "patchbay-benchmark-toolbox")
    options = parser.parse_args()
    program = installed_toolbox(options.toolbox)
    if program is None or shutil.which("wrk") is None:
        print("Skipped: this comparison needs npm (for Toolbox) and wrk (Debian's package).")
        return
    from tests.servers.postgres import PostgresServer

    source = PostgresServer.start()
    try:
        credentials = source.create_database(sql=TABLES)
        with tempfile.TemporaryDirectory(prefix="patchbay-bench-") as name, contextlib.ExitStack() as stack:
            directory = Path(name)
            ours, statement, our_pid = stack.enter_context(patchbay(directory / "data", credentials, options.workers))
            theirs, their_pid = stack.enter_context(toolbox(program, directory, credentials, source.ca_file, statement))
            script = directory / "load.lua"
            script.write_text(LUA)
            databases = [postmaster(directory / "data"), postmaster(source.base)]
            setting = Setting(script, (our_pid, *databases, their_pid))
            print("\n".join(compare([ours, *theirs], options.rounds, options.seconds, setting)))
            share = " ".join(f"{value:.1f}" for value in psutil.getloadavg())
            print(f"\n{options.workers} processes of ours; medians of {options.rounds} rounds. Load average: {share}.")
    finally:
        source.stop()


if __name__ == "__main__":
    main()
