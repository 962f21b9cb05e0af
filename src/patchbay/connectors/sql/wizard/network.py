"""From the credentials to an encrypted connection: credentials, address, reachable, tls."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec

from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.refusals import CertificateForAnotherHost, CertificateNotTrusted, ConnectionUnreachable
from patchbay.connectors.sql.tls import TlsFacts, probe_tls
from patchbay.connectors.sql.wizard.checks import Examination, Verdict, milliseconds
from patchbay.errors import ValidationFailed

EXPIRY_WARNING_DAYS = 14


async def credentials(examination: Examination[Any]) -> Verdict:
    """They are complete and can be used as they are."""
    try:
        examination.credentials = parse_sql_credentials(examination.kind, examination.raw)
    except ValidationFailed as error:
        first = error.errors[0]
        return Verdict(
            "failed",
            f"{first.field}: {first.message}",
            first.hint or "Correct the credentials and test again.",
            {"code": error.code, "errors": [msgspec.to_builtins(finding) for finding in error.errors]},
        )
    return Verdict("passed", "The credentials are complete.", facts={"sslmode": examination.known.sslmode})


async def address(examination: Examination[Any]) -> Verdict:
    """The host is one that may be connected to."""
    known = examination.known
    examination.target = await examination.guard.check(known.host, known.port)
    return Verdict("passed", "The host may be connected to.", facts={"host": examination.target.host, "port": known.port})


async def reachable(examination: Examination[Any]) -> Verdict:
    """Something accepts a connection there."""
    target = examination.checked
    started = time.perf_counter()
    try:
        _, writer = await asyncio.open_connection(target.address, target.port)
    except OSError:
        raise ConnectionUnreachable from None
    elapsed = milliseconds(time.perf_counter() - started)
    writer.transport.abort()
    return Verdict("passed", f"The port answers in {elapsed:.0f} ms.", facts={"connectMs": elapsed})


async def tls(examination: Examination[Any]) -> Verdict:
    """The server encrypts, and is who it says as far as sslmode asks."""
    known = examination.known
    facts = await probe_tls(examination.checked, known.ca_pem, examination.encrypted)
    shown = msgspec.to_builtins(facts)
    verified = facts.chain == "verified"
    chain_matters = known.sslmode != "require" or known.ca_pem is not None
    if chain_matters and not verified:
        return Verdict("failed", *_distrust(facts), shown)
    if known.sslmode == "verify-full" and not facts.host_matches:
        refusal = CertificateForAnotherHost()
        return Verdict("failed", refusal.detail, refusal.hint, shown)
    if facts.chain == "expired" or facts.days_left < 0:
        return Verdict("warning", "The server's certificate has expired.", "Renew it; then use verify-full.", shown)
    if facts.days_left < EXPIRY_WARNING_DAYS:
        return Verdict(
            "warning",
            f"The server's certificate expires in {facts.days_left} days.",
            "Renew it in time: every call fails from that moment on.",
            shown,
        )
    if not chain_matters:
        would_do = verified and facts.host_matches
        return Verdict(
            "warning",
            "The connection is encrypted, but sslmode require does not verify who the server is.",
            "Use verify-full: it would work as it is." if would_do else "Use verify-full with the server's ca_pem.",
            shown,
        )
    return Verdict("passed", f"{facts.version}, verified; the certificate is good for {facts.days_left} days.", facts=shown)


def _distrust(facts: TlsFacts) -> tuple[str, str]:
    if facts.chain == "expired":
        return "The server's certificate (or one it depends on) has expired.", "Renew the certificate on the server."
    if facts.chain == "not_yet_valid":
        return "The server's certificate is not valid yet.", "Check the server's certificate and both clocks."
    refusal = CertificateNotTrusted()
    if facts.authority == "system":
        return (
            "The server's certificate does not lead to a public certificate authority.",
            "Give the authority that signed it as ca_pem (managed databases offer it for download).",
        )
    return refusal.detail, "Give the authority that signed the server's certificate as ca_pem; this one did not."
