"""One bound REST call through the runtime against the same request on a bare aiohttp session, side by side in one run.

    uv run --locked python benchmarks/rest_call.py [--calls 4000] [--rounds 6] [--loop uvloop|asyncio]
    uv run --locked --with fastmcp python benchmarks/rest_call.py        # beside a FastMCP tool made from the same document

All sides ask one local server, in a process of its own, over TLS for one record and read it; rounds alternate. The bare side
reads the answer and decodes it. The runtime side does all it does on a live call: confirm state and scoping, validate the
arguments, build the request, sign it, send it with deadline and caps, check the answer, check again, and project the record.
Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import ssl
import statistics
import sys
import tempfile
from collections.abc import AsyncGenerator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._calling import CALLERS, Call, throughput, timed
from patchbay.egress.guard import EgressGuard
from tests.connectors.http import platform_of_apis as apis
from tests.servers.certificates import Authority, Certificate
from tests.servers.upstreams.tls import server_context

RECORD = {
    "id": "c1",
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "balance": 1250,
    "open": True,
    "created": "2026-03-05T14:30:00Z",
    "address": {"line1": "1 Main Street", "city": "Toronto", "country": "CA"},
    "tags": ["one", "two", "three"],
    "notes": "x" * 300,
}


class _Answering(asyncio.Protocol):
    """Answers every request with the record, and does nothing else."""

    body = json.dumps(RECORD).encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\r\n\r\n")
        self._transport.write(self.answer * len(whole))


def serve(certificate: Certificate, ports: Any) -> None:
    """The server's process."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(_Answering, "127.0.0.1", 0, ssl=server_context(certificate))
        ports.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(run())


@contextlib.contextmanager
def server(certificate: Certificate) -> Any:
    """The server's URL."""
    spawning = multiprocessing.get_context("spawn")
    ports = spawning.Queue()
    process = spawning.Process(target=serve, args=(certificate, ports), daemon=True)
    process.start()
    try:
        yield f"https://localhost:{ports.get(timeout=30)}"
    finally:
        process.terminate()
        process.join()


@contextlib.asynccontextmanager
async def bare(url: str, authority: Authority) -> AsyncGenerator[Call]:
    """Aiohttp as one would write it by hand: connections kept, the authorization set once."""
    context = ssl.create_default_context(cadata=authority.pem)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context), headers={"Authorization": "Bearer t0k"}
    ) as session:

        async def call(n: int) -> Any:
            async with session.get(f"{url}/customers/c{n}") as response:
                return json.loads(await response.read())

        yield call


@contextlib.asynccontextmanager
async def fastmcp(url: str, authority: Authority) -> AsyncGenerator[Call | None]:
    """The same operation as a tool that FastMCP makes of the document, called in memory; None where it is not installed."""
    try:
        import httpx2
        from fastmcp import Client, FastMCP
    except ImportError:
        yield None
        return
    context = ssl.create_default_context(cadata=authority.pem)
    async with httpx2.AsyncClient(base_url=url, headers={"Authorization": "Bearer t0k"}, verify=context) as upstream:
        tools = FastMCP.from_openapi(apis.document(url), client=upstream)
        async with Client(tools) as client:
            yield lambda n: client.call_tool("getCustomer", {"id": f"c{n}"})


async def measure(url: str, authority: Authority, calls: int, rounds: int) -> str:
    """The table."""
    guard = EgressGuard([ip_network("127.0.0.0/8"), ip_network("::1/128")])
    lines = ["| one record over TLS | bare aiohttp | bound REST call | ratio | goal |", "|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory(prefix="pb-bench-") as directory:
        async with (
            bare(url, authority) as bare_call,
            apis.calling(url, authority.pem, guard, Path(directory), os.urandom(32)) as ours,
            fastmcp(url, authority) as tool,
        ):
            (row,) = (await ours(1)).rows
            assert row["city"] == (await bare_call(1))["address"]["city"]
            samples: dict[str, list[float]] = {"bare": [], "ours": [], "tool": []}
            rates: dict[str, list[float]] = {"bare": [], "ours": []}
            for call in (bare_call, ours):
                await timed(call, 500, 0)
            sides = [("bare", bare_call), ("ours", ours)]
            for number in range(rounds):
                for side, call in sides if number % 2 else reversed(sides):
                    samples[side] += await timed(call, calls // rounds, number * calls)
                    rates[side].append(await throughput(call, calls))
                if tool is not None:
                    samples["tool"] += await timed(tool, calls // rounds // 4, number * calls)
    return "\n".join(lines + table(samples, rates))


def table(samples: dict[str, list[float]], rates: dict[str, list[float]]) -> list[str]:
    """Markdown lines."""
    p50 = {side: statistics.median(values) for side, values in samples.items() if values}
    p95 = {side: statistics.quantiles(values, n=20)[-1] for side, values in samples.items() if values}
    rate = {side: statistics.median(values) for side, values in rates.items()}
    lines = [
        f"| p50 µs | {p50['bare']:.0f} | {p50['ours']:.0f} | {p50['ours'] / p50['bare']:.2f} | ≤ 1.40 |",
        f"| p95 µs | {p95['bare']:.0f} | {p95['ours']:.0f} | {p95['ours'] / p95['bare']:.2f} | – |",
        f"| {CALLERS} callers, calls/s | {rate['bare']:.0f} | {rate['ours']:.0f} | {rate['ours'] / rate['bare']:.2f} | ≥ 0.70 |",
    ]
    if samples["tool"]:
        slower = p50["tool"] / p50["ours"]
        lines.append(f"| a FastMCP tool call: p50 µs | {p50['tool']:.0f} | {p50['ours']:.0f} | {slower:.1f}× | ≥ 3× |")
    return lines


def main() -> None:
    """Start a server, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    options = parser.parse_args()
    authority = Authority()
    with server(authority.issue()) as url:
        run = uvloop.run if options.loop == "uvloop" else asyncio.run
        print(run(measure(url, authority, options.calls, options.rounds)))


if __name__ == "__main__":
    main()
