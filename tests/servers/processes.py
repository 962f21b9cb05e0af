"""Programs that tests run: as an unprivileged user, on free ports, and gone when the tests end or are killed."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """For `subprocess`'s ``preexec_fn``: the program stops even when the tests are killed."""
    # Runs after the change of user, which would clear the setting.
    with contextlib.suppress(AttributeError):
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def environment() -> dict[str, str]:
    """The whole environment of a server: nothing of the tests' own."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class Runner:
    """Whom servers run as: us, or somebody else when we are root, as whom database servers do not start."""

    def __init__(self) -> None:
        self._user = _unprivileged_user()

    def identity(self) -> dict[str, Any]:
        """The arguments that make `subprocess` run a program as this user."""
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        """Let this user own ``path``."""
        if self._user is not None:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def write_private(self, path: Path, text: str) -> None:
        """A file that nobody but this user can read."""
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        self.give(path)

    def run(self, command: list[str], *, directory: Path) -> None:
        """Run a program to its end; raises RuntimeError with what it said when it fails."""
        run = subprocess.run(command, capture_output=True, cwd=directory, env=environment(), **self.identity())
        if run.returncode:
            said = (run.stderr or run.stdout).decode(errors="replace")[-2000:]
            raise RuntimeError(f"{Path(command[0]).name} failed: {said}")

    def start(self, command: list[str], *, directory: Path, log: Path) -> subprocess.Popen[bytes]:
        """Start a program that writes what it says to ``log``."""
        with log.open("wb") as output:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env=environment(),
                start_new_session=True,
                preexec_fn=die_with_parent,
                **self.identity(),
            )


def _unprivileged_user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "mysql", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("there is no unprivileged user to run a server as")
