"""What a door needs to speak TLS."""

import ssl
import tempfile
from pathlib import Path

from fakeoci.api.certificates import Authority

LOCAL = ("localhost", "127.0.0.1", "::1")


def context(authority: Authority, *names: str) -> ssl.SSLContext:
    """Return TLS settings with a certificate for this machine and for more names.

    Args:
        authority: issues the certificate.
        names: IP addresses and DNS names by which clients come, too.
    """
    certified = authority.server(*dict.fromkeys((*LOCAL, *names)))
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # Faults are defined for HTTP/1.1: a reset ends one request, not those beside it.
    made.set_alpn_protocols(["http/1.1"])
    # OpenSSL reads a certificate and its key from files alone.
    with tempfile.TemporaryDirectory(prefix="fakeoci-") as directory:
        file = Path(directory) / "server.pem"
        file.write_bytes(certified.key_pem + certified.certificate_pem)
        made.load_cert_chain(file)
    return made
