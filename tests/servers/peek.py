"""What certificate a PostgreSQL server serves, asked without verifying it."""

from __future__ import annotations

import socket
import ssl
import struct


def served_certificate(host: str, port: int) -> str:
    """The PEM certificate at the other end."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((host, port), timeout=10) as raw:
        raw.sendall(struct.pack("!ii", 8, 80877103))
        assert raw.recv(1) == b"S"
        with context.wrap_socket(raw, server_hostname=host) as secure:
            der = secure.getpeercert(binary_form=True)
            assert der is not None
            return ssl.DER_cert_to_PEM_cert(der)
