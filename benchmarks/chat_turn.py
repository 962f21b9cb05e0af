"""What the platform adds to a chat turn: one message over HTTP, an instant model, one skill call on a real PostgreSQL.

Everything is real but the model: uvicorn in a process of its own, the embedded store, the skill's database behind TLS with
100,000 rows. In the same run the same statement is timed on a bare psycopg connection and the server's floor on /healthz, so that
the rows compare. Prints a table in Markdown.

    uv run --locked python benchmarks/chat_turn.py [--turns 400]
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import multiprocessing
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

LIMIT_MS = 10.0
ROWS = 100_000
TABLES = f"""
CREATE TABLE customers (id int PRIMARY KEY, phone text NOT NULL, name text NOT NULL, email text);
INSERT INTO customers SELECT n, '+1415' || lpad(n::text, 7, '0'), 'Customer ' || n, 'c' || n || '@example.com'
  FROM generate_series(1, {ROWS}) n;
CREATE INDEX ON customers (phone);
ANALYZE;
"""
BINDING = {
    "toolName": "Look up the customer",
    "description": "Find the customer by phone.",
    "operation": "customers.read",
    "inputs": [{"param": "caller_phone", "arg": "phone", "required": True}],
    "projection": [{"path": ["name"], "leaf": "customer_name"}, {"path": ["email"], "leaf": "customer_email"}],
    "enabled": True,
}
SAME_STATEMENT = "SELECT name, email FROM customers WHERE phone = ANY(%s) LIMIT 6"


class InstantModel:
    """Asks for the first tool at once, then reads the row back."""

    async def stream(self, request: Any) -> AsyncIterator[Any]:
        """One answer."""
        from patchbay.agent_runtime.conversation.model import Finish, TextDelta, ToolCallRequest, ToolMessage

        last = request.messages[-1]
        if isinstance(last, ToolMessage):
            yield TextDelta(text=f"You are {last.outcome.rows[0]['customer_name']}.")
            yield Finish()
        else:
            arguments = json.dumps({"caller_phone": last.text})
            yield ToolCallRequest(call_id="call-1", name=request.tools[0].slug, arguments=arguments)
            yield Finish(reason="tools")


def serve(data_dir: str, port: int, ready: Any) -> None:
    """The server's process. ``ready`` is given a key once it listens."""
    import uvicorn

    from patchbay.accounts.keys import create_key
    from patchbay.accounts.organizations import ensure_organization
    from patchbay.api.app import create_app
    from patchbay.api.platform import open_platform
    from patchbay.settings import Settings
    from patchbay.store.database import Database
    from patchbay.store.migrate import migrate
    from patchbay.store.vault import Vault

    async def main() -> None:
        settings = Settings(
            data_dir=Path(data_dir), egress_allow="127.0.0.1/32", rate_limit_per_minute=10_000_000, log_level="WARNING"
        )
        database, vault = await Database.open(settings), Vault.load(settings)
        await migrate(database)
        organization = await ensure_organization(database, "Benchmark")
        _, secret = await create_key(database, vault, org_id=organization.id, name="benchmark", scopes=["*"])
        async with open_platform(settings, database=database, vault=vault, models=lambda _: InstantModel()) as platform:
            app = create_app(settings, platform=platform)
            config = uvicorn.Config(app, port=port, loop="none", http="httptools", log_config=None, access_log=False)
            server = uvicorn.Server(config)
            task = asyncio.create_task(server.serve())
            while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
                await asyncio.sleep(0.01)
            ready.send(secret)
            await task
        await database.close()

    import uvloop

    uvloop.run(main())


