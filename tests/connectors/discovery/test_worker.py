"""Heavy work in a process of its own: its answer, its refusals, its caps, its end."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from patchbay.connectors import worker
from patchbay.connectors.worker import HeavyWorkFailed, HeavyWorkTimedOut, HeavyWorkTooLarge, run_heavy
from patchbay.errors import ValidationFailed
from tests.connectors.discovery import work

pytestmark = pytest.mark.anyio


async def test_the_answer_comes_back_and_output_does_not_get_between() -> None:
    big = {"bytes": b"x" * 3_000_000, "text": "é"}
    assert await run_heavy(work.echo, big) == big
    assert await run_heavy(work.chatter) == "answer"


async def test_secrets_are_in_neither_arguments_nor_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATCHBAY_SECRET_KEY", "k:hush")
    seen = await run_heavy(work.surroundings)
    assert seen["pid"] != os.getpid()
    assert set(seen["env"]) <= {"PATH", "LC_ALL", "LC_CTYPE"}
    assert "hush" not in str(seen["argv"])
    assert not {"sqlalchemy", "fastapi", "openai", "sqlglot"} & set(seen["modules"])


async def test_a_refusal_is_raised_again_as_it_was() -> None:
    with pytest.raises(ValidationFailed) as refused:
        await run_heavy(work.refuse)
    assert (refused.value.detail, refused.value.hint, refused.value.errors[0].code) == ("not so", "do this", "b")


async def test_a_crash_tells_nothing_of_what_it_was_about() -> None:
    for fails in (work.crash, work.vanish):
        with pytest.raises(HeavyWorkFailed) as failed:
            await run_heavy(fails)
        assert "secret" not in str(failed.value)


async def test_memory_is_capped() -> None:
    with pytest.raises(HeavyWorkTooLarge):
        await run_heavy(work.eat_memory, memory_mb=256)


async def test_time_is_capped_and_the_worker_is_gone(tmp_path: Path) -> None:
    with pytest.raises(HeavyWorkTimedOut):
        await run_heavy(work.sleep_forever, str(tmp_path / "pid"), timeout_s=3)
    assert not _alive(tmp_path / "pid")


async def test_cancelling_kills_the_worker(tmp_path: Path) -> None:
    task = asyncio.ensure_future(run_heavy(work.sleep_forever, str(tmp_path / "pid")))
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not _alive(tmp_path / "pid")


async def test_a_worker_whose_parent_was_killed_ends_by_itself(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    program = (
        "import asyncio; from tests.connectors.discovery import work; from patchbay.connectors.worker import run_heavy;"
        f" asyncio.run(run_heavy(work.sleep_forever, {str(pid)!r}, timeout_s=2))"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=Path(__file__).parents[3])
    async with asyncio.timeout(30):
        while not pid.exists() or not pid.read_text():
            await asyncio.sleep(0.02)
        parent.kill()
        await parent.wait()
        assert _alive(pid)
        while _alive(pid):
            await asyncio.sleep(0.1)


async def test_only_so_many_run_at_once() -> None:
    slot = worker._slot()
    for _ in range(worker.AT_ONCE):
        await slot.acquire()
    waiting = asyncio.ensure_future(run_heavy(work.echo, 1))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    for _ in range(worker.AT_ONCE):
        slot.release()
    assert await waiting == 1


def _alive(path: Path) -> bool:
    return path.exists() and Path(f"/proc/{path.read_text()}").exists()
