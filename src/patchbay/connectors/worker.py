"""Heavy build-time work in a process of its own, so that it never stalls a live call.

The child is started fresh (no fork of a process full of threads and secrets), gets its input over a pipe (credentials are in
neither its arguments nor its environment), may use so much memory, and is killed when its time is up or nobody waits any
more. One whose parent was killed ends by itself a moment after its time. A few run at once in each process; the others queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import resource
import signal
import struct
import sys
from collections.abc import Callable
from math import ceil
from typing import Any, TypeVar, cast

from patchbay.errors import PatchbayError, Unavailable

T = TypeVar("T")

AT_ONCE = 2
"""Workers of one process that run side by side."""
MOST_RESULT_BYTES = 256 << 20

_LENGTH = struct.Struct("!Q")
_OK, _REFUSED, _NO_MEMORY, _FAILED = range(4)
# -I: neither the environment nor the working directory decides what the child imports; -S cannot be used with a venv.
_PROGRAM = "import sys; sys.path[:] = {path!r}; from patchbay.connectors.worker import child_main; child_main()"


class HeavyWorkTimedOut(Unavailable):
    """Reading the system took longer than it may; try again, or give the role access to fewer schemas."""

    code, title = "discovery_timed_out", "Discovery timed out"


class HeavyWorkTooLarge(Unavailable):
    """Reading the system needed more memory than it may use; give the role access to fewer schemas."""

    code, title = "discovery_too_large", "Discovery too large"


class HeavyWorkFailed(Unavailable):
    """Reading the system failed for a reason of our own; it was not changed, and the last schema stays in use."""

    code, title = "discovery_failed", "Discovery failed"


_slots: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}


async def run_heavy(fn: Callable[..., T], *args: Any, timeout_s: float = 60.0, memory_mb: int = 512) -> T:
    """``fn(*args)`` in a worker process; ``fn`` is a module's own function, its arguments and result can be pickled.

    ``timeout_s`` covers the work, not the waiting for a free worker. A :class:`PatchbayError` of ``fn`` is raised again here.
    Raises :class:`HeavyWorkTimedOut`, :class:`HeavyWorkTooLarge` or :class:`HeavyWorkFailed`. Cancelling kills the worker.
    """
    async with _slot():
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-c",
            _PROGRAM.format(path=sys.path),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(timeout_s):
                status, value = await _converse(child, _request(fn, args, memory_mb, timeout_s))
        except TimeoutError:
            raise HeavyWorkTimedOut from None
        finally:
            await _end(child)
    return cast("T", _outcome(status, value))


def _slot() -> asyncio.Semaphore:
    """The semaphore of the running loop; those of closed loops are let go."""
    loop = asyncio.get_running_loop()
    for known in [known for known in _slots if known.is_closed()]:
        del _slots[known]
    return _slots.setdefault(loop, asyncio.Semaphore(AT_ONCE))


def _request(fn: Callable[..., Any], args: tuple[Any, ...], memory_mb: int, timeout_s: float) -> bytes:
    body = pickle.dumps((fn.__module__, fn.__qualname__, args), protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(memory_mb << 20) + _LENGTH.pack(ceil(timeout_s) + 1) + _LENGTH.pack(len(body)) + body


async def _converse(child: asyncio.subprocess.Process, request: bytes) -> tuple[int, Any]:
    assert child.stdin is not None
    assert child.stdout is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        child.stdin.write(request)
        await child.stdin.drain()
        child.stdin.close()
    try:
        (length,) = _LENGTH.unpack(await child.stdout.readexactly(_LENGTH.size))
        if length > MOST_RESULT_BYTES:
            return _NO_MEMORY, None
        return pickle.loads(await child.stdout.readexactly(length))
    except asyncio.IncompleteReadError:
        return _FAILED, None


def _outcome(status: int, value: Any) -> Any:
    if status == _OK:
        return value
    if status == _REFUSED:
        raise cast("PatchbayError", value)
    if status == _NO_MEMORY:
        raise HeavyWorkTooLarge
    raise HeavyWorkFailed


async def _end(child: asyncio.subprocess.Process) -> None:
    """Kill what is left of the worker and reap it, also when this task is being cancelled."""
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    transport = getattr(child, "_transport", None)
    await asyncio.shield(child.wait())
    if transport is not None:
        transport.close()


def child_main() -> None:
    """The worker: read one request from standard input, answer on standard output, end."""
    source, answer = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not get between
    (memory,) = _LENGTH.unpack(source.read(_LENGTH.size))
    (seconds,) = _LENGTH.unpack(source.read(_LENGTH.size))
    signal.alarm(seconds)  # ends it whatever it is at; the parent does so earlier, if there is one
    (length,) = _LENGTH.unpack(source.read(_LENGTH.size))
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        os.nice(5)  # a live call goes first
    body = _work(source.read(length))
    answer.write(_LENGTH.pack(len(body)) + body)
    answer.flush()
    os._exit(0)


def _work(request: bytes) -> bytes:
    try:
        module, name, args = pickle.loads(request)
        __import__(module)
        return pickle.dumps((_OK, getattr(sys.modules[module], name)(*args)), protocol=pickle.HIGHEST_PROTOCOL)
    except PatchbayError as refusal:
        return pickle.dumps((_REFUSED, refusal))
    except MemoryError:
        return pickle.dumps((_NO_MEMORY, None))
    except Exception:
        return pickle.dumps((_FAILED, None))
