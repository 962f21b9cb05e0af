"""The certificates of a private authority, as a person pastes them."""

from __future__ import annotations

from typing import Any

from cryptography import x509

from patchbay.connectors.members import Unreadable

LONGEST = 256 * 1024


def read_authorities(value: Any) -> str | None:
    """One or more PEM certificates (RFC 7468); None for nothing but blanks. Raises :class:`Unreadable`."""
    if not isinstance(value, str):
        raise Unreadable("type", "This must be a string.")
    if not value.strip():
        return None
    if len(value) > LONGEST:
        raise Unreadable("too_long", "This must have at most 256 KiB.", "Only the authority that signed the server is needed.")
    if "PRIVATE KEY" in value:
        raise Unreadable("private_key", "This holds a private key.", "Give only the BEGIN CERTIFICATE blocks.")
    try:
        certificates = x509.load_pem_x509_certificates(value.encode())
    except (ValueError, UnicodeEncodeError):
        certificates = []
    if not certificates:
        raise Unreadable("pem", "This is not a PEM certificate.", "Paste the file with its -----BEGIN CERTIFICATE----- lines.")
    return value
