"""The platform the demo talks to: the real server, in a thread of this process, so that it ends with it."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import structlog
import uvicorn

from patchbay.cli.demo.failures import DemoFailed
from patchbay.settings import Settings

_START_S = 60.0
_STOP_S = 15.0


@contextmanager
def serving(settings: Settings, listening: socket.socket, log: Path) -> Generator[None]:
    """Serve ``settings`` on ``listening`` until the block is left. What the server logs goes to ``log``.

    Raises:
        DemoFailed: it did not come up.
    """
    from patchbay.api.app import create_app

    app = create_app(settings)
    with log.open("a", encoding="utf-8", buffering=1) as lines, _logging_to(log):
        # After create_app, which logs to standard error: there the steps are shown.
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(lines))
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="on", server_header=False, timeout_graceful_shutdown=5
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],), name="patchbay-server", daemon=True)
        thread.start()
        try:
            _await_start(server, thread)
            yield
        finally:
            server.should_exit = True
            thread.join(_STOP_S)


def listen(host: str, port: int) -> socket.socket:
    """A socket listening on ``port``, or on a free one when it is taken."""
    for candidate in (port, 0):
        listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, candidate))
            listening.listen(128)
        except OSError as error:
            listening.close()
            if candidate == 0:
                raise DemoFailed(
                    f"Cannot listen on {host}: {error.strerror}.", "Set PATCHBAY_HOST to an address of this machine."
                ) from None
        else:
            return listening
    raise AssertionError("the loop returns or raises")


def _await_start(server: uvicorn.Server, thread: threading.Thread) -> None:
    give_up = time.monotonic() + _START_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > give_up:
            raise DemoFailed("The server did not start.", "`patchbay doctor` checks the usual causes.")
        time.sleep(0.02)


@contextmanager
def _logging_to(log: Path) -> Generator[None]:
    handler = logging.FileHandler(log, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()
