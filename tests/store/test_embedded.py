"""The embedded server over processes that come, go and are killed. Each test uses a data directory of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.embedded import EmbeddedUnavailable, release_embedded, revive_embedded, start_embedded

HOLD = """
import pathlib, sys
from patchbay.store.embedded import start_embedded
print(start_embedded(pathlib.Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def data_dir() -> Generator[Path]:
    path = Path(tempfile.mkdtemp(prefix="patchbay-embedded-")) / "data"
    yield path
    pid = postmaster(path)
    release_embedded(path)
    if pid is not None and alive(pid):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(path.parent)


@pytest.fixture
def hold(data_dir: Path) -> Generator[Callable[[], tuple[subprocess.Popen[str], str]]]:
    """Starts a process that uses the server until its standard input closes; returns it and the URL it got."""
    started: list[subprocess.Popen[str]] = []

    def start() -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


def postmaster(data_dir: Path) -> int | None:
    try:
        return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    except (FileNotFoundError, IndexError):
        return None


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z" if Path("/proc").exists() else True


def remember(dsn: str, value: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS memory (value text)")
        connection.execute("INSERT INTO memory VALUES (%s)", [value])


def recall(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        return [row[0] for row in connection.execute("SELECT value FROM memory")]


def test_the_last_use_in_a_process_stops_the_server_and_the_next_finds_the_data(data_dir: Path) -> None:
    first = start_embedded(data_dir)
    assert start_embedded(data_dir) == first
    remember(first, "kept")
    pid = postmaster(data_dir)
    release_embedded(data_dir)
    assert pid is not None
    assert alive(pid)
    release_embedded(data_dir)
    assert not alive(pid)
    release_embedded(data_dir)  # once too often does no harm
    assert recall(start_embedded(data_dir)) == ["kept"]


def test_a_killed_process_leaves_the_server_to_the_next_which_stops_it(data_dir: Path, hold: Callable) -> None:
    process, dsn = hold()
    remember(dsn, "written before the kill")
    pid = postmaster(data_dir)
    process.kill()
    process.wait()
    assert alive(pid)

    assert start_embedded(data_dir) == dsn
    assert postmaster(data_dir) == pid
    assert recall(dsn) == ["written before the kill"]
    release_embedded(data_dir)
    assert not alive(pid)


def test_leaving_does_not_stop_a_server_another_process_uses(data_dir: Path, hold: Callable) -> None:
    process, dsn = hold()
    assert start_embedded(data_dir) == dsn
    pid = postmaster(data_dir)
    release_embedded(data_dir)
    assert alive(pid)
    remember(dsn, "still there")
    process.communicate("")
    assert process.returncode == 0
    assert not alive(pid)  # it left in good order and was the last


def test_processes_that_start_at_once_share_one_server(data_dir: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", HOLD, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    try:
        urls = [p.stdout.readline() for p in processes if p.stdout]
        assert urls[0].startswith("postgresql://")
        assert len(set(urls)) == 1
        pid = postmaster(data_dir)
    finally:
        for process in processes:
            process.communicate("")
    assert [p.returncode for p in processes] == [0, 0, 0]
    assert not alive(pid)


def test_a_server_that_was_killed_is_started_again(data_dir: Path) -> None:
    remember(start_embedded(data_dir), "committed")
    pid = postmaster(data_dir)
    os.kill(pid, signal.SIGKILL)
    while alive(pid):
        pass
    dsn = start_embedded(data_dir)
    assert recall(dsn) == ["committed"]
    assert postmaster(data_dir) != pid


@pytest.mark.anyio
async def test_a_server_killed_under_a_running_process_is_back_with_the_next_connection(data_dir: Path) -> None:
    database = await Database.open(Settings(data_dir=data_dir))
    try:
        remember(database.dsn, "committed")
        pid = postmaster(data_dir)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        while alive(pid):
            pass
        asked = [database.connect(autocommit=True) for _ in range(5)]  # many at once start one
        for connection in await asyncio.gather(*asked):
            await connection.close()
        async with database.engine.connect() as session:
            assert (await session.execute(text("SELECT value FROM memory"))).scalars().all() == ["committed"]
    finally:
        await database.close()
    assert postmaster(data_dir) is None  # and what was started again is stopped by the last to leave


def test_what_another_process_started_again_is_stopped_by_the_last_to_leave(data_dir: Path, hold: Callable) -> None:
    start_embedded(data_dir)
    first = postmaster(data_dir)
    assert first is not None
    os.kill(first, signal.SIGKILL)
    while alive(first):
        pass
    process, _ = hold()
    second = postmaster(data_dir)
    assert second is not None
    process.communicate("")
    assert alive(second)
    release_embedded(data_dir)
    assert not alive(second)


def test_nothing_is_made_anew_where_the_cluster_is_gone(data_dir: Path) -> None:
    start_embedded(data_dir)
    pid = postmaster(data_dir)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while alive(pid):
        pass
    shutil.rmtree(data_dir / "postgres")
    assert revive_embedded(data_dir) is False
    assert not (data_dir / "postgres").exists()


def test_many_serving_processes_find_room(data_dir: Path) -> None:
    """An existing cluster with PostgreSQL's own limit gets ours with its next start."""
    start_embedded(data_dir)
    release_embedded(data_dir)
    (data_dir / "postgres" / "patchbay.conf").unlink()
    for _ in range(2):
        with psycopg.connect(start_embedded(data_dir)) as connection:
            assert connection.execute("SHOW max_connections").fetchone() == ("500",)
        release_embedded(data_dir)
    assert (data_dir / "postgres" / "postgresql.conf").read_text().count("patchbay.conf") == 1


def test_after_a_crash_of_the_machine_the_process_number_may_be_anyones(data_dir: Path) -> None:
    """The pid file survives, its number now belongs to another process: here, to this test."""
    remember(start_embedded(data_dir), "committed")
    pid_file = data_dir / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    release_embedded(data_dir)
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert recall(start_embedded(data_dir)) == ["committed"]


@pytest.mark.parametrize("content", ["", "garbage\n", "999999999\n/nowhere\n"])
def test_a_torn_pid_file_does_no_harm(data_dir: Path, content: str) -> None:
    remember(start_embedded(data_dir), "committed")
    release_embedded(data_dir)
    (data_dir / "postgres" / "postmaster.pid").write_text(content)
    assert recall(start_embedded(data_dir)) == ["committed"]


def test_a_cluster_whose_making_was_interrupted_is_made_anew(data_dir: Path) -> None:
    (data_dir / "postgres").mkdir(parents=True)
    (data_dir / "postgres" / "PG_VERSION").write_text("18\n")
    (data_dir / "postgres.unfinished").touch()
    remember(start_embedded(data_dir), "works")
    release_embedded(data_dir)
    assert recall(start_embedded(data_dir)) == ["works"]  # and is kept from then on


def test_a_path_too_long_for_a_socket_works(data_dir: Path) -> None:
    deep = data_dir / ("x" * 100)
    dsn = start_embedded(deep)
    try:
        remember(dsn, "works")
        [host] = [v for k, v in psycopg.conninfo.conninfo_to_dict(dsn).items() if k == "host"]
        assert len(f"{host}/.s.PGSQL.5432") <= 107
        assert stat.S_IMODE((Path(str(host)) / ".s.PGSQL.5432").stat().st_mode) == 0o700
    finally:
        release_embedded(deep)


def test_nobody_else_may_reach_the_socket_or_list_the_directories_above(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o700)
    start_embedded(data_dir)
    assert stat.S_IMODE((data_dir / "postgres" / ".s.PGSQL.5432").stat().st_mode) == 0o700
    assert stat.S_IMODE((data_dir / "postgres").stat().st_mode) == 0o700
    assert stat.S_IMODE(data_dir.stat().st_mode) & 0o066 == 0


def test_a_data_directory_that_cannot_be_one_is_refused_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for path in (file, file / "below"):
        with pytest.raises(EmbeddedUnavailable, match=str(path)) as refused:
            start_embedded(path)
        assert refused.value.hint is not None
        assert "PATCHBAY_DATA_DIR" in refused.value.hint


def test_a_cluster_of_another_version_is_refused(data_dir: Path) -> None:
    (data_dir / "postgres").mkdir(parents=True)
    (data_dir / "postgres" / "PG_VERSION").write_text("12\n")
    with pytest.raises(EmbeddedUnavailable, match="PostgreSQL 12"):
        start_embedded(data_dir)


def test_a_damaged_cluster_is_refused(data_dir: Path) -> None:
    (data_dir / "postgres").mkdir(parents=True)
    (data_dir / "postgres" / "PG_VERSION").write_text("garbage")
    with pytest.raises(EmbeddedUnavailable, match="damaged"):
        start_embedded(data_dir)


def test_a_server_that_cannot_start_says_where_to_look(data_dir: Path, capfd: pytest.CaptureFixture[str]) -> None:
    start_embedded(data_dir)
    release_embedded(data_dir)
    with (data_dir / "postgres" / "postgresql.conf").open("a") as conf:
        conf.write("shared_buffers = nonsense\n")
    with pytest.raises(EmbeddedUnavailable) as refused:
        start_embedded(data_dir)
    assert str(data_dir / "postgres" / "log") in str(refused.value.hint)
    assert "nonsense" not in capfd.readouterr().err  # the log is named, not poured out
