"""``patchbay serve``: the HTTP server."""

from __future__ import annotations

import asyncio
import errno
import gc
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from patchbay.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

GRACE_S = 10
"""How long answers that are under way, streams too, may go on after the server was told to stop."""

TAKEN_FOR_S = 1.0
"""How long a port may be taken before that is believed."""

_console = Console(stderr=True, highlight=False, soft_wrap=True)


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on [PATCHBAY_HOST].")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The port to listen on; 0 picks one [PATCHBAY_PORT].")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many processes serve.")] = 1,
) -> None:
    """Serve the API until stopped. Migrates first; several servers may start at once."""
    from patchbay.api.request_log import configure

    settings = Settings()
    configure(settings.log_level)
    listening = _listen(host or settings.host, settings.port if port is None else port)
    for stopping in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stopping, _leave)
    with _store_ready(settings):
        _announce(settings, listening)
        _run(listening, workers)


def application() -> FastAPI:
    """The application of one serving process, from the environment."""
    from patchbay.api.app import create_app

    _end_with_parent()
    app = create_app(Settings())
    # All that was loaded stays: the garbage collector need not look through it again and again while callers wait.
    gc.collect()
    gc.freeze()
    return app


def _end_with_parent() -> None:
    """End in good order when the supervising process was killed: nobody else would end a worker, and it holds the port."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="patchbay parent", daemon=True).start()


def _leave(number: int, frame: FrameType | None) -> None:
    """End in good order. The server answers what is under way, then raises the signal again: by default that would kill us."""
    raise SystemExit(0)


def _listen(host: str, port: int) -> socket.socket:
    """Take the address before anything else starts, so that a taken port is known at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        _bind(listening, host, port)
    except OSError as error:
        listening.close()
        _console.print(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another with --host and --port.")
        raise typer.Exit(1) from None
    listening.set_inheritable(True)
    return listening


def _bind(listening: socket.socket, host: str, port: int) -> None:
    """Bind; the workers of a server that was just killed are given a moment to let go of the port."""
    give_up = time.monotonic() + TAKEN_FOR_S
    while True:
        try:
            return listening.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > give_up:
                raise
        time.sleep(0.05)


@contextmanager
def _store_ready(settings: Settings) -> Generator[None]:
    """Migrate, and hold on to the embedded server meanwhile so that it does not stop between here and the first worker."""
    from patchbay.store.embedded import release_embedded, start_embedded
    from patchbay.store.vault import Vault

    if settings.database_url is None:
        start_embedded(settings.data_dir)
    try:
        Vault.load(settings)  # unreadable master keys are told here, not by every worker in turn
        asyncio.run(_migrate(settings))
        yield
    finally:
        if settings.database_url is None:
            release_embedded(settings.data_dir)


async def _migrate(settings: Settings) -> None:
    from patchbay.store.database import Database
    from patchbay.store.migrate import migrate

    database = await Database.open(settings)
    try:
        applied = await migrate(database)
    finally:
        await database.close()
    if applied:
        _console.print(f"Migrated the store ({len(applied)} revision{'s' * (len(applied) > 1)}).")


def _announce(settings: Settings, listening: socket.socket) -> None:
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    url = (settings.public_url or f"http://{shown}:{port}").rstrip("/")
    _console.print(f"Patchbay serves {url}/api/v1 (OpenAPI at {url}/api/v1/openapi.json). Stop it with Ctrl+C.")


def _run(listening: socket.socket, workers: int) -> None:
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    config = uvicorn.Config(
        "patchbay.cli.serve:application",
        factory=True,
        workers=workers,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http="httptools",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        h11_max_incomplete_event_size=65_536,
    )
    server = uvicorn.Server(config)
    if workers > 1:
        Multiprocess(config, [listening]).run()
    else:
        server.run(sockets=[listening])
    if not server.started and workers == 1:
        raise typer.Exit(3)
