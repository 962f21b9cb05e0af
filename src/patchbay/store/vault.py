"""Secrets at rest: AES-256-GCM under versioned master keys, each ciphertext bound to the one place it belongs to.

The master keys come from ``PATCHBAY_SECRET_KEY`` or, when that is unset, from a file in the data directory that is made with
the first start. The newest seals; every listed one opens. :meth:`Vault.keyed_hash` must give the same answer for years, so its
key is derived from the item ``pepper`` when there is one and from the oldest master key otherwise.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from patchbay.errors import PatchbayError
from patchbay.settings import Settings

KEY_FILE = "secret.key"
PEPPER = "pepper"
_HOW_TO = "Make one with `openssl rand -base64 32` and write it as `k1:` and what that prints."
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_VERSION = b"\x01"
_NONCE = 12


class SecretUnreadable(PatchbayError):
    """A stored secret cannot be decrypted: its master key is missing, or it was moved or changed."""

    code, status, title = "secret_unreadable", 500, "Stored secret unreadable"


class SecretKeyInvalid(PatchbayError):
    """The master keys cannot be read: give `id:base64 of 32 bytes`, comma-separated, newest first."""

    code, status, title = "secret_key_invalid", 500, "Master key invalid"


class Sealed(msgspec.Struct, frozen=True):
    """A ciphertext and the id of the master key it is under."""

    key_id: str
    ciphertext: bytes


class Vault:
    """Seals and opens secrets. Safe to share between threads; shows key ids, never keys."""

    def __init__(self, master_keys: Sequence[tuple[str, bytes]], *, key_file: Path | None = None) -> None:
        self._key_file = key_file
        self._ciphers, self._newest, self._pepper = _derive(master_keys)

    @classmethod
    def load(cls, settings: Settings) -> Vault:
        """The vault of this installation, making the key file when there is neither it nor ``PATCHBAY_SECRET_KEY``."""
        if settings.secret_key is not None:
            return cls(parse_master_keys(settings.secret_key.get_secret_value()))
        path = settings.data_dir / KEY_FILE
        return cls(read_key_file(path), key_file=path)

    @property
    def newest(self) -> str:
        """The id of the key that seals."""
        return self._newest

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of the keys that open, newest first."""
        return tuple(self._ciphers)

    def seal(self, plaintext: bytes, *, table: str, column: str, row_id: str, org_id: str) -> Sealed:
        """Encrypt under the newest key, bound to this column of this row of this organization."""
        nonce = os.urandom(_NONCE)
        bound = _associated(self._newest, table, column, row_id, org_id)
        return Sealed(self._newest, _VERSION + nonce + self._ciphers[self._newest].encrypt(nonce, plaintext, bound))

    def open(self, sealed: Sealed, *, table: str, column: str, row_id: str, org_id: str) -> bytes:
        """Decrypt what :meth:`seal` made for the same place. Raises :class:`SecretUnreadable` for anything else."""
        cipher = self._cipher(sealed.key_id)
        data = sealed.ciphertext
        if len(data) < 1 + _NONCE + 16 or data[:1] != _VERSION:
            raise SecretUnreadable()
        try:
            bound = _associated(sealed.key_id, table, column, row_id, org_id)
            return cipher.decrypt(data[1 : 1 + _NONCE], data[1 + _NONCE :], bound)
        except InvalidTag:
            raise SecretUnreadable() from None

    def keyed_hash(self, data: bytes) -> bytes:
        """HMAC-SHA256, 32 bytes, under a key that rotation does not change."""
        return hmac.digest(self._pepper, data, "sha256")

    def _cipher(self, key_id: str) -> AESGCM:
        """The cipher of ``key_id``; a key that another process has added to the key file since is picked up."""
        if key_id not in self._ciphers and self._key_file is not None and self._key_file.exists():
            self._ciphers, self._newest, _ = _derive(read_key_file(self._key_file))
        if key_id not in self._ciphers:
            known = _KEY_ID.fullmatch(key_id) is not None
            raise SecretUnreadable(hint=f"Put the master key {key_id} back into PATCHBAY_SECRET_KEY." if known else None)
        return self._ciphers[key_id]

    def __repr__(self) -> str:
        return f"<Vault {', '.join(self._ciphers)}>"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a vault holds keys and cannot be pickled")


