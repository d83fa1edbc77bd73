"""Who may speak: instance certificates, federation tokens, API keys (oci.md §5)."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from fakeoci.world.errors import ServiceError
from fakeoci.world.nouns import Instance
from fakeoci.world.world import World

LIFE = timedelta(days=3650)


def not_authenticated(why: str) -> ServiceError:
    """Return 401; the reason helps whoever runs the fake, OCI's own is terser."""
    return ServiceError(
        401,
        "NotAuthenticated",
        "The required information to complete authentication was not provided or was"
        f" incorrect: {why}",
    )


@dataclass(frozen=True, slots=True)
class Certified:
    """An instance's certificate and key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """Return the certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """Return the private key."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )


@dataclass(frozen=True, slots=True)
class Session:
    """A federated session: its principal, key and end (Unix time)."""

    principal: str
    key: rsa.RSAPublicKey
    expires: float


class Identities:
    """Issues certificates and tokens, and knows whose signature is whose."""

    def __init__(self, world: World) -> None:
        self._world = world
        # Elliptic: an RSA key takes a tenth of a second to make, in every test.
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fakeoci root")])
        builder = _certificate(name, name, self._key.public_key())
        builder = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.root = builder.sign(self._key, hashes.SHA256())
        self._certified: dict[str, Certified] = {}
        self._sessions: dict[str, Session] = {}
        self._api_keys: dict[str, rsa.RSAPublicKey] = {}

    def root_pem(self) -> bytes:
        """Return the certificate that issues the instances' (IMDS intermediate.pem)."""
        return self.root.public_bytes(serialization.Encoding.PEM)

    def add_api_key(self, key_id: str, key: rsa.RSAPublicKey) -> None:
        """Accept ``tenancy/user/fingerprint`` with this key."""
        self._api_keys[key_id] = key

    def certified(self, instance: Instance) -> Certified:
        """Return an instance's certificate, made the first time."""
        held = self._certified.get(instance.id)
        if held is None:
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            units = (
                "opc-certtype:instance",
                f"opc-compartment:{instance.compartment_id}",
                f"opc-instance:{instance.id}",
                f"opc-tenant:{self._world.tenancy_id}",
            )
            subject = x509.Name(
                [x509.NameAttribute(NameOID.COMMON_NAME, instance.id[-60:])]
                + [
                    # Longer than X.520 has it; so are OCI's own.
                    x509.NameAttribute(
                        NameOID.ORGANIZATIONAL_UNIT_NAME, unit, _validate=False
                    )
                    for unit in units
                ]
            )
            builder = _certificate(subject, self.root.subject, key.public_key())
            certificate = builder.sign(self._key, hashes.SHA256())
            held = self._certified[instance.id] = Certified(certificate, key)
        return held

    def federate(
        self, certificate: x509.Certificate, public_key: rsa.RSAPublicKey, now: float
    ) -> str:
        """Return a token for the instance that a certificate names.

        Raises:
            ServiceError: 401, the certificate is not ours or its instance is gone.
        """
        try:
            certificate.verify_directly_issued_by(self.root)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise not_authenticated("the certificate is not of this cloud") from error
        principal = _named_in(certificate, "opc-instance:")
        instance = self._world.objects.get(principal)
        if not isinstance(instance, Instance) or instance.lifecycle_state != "RUNNING":
            raise not_authenticated("the instance is not running")
        expires = now + self._world.settings.timing.token_seconds
        claims = {
            "sub": principal,
            "iss": "authService.oracle.com",
            "ptype": "instance",
            "tenant": self._world.tenancy_id,
            "iat": int(now),
            "exp": int(expires),
            "jti": self._world.names.segment(),
        }
        parts = [_b64({"alg": "ES256", "kid": "fakeoci"}), _b64(claims)]
        signature = self._key.sign(".".join(parts).encode(), ec.ECDSA(hashes.SHA256()))
        token = ".".join(
            [*parts, base64.urlsafe_b64encode(signature).decode().rstrip("=")]
        )
        self._sessions[token] = Session(principal, public_key, expires)
        return token

    def key_of(self, key_id: str, now: float) -> tuple[str, rsa.RSAPublicKey]:
        """Return the principal and public key behind a signature's keyId.

        Raises:
            ServiceError: 401, unknown or expired.
        """
        if key_id.startswith("ST$"):
            session = self._sessions.get(key_id[3:])
            if session is None:
                raise not_authenticated("unknown token")
            if now >= session.expires:
                raise not_authenticated("the token has expired")
            return session.principal, session.key
        if key_id in self._api_keys:
            return key_id.split("/")[1], self._api_keys[key_id]
        raise not_authenticated("unknown keyId")

    def expire_tokens(self) -> None:
        """Let no token of before count any more."""
        self._sessions.clear()


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
) -> x509.CertificateBuilder:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + LIFE)
    )


def _named_in(certificate: x509.Certificate, prefix: str) -> str:
    oid = NameOID.ORGANIZATIONAL_UNIT_NAME
    for attribute in certificate.subject.get_attributes_for_oid(oid):
        value = str(attribute.value)
        if value.startswith(prefix):
            return value.removeprefix(prefix)
    raise not_authenticated(f"the certificate's subject has no {prefix}")


def _b64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
