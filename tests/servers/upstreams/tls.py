"""TLS for the upstreams of tests."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

from tests.servers.certificates import Certificate


def server_context(certificate: Certificate) -> ssl.SSLContext:
    """What a server shows its certificate with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(prefix="pb-tls-") as directory:
        chain, key = Path(directory, "chain.pem"), Path(directory, "key.pem")
        chain.write_text(certificate.pem)
        key.write_text(certificate.key)
        context.load_cert_chain(chain, key)
    return context