def parse_master_keys(text: str) -> list[tuple[str, bytes]]:
    """The ``id:base64`` items of ``text``, which commas or line breaks separate. Raises :class:`SecretKeyInvalid`."""
    keys: list[tuple[str, bytes]] = []
    for number, item in enumerate((i.strip() for i in re.split(r"[,\n]", text) if i.strip()), start=1):
        key_id, _, encoded = item.partition(":")
        if not _KEY_ID.fullmatch(key_id) or not encoded:
            raise SecretKeyInvalid(f"Item {number} of the master keys is not written `id:base64 of 32 bytes`.", hint=_HOW_TO)
        if key_id in dict(keys):
            raise SecretKeyInvalid(f"Two master keys have the id {key_id}.", hint="Every key needs an id of its own.")
        plain = encoded.strip().rstrip("=").replace("-", "+").replace("_", "/")
        try:
            secret = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
        except binascii.Error:
            raise SecretKeyInvalid(f"The master key {key_id} is not base64.", hint=_HOW_TO) from None
        if len(secret) != 32:
            raise SecretKeyInvalid(f"The master key {key_id} has {len(secret)} bytes; it needs 32.", hint=_HOW_TO)
        keys.append((key_id, secret))
    if not any(key_id != PEPPER for key_id, _ in keys):
        raise SecretKeyInvalid("There is no master key.", hint=_HOW_TO)
    return keys


def read_key_file(path: Path) -> list[tuple[str, bytes]]:
    """The keys of the file at ``path``, which is made with one key when it is missing.

    Two processes that start at once end up with the same key: each writes a file of its own and links it to the name, which only
    the first can. Raises :class:`SecretKeyInvalid` when others than its owner may read the file.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = _write_draft(path, [("k1", os.urandom(32))])
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        if path.stat().st_mode & 0o077:
            raise SecretKeyInvalid(f"Others may read {path}.", hint=f"Run: chmod 600 {path}")
        return parse_master_keys(path.read_text())
    except OSError as error:
        raise SecretKeyInvalid(
            f"The key file {path} cannot be used: {error.strerror}.",
            hint="Give it to the user Patchbay runs as, or set PATCHBAY_SECRET_KEY.",
        ) from error


def add_key(path: Path) -> str:
    """Put a new key before the others of the key file at ``path``, atomically, and return its id."""
    keys = read_key_file(path)
    taken = {key_id for key_id, _ in keys}
    key_id = next(f"k{n}" for n in range(len(keys) + 1, 10**6) if f"k{n}" not in taken)
    _write_draft(path, [(key_id, os.urandom(32)), *keys]).replace(path)
    return key_id


def _write_draft(path: Path, keys: Sequence[tuple[str, bytes]]) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    lines = "".join(f"{key_id}:{base64.b64encode(secret).decode()}\n" for key_id, secret in keys)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _derive(master_keys: Sequence[tuple[str, bytes]]) -> tuple[Mapping[str, AESGCM], str, bytes]:
    sealing = [(key_id, secret) for key_id, secret in master_keys if key_id != PEPPER]
    ciphers = {key_id: AESGCM(_subkey(secret, b"patchbay seal v1")) for key_id, secret in sealing}
    oldest = dict(master_keys).get(PEPPER, sealing[-1][1])
    return ciphers, sealing[0][0], _subkey(oldest, b"patchbay keyed hash v1")


def _subkey(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose).derive(secret)


def _associated(key_id: str, table: str, column: str, row_id: str, org_id: str) -> bytes:
    """The place as bytes. JSON, so that no two places are written alike whatever their names contain."""
    return msgspec.json.encode([key_id, table, column, row_id, org_id])
