"""An API key that a served fake knows, and the configuration that uses it."""

import hashlib
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from fakeoci.api.certificates import pem
from fakeoci.api.service import Service

USER = "ocid1.user.oc1..aaaaaaaafakeociuser"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A user's API key."""

    key: rsa.RSAPrivateKey

    @property
    def pem(self) -> str:
        """Return the private key."""
        return pem(self.key).decode()

    @property
    def fingerprint(self) -> str:
        """Return the MD5 of the public key, as OCI's console shows it."""
        der = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.md5(der, usedforsecurity=False).digest().hex(":")

    def introduce(self, service: Service) -> dict[str, str]:
        """Register the key with a fake; return the fields of ``oci.config``.

        The private key itself is left out: ``key_content`` or ``key_file``.
        """
        tenancy = service.world.tenancy_id
        service.identities.add_api_key(
            f"{tenancy}/{USER}/{self.fingerprint}", self.key.public_key()
        )
        return {
            "user": USER,
            "fingerprint": self.fingerprint,
            "tenancy": tenancy,
            "region": service.world.region,
        }


@cache
def api_key() -> ApiKey:
    """Return this process's key; making it takes a tenth of a second."""
    return ApiKey(rsa.generate_private_key(public_exponent=65537, key_size=2048))
