"""TLS settings of a door."""

import ssl
import tempfile
from pathlib import Path

from fakeoci.api.certificates import Authority

LOCAL = ("localhost", "127.0.0.1", "::1")


def context(authority: Authority, *names: str) -> ssl.SSLContext:
    """Return TLS settings with a certificate for this machine and for more names.

    Args:
        authority: issues the certificate.
        names: further IP addresses and DNS names that clients use.
    """
    certified = authority.server(*dict.fromkeys((*LOCAL, *names)))
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # Faults are defined for HTTP/1.1: a reset ends one request and no other.
    made.set_alpn_protocols(["http/1.1"])
    # OpenSSL reads a certificate and its key from files alone.
    with tempfile.TemporaryDirectory(prefix="fakeoci-") as directory:
        file = Path(directory) / "server.pem"
        file.write_bytes(certified.key_pem + certified.certificate_pem)
        made.load_cert_chain(file)
    return made
