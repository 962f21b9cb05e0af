"""Which certificate authorities a connection trusts, also as the files libpq wants.

libpq reads authorities from a file only. Each distinct ``ca_pem`` is kept in one private file (mode 0600, in a directory
of mode 0700) for the life of the process. Paths that must not exist keep libpq from falling back on ``~/.postgresql``.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import shutil
import ssl
import tempfile
from pathlib import Path

from patchbay.connectors.sql.refusals import CertificateNotTrusted

_SYSTEM_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/opt/homebrew/etc/ca-certificates/cert.pem",
)


def ca_file(ca_pem: str) -> str:
    """The path of a private file that holds exactly ``ca_pem``."""
    path = _directory() / f"{hashlib.sha256(ca_pem.encode()).hexdigest()}.pem"
    if not path.exists():
        draft = path.with_suffix(f".{os.getpid()}.{os.urandom(4).hex()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(ca_pem)
        draft.replace(path)
    return str(path)


def system_ca_file() -> str:
    """The file of the public certificate authorities this machine trusts; raises `CertificateNotTrusted` without one."""
    paths = ssl.get_default_verify_paths()
    for candidate in (paths.cafile, paths.openssl_cafile, *_SYSTEM_FILES):
        if candidate and Path(candidate).is_file():
            return candidate
    raise CertificateNotTrusted(
        "This machine has no list of public certificate authorities.",
        hint="Install the ca-certificates package where Patchbay runs, or give ca_pem.",
    )


def nothing() -> str:
    """A path where no file is."""
    return str(_directory() / "none")


def _directory() -> Path:
    # A forked process makes its own, so that the directory goes when the process that made it goes.
    return _directory_of(os.getpid())


@functools.lru_cache(maxsize=2)
def _directory_of(pid: int) -> Path:
    path = Path(tempfile.mkdtemp(prefix="patchbay-ca-"))

    def remove() -> None:
        if os.getpid() == pid:
            shutil.rmtree(path, ignore_errors=True)

    atexit.register(remove)
    return path
