"""The fake's certificates: its root's, its instances' and its servers'.

docs/oci.md#instance-principal has the parts that clients read of an instance's.
"""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from fakeoci.world.resources import Instance

LIFE = timedelta(days=3650)
SIGNS_CERTIFICATES = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


def pem(key: rsa.RSAPrivateKey) -> bytes:
    """Return a private key as PEM, in the form that OCI and its tools use."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """Return the certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """Return the private key as PEM."""
        return pem(self.key)


class Authority:
    """Issues the fake's certificates, and signs its tokens."""

    def __init__(self) -> None:
        # An elliptic curve, because an RSA key would cost each test 0.1 s.
        self.key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fakeoci root")])
        builder = _builder(name, name, self.key.public_key())
        builder = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        # Clients that check strictly (Python from 3.13 on) require these.
        self._key_identifier = x509.SubjectKeyIdentifier.from_public_key(
            self.key.public_key()
        )
        builder = builder.add_extension(self._key_identifier, critical=False)
        builder = builder.add_extension(SIGNS_CERTIFICATES, critical=True)
        self.root = builder.sign(self.key, hashes.SHA256())
        self._instances: dict[str, Certified] = {}

    def root_pem(self) -> bytes:
        """Return the certificate that issues the others (IMDS intermediate.pem)."""
        return self.root.public_bytes(serialization.Encoding.PEM)

    def instance(self, instance: Instance, tenancy_id: str) -> Certified:
        """Return an instance's certificate; the first call creates it."""
        held = self._instances.get(instance.id)
        if held is None:
            units = (
                "opc-certtype:instance",
                f"opc-compartment:{instance.compartment_id}",
                f"opc-instance:{instance.id}",
                f"opc-tenant:{tenancy_id}",
            )
            subject = x509.Name(
                [x509.NameAttribute(NameOID.COMMON_NAME, instance.id[-60:])]
                + [
                    # Longer than X.520 allows; OCI's own are too.
                    x509.NameAttribute(
                        NameOID.ORGANIZATIONAL_UNIT_NAME, unit, _validate=False
                    )
                    for unit in units
                ]
            )
            held = self._instances[instance.id] = self._issue(subject)
        return held

    def server(self, *names: str) -> Certified:
        """Return a certificate for a TLS listener at IP addresses and DNS names."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        return self._issue(
            subject, x509.SubjectAlternativeName([_general(n) for n in names])
        )

    def _issue(
        self, subject: x509.Name, *extensions: x509.SubjectAlternativeName
    ) -> Certified:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        builder = _builder(subject, self.root.subject, key.public_key())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
            self._key_identifier
        )
        for extension in (*extensions, issuer):
            builder = builder.add_extension(extension, critical=False)
        return Certified(builder.sign(self.key, hashes.SHA256()), key)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
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


def named_in(certificate: x509.Certificate, prefix: str) -> str | None:
    """Return the value with a prefix in an instance certificate's subject, or None."""
    oid = NameOID.ORGANIZATIONAL_UNIT_NAME
    for attribute in certificate.subject.get_attributes_for_oid(oid):
        value = str(attribute.value)
        if value.startswith(prefix):
            return value.removeprefix(prefix)
    return None
