"""The stored form of a password (RFC 5803 as PostgreSQL writes it), so that a script need not carry the password itself.

A server that logs statements would otherwise log the password. PostgreSQL 10 and later take the stored form as is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

ITERATIONS = 4096
_SALT_BYTES = 16


def storable(password: str) -> bool:
    """Whether `stored_form` may be used: printable ASCII, which SASLprep (RFC 4013) leaves unchanged."""
    return password.isascii() and password.isprintable()


def stored_form(password: str, *, salt: bytes | None = None) -> str:
    """`SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey` for a password that is `storable`."""
    if not storable(password):
        raise ValueError("only printable ASCII has a stored form here")
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${ITERATIONS}:{_text(salt)}${_text(stored_key)}:{_text(server_key)}"


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
