"""API documents side by side, in one run: ours to a complete graph, the least that any reader has to do, and FastMCP.

    uv run --locked python benchmarks/openapi_import.py [--repeats 7] [--without-fastmcp]

The least (``base``) is msgspec's decoding of JSON plus one visit of every value in Python, or ryaml's parse of YAML. FastMCP is
no dependency of ours: it is run through ``uv run --with fastmcp`` where that can be had, once, and only on JSON.
Documents are GitHub's and Stripe's from the shared data. Every measurement is a process of its own, for its peak memory;
reading the file and importing are not timed. The harness leaves the garbage collector alone: ours pauses it, as it does in the
worker. Variants alternate, so that a busy machine is busy for all of them. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

DOCUMENTS = ("github/api.github.com.json", "stripe/spec3.json", "stripe-yaml/spec3.yaml")
VARIANTS = ("base", "ours")
MEGABYTE = 1 << 20


def base(content: bytes, name: str) -> tuple[float, int]:
    """Parse, and for JSON look at every value once."""
    if name.endswith(".yaml"):
        import ryaml

        text = content.decode()
        began = time.perf_counter()
        ryaml.loads(text)
        return time.perf_counter() - began, 0
    import msgspec

    began = time.perf_counter()
    todo = [msgspec.json.decode(content)]
    seen = 0
    while todo:
        value = todo.pop()
        seen += 1
        if type(value) is dict:
            todo.extend(value.values())
        elif type(value) is list:
            todo.extend(value)
    return time.perf_counter() - began, seen


def ours(content: bytes, name: str) -> tuple[float, int]:
    """The complete graph: objects, fields, edges, operations and all their arguments."""
    from patchbay.connectors.rest.task import DocumentSettings, read_graph

    if name.endswith(".yaml"):
        import ryaml  # noqa: F401 - imported where it is used; importing is not timed
    began = time.perf_counter()
    graph = read_graph({name: content}, DocumentSettings()).graph
    return time.perf_counter() - began, len(graph.operations)


def fastmcp(content: bytes, name: str) -> tuple[float, int]:
    """FastMCP's tools of every operation."""
    import httpx2
    from fastmcp import FastMCP

    document = json.loads(content)
    client = httpx2.AsyncClient(base_url="https://api.example")
    began = time.perf_counter()
    FastMCP.from_openapi(openapi_spec=document, client=client)
    return time.perf_counter() - began, 0


def measure(variant: str, path: str) -> None:
    """One measurement, in this process: prints seconds, what was counted, and by how many MB the peak of memory rose."""
    content = Path(path).read_bytes()
    if variant == "ours":
        import patchbay.connectors.rest.task  # noqa: F401
    elif variant == "base":
        import msgspec
        import ryaml  # noqa: F401

        msgspec.json.decode(b"{}")
    before = peak_kilobytes()
    seconds, count = {"base": base, "ours": ours, "fastmcp": fastmcp}[variant](content, Path(path).name)
    rose = (peak_kilobytes() - before) / 1024
    print(json.dumps({"seconds": seconds, "count": count, "rose": rose}))


def peak_kilobytes() -> int:
    """The most memory this process ever had in use; ``getrusage`` would count its parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def run(variant: str, path: str) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--measure", variant, path]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def run_fastmcp(path: str) -> dict[str, float] | None:
    """FastMCP's measurement in an environment of its own, or None where it cannot be had."""
    command = ["uv", "run", "--no-project", "--isolated", "--with", "fastmcp", "--with", "httpx2", "python"]
    done = subprocess.run([*command, __file__, "--measure", "fastmcp", path], capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        print(f"FastMCP could not be run: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def compare(repeats: int, with_fastmcp: bool) -> None:
    """Measure every variant on every document and print the table."""
    from tests.servers.datasets import shared_data

    print("| document | MB | variant | median ms | best ms | this / base | peak rose by MB |")
    print("|---|---|---|---|---|---|---|")
    for name in DOCUMENTS:
        path = shared_data() / "openapi" / name
        runs: dict[str, list[dict[str, float]]] = defaultdict(list)
        for _ in range(repeats):
            for variant in VARIANTS:
                runs[variant].append(run(variant, str(path)))
        if with_fastmcp and name.endswith(".json"):
            found = run_fastmcp(str(path))
            runs |= {"fastmcp": [found]} if found is not None else {}
        print_document(name, path.stat().st_size / MEGABYTE, runs)


def print_document(name: str, megabytes: float, runs: dict[str, list[dict[str, float]]]) -> None:
    """The rows of the table for one document."""
    median = {variant: statistics.median(r["seconds"] for r in found) for variant, found in runs.items()}
    for variant, found in runs.items():
        best, rose = min(r["seconds"] for r in found), max(r["rose"] for r in found)
        print(
            f"| {name} | {megabytes:.1f} | {variant} | {median[variant] * 1e3:,.0f} | {best * 1e3:,.0f} "
            f"| {median[variant] / median['base']:.2f} | {rose:.0f} |"
        )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--without-fastmcp", action="store_true")
    parser.add_argument("--measure", nargs=2, metavar=("VARIANT", "PATH"))
    arguments = parser.parse_args()
    if arguments.measure:
        measure(*arguments.measure)
    else:
        compare(arguments.repeats, not arguments.without_fastmcp)


if __name__ == "__main__":
    main()
