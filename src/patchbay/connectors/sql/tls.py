"""What a server's TLS is worth: a real handshake on the address that was checked, judged as the session's would be.

How a connection gets to TLS is each protocol's own affair (PostgreSQL asks for it, MySQL answers a greeting), so that part is
handed in. Nothing is logged in to.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Literal

import msgspec
from cryptography import x509

from patchbay.connectors.sql.credentials import SqlCredentials, SslMode
from patchbay.connectors.sql.refusals import CertificateForAnotherHost, CertificateNotTrusted, ConnectFailed, TlsRefused
from patchbay.connectors.sql.trust import system_ca_file
from patchbay.egress.guard import CheckedAddress

Encrypted = Callable[[CheckedAddress, ssl.SSLContext], AbstractAsyncContextManager[asyncio.StreamWriter]]
"""Opens an encrypted connection that has not logged in, and closes it at the end."""

_MAX_NAMES = 20

Trust = Literal["verified", "expired", "not_yet_valid", "unknown_authority", "untrusted"]
_TRUST_BY_CODE: dict[int, Trust] = {
    9: "not_yet_valid",
    10: "expired",
    18: "unknown_authority",
    19: "unknown_authority",
    20: "unknown_authority",
    21: "unknown_authority",
}
# X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL's x509_vfy.h
_NAME_CODES = (62, 64)


class TlsFacts(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What one handshake showed.

    ``chain`` says whether the certificate leads to the authority that counts (``authority``: the one in ca_pem, or the
    machine's public ones); ``host_matches`` whether it names the host; ``not_after`` is RFC 3339; ``days_left`` may be
    negative.
    """

    version: str
    cipher: str
    authority: Literal["ca_pem", "system"]
    chain: Trust
    host_matches: bool
    subject: str
    issuer: str
    names: tuple[str, ...]
    not_after: str
    days_left: int
    self_signed: bool


async def probe_tls(target: CheckedAddress, ca_pem: str | None, encrypted: Encrypted) -> TlsFacts:
    """Shake hands with ``target`` and report. Raises a `ConnectFailed` when there is no TLS to report on.

    The strict handshake is tried first; only when it fails do others find out what exactly is wrong. The caller sets
    the deadline.
    """
    host_error: ssl.SSLCertVerificationError | None
    chain_error: ssl.SSLCertVerificationError | None = None
    shaken, host_error = await _try(encrypted, target, _context(ca_pem, names=True))
    if host_error is not None and host_error.verify_code not in _NAME_CODES:
        chain_error = host_error
    if shaken is None:
        shaken, _ = await _try(encrypted, target, _context(ca_pem, verify=False))
    if shaken is None:
        raise TlsRefused
    version, cipher, der = shaken
    certificate = x509.load_der_x509_certificate(der)
    return TlsFacts(
        version=version,
        cipher=cipher,
        authority="system" if ca_pem is None else "ca_pem",
        chain="verified" if chain_error is None else _TRUST_BY_CODE.get(chain_error.verify_code, "untrusted"),
        host_matches=host_error is None if chain_error is None else _names_host(certificate, target.host),
        subject=certificate.subject.rfc4514_string()[:200],
        issuer=certificate.issuer.rfc4514_string()[:200],
        names=tuple(_names(certificate)[:_MAX_NAMES]),
        not_after=certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        days_left=(certificate.not_valid_after_utc - datetime.now(UTC)).days,
        self_signed=certificate.subject == certificate.issuer,
    )


def session_context(credentials: SqlCredentials) -> ssl.SSLContext:
    """How a driver that uses Python's TLS verifies the server, by sslmode; with the host name as ``server_hostname``.

    `require` without ``ca_pem`` encrypts and verifies nothing; with it, the chain is verified, as libpq does.
    """
    return _session_context(credentials.sslmode, credentials.ca_pem)


def tls_refusal(error: ssl.SSLError) -> ConnectFailed:
    """What a failed handshake of such a context means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return CertificateForAnotherHost() if error.verify_code in _NAME_CODES else CertificateNotTrusted()
    return TlsRefused()


# Reading the public authorities takes milliseconds, which a connection in a call should not cost.
@functools.lru_cache(maxsize=64)
def _session_context(sslmode: SslMode, ca_pem: str | None) -> ssl.SSLContext:
    verify = sslmode != "require" or ca_pem is not None
    return _context(ca_pem, verify=verify, names=sslmode == "verify-full")


def nothing_more(reader: asyncio.StreamReader) -> bool:
    """Whether nothing is waiting to be read: bytes sent in the clear must not be taken for encrypted ones (CVE-2021-23222)."""
    buffered: bytearray = getattr(reader, "_buffer", bytearray())
    return not buffered


_Shaken = tuple[str, str, bytes]


async def _try(
    encrypted: Encrypted, target: CheckedAddress, context: ssl.SSLContext
) -> tuple[_Shaken | None, ssl.SSLCertVerificationError | None]:
    try:
        async with encrypted(target, context) as writer:
            tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
            der = tls.getpeercert(binary_form=True)
            cipher = tls.cipher()
            if der is None or cipher is None:
                raise TlsRefused
            return (tls.version() or "unknown", cipher[0], der), None
    except ssl.SSLCertVerificationError as error:
        return None, error
    except (ssl.SSLError, OSError, EOFError):
        raise TlsRefused from None


def _context(ca_pem: str | None, *, verify: bool = True, names: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = names and verify
    if not verify:
        context.verify_mode = ssl.CERT_NONE
    elif ca_pem is not None:
        context.load_verify_locations(cadata=ca_pem)
    else:
        context.load_verify_locations(cafile=system_ca_file())
    return context


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    addresses = [str(address) for address in alternatives.get_values_for_type(x509.IPAddress)]
    return [*alternatives.get_values_for_type(x509.DNSName), *addresses]


def _names_host(certificate: x509.Certificate, host: str) -> bool:
    """Whether the certificate names ``host``; only for the report on a certificate that is refused anyway."""
    wanted = host.lower()
    for name in _names(certificate):
        if name.lower() == wanted:
            return True
        head, _, rest = wanted.partition(".")
        if name.startswith("*.") and head and rest == name[2:].lower():
            return True
    return False