class Client:
    """One keep-alive connection with a key."""

    def __init__(self, port: int, key: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def send(self, method: str, path: str, body: Any = None) -> bytes:
        """The body of a success."""
        self.connection.request(method, path, json.dumps(body) if body is not None else None, self.headers)
        response = self.connection.getresponse()
        content = response.read()
        if response.status >= 400:
            raise SystemExit(f"{method} {path}: {response.status} {content.decode()}")
        return content

    def data(self, method: str, path: str, body: Any = None) -> Any:
        """The envelope's data."""
        return json.loads(self.send(method, "/api/v1" + path, body))["data"]


def prepare(client: Client, credentials: dict[str, Any]) -> str:
    """Connect, discover, bind, publish; the agent's id."""
    client.data("POST", "/integrations/postgres/connect", {"credentials": credentials})
    client.data("POST", "/integrations/postgres/discover")
    agent = client.data("POST", "/agents", {"name": "Benchmark", "defaultCountry": "US"})["id"]
    client.data("POST", f"/agents/{agent}/integrations/postgres/bindings", BINDING)
    client.data("POST", f"/agents/{agent}/publish")
    return str(agent)


def timed(work: Callable[[int], Any], times: int) -> list[float]:
    """Milliseconds of each of ``times`` runs."""
    taken: list[float] = []
    for number in range(times):
        began = time.perf_counter()
        work(number)
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def phone(number: int) -> str:
    """The number of some customer."""
    return f"+1415{number * 7919 % ROWS + 1:07d}"


def measure(client: Client, agent: str, dsn: str, turns: int, server: psutil.Process) -> tuple[dict[str, list[float]], float]:
    """The rows of the table, taken in turns of a few so that all meet the same load, and the server's CPU ms for a turn."""
    import psycopg

    busy = 0.0

    rows: dict[str, list[float]] = {"GET /healthz": [], "the same statement, bare psycopg": [], "turn": [], "turn, streamed": []}
    with psycopg.connect(dsn, prepare_threshold=0, autocommit=True) as bare:
        for start in range(0, turns, 20):
            session = client.data("POST", "/chat/sessions", {"agentId": agent})["id"]
            path = f"/api/v1/chat/sessions/{session}/messages"

            def turn(number: int, *, stream: bool, path: str = path, start: int = start) -> None:
                said = client.send("POST", path, {"content": phone(start + number), "stream": stream})
                if b"You are Customer" not in said:
                    raise SystemExit(f"an unexpected answer: {said.decode()}")

            rows["GET /healthz"] += timed(lambda _: client.send("GET", "/healthz"), 20)
            rows["the same statement, bare psycopg"] += timed(
                lambda number: bare.execute(SAME_STATEMENT, [[phone(number)]]).fetchall(), 20
            )
            before = sum(server.cpu_times()[:2])
            rows["turn"] += timed(lambda number: turn(number, stream=False), 10)
            rows["turn, streamed"] += timed(lambda number: turn(number, stream=True), 10)
            busy += sum(server.cpu_times()[:2]) - before
    return {name: values[20:] for name, values in rows.items()}, busy * 1000 / turns


def main() -> None:
    """Measure and print."""
    from tests.servers.postgres import PostgresServer

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=400)
    turns: int = parser.parse_args().turns
    source = PostgresServer.start()
    spawning = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="patchbay-bench-") as data_dir, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        ours, theirs = spawning.Pipe()
        server = spawning.Process(target=serve, args=(data_dir, port, theirs))
        server.start()
        try:
            credentials = source.create_database(sql=TABLES)
            client = Client(port, ours.recv())
            agent = prepare(client, credentials)
            dsn = source.superuser_dsn(credentials["database"])
            rows, busy = measure(client, agent, dsn, turns, psutil.Process(server.pid))
        finally:
            server.terminate()
            server.join(30)
            source.stop()
    show(rows, busy)


def show(rows: dict[str, list[float]], busy: float) -> None:
    """The table. The overhead of a turn is its time without that of the statement."""
    bare = statistics.median(rows["the same statement, bare psycopg"])
    print("| what | p50 | p95 | platform's share at p50 | limit |")
    print("|---|---|---|---|---|")
    for name, taken in rows.items():
        p50, p95 = statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
        share, limit = (f"{p50 - bare:.2f} ms", f"{LIMIT_MS:.0f} ms") if name.startswith("turn") else ("", "")
        print(f"| {name} | {p50:.2f} ms | {p95:.2f} ms | {share} | {limit} |")
    load = " ".join(f"{value:.1f}" for value in psutil.getloadavg())
    print(f"\nThe server's own CPU time for a turn: {busy:.2f} ms. Load average of the machine: {load}.")


if __name__ == "__main__":
    main()
