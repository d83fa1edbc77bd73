"""Exchange of instance certificates and service-account tokens for tokens of OCI."""

import base64

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.requests import Request
from starlette.responses import Response

from fakeoci.api import signatures
from fakeoci.api.details.base import decode
from fakeoci.api.details.identity import FederationDetails, WorkloadDetails
from fakeoci.api.endpoint import Endpoint, json, target
from fakeoci.api.identity import not_authenticated
from fakeoci.api.signatures import Signed

HEAD, TAIL = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"


class Federate(Endpoint):
    """POST /v1/x509: exchanges an instance certificate for a token."""

    name = "Federate"

    def authenticate(self, request: Request, body: bytes) -> str:
        """Return the keyId of a request that the certificate's key signed.

        Raises:
            ServiceError: 401, the key did not sign it; 400, the body is malformed.
        """
        details = decode(body, FederationDetails)
        certificate = _certificate(details.certificate)
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise not_authenticated("the certificate has no RSA key")
        signed = Signed(request.headers)
        if "/fed-x509" not in signed.key_id:
            raise not_authenticated("keyId is not tenancy/fed-x509/fingerprint")
        signed.verify(
            method="POST",
            target=target(request),
            body=body,
            key=key,
            now=self.service.clock(),
            needed=signatures.FEDERATION_NEEDED,
        )
        return signed.key_id

    def carry_out(self, request: Request, body: bytes, principal: str) -> Response:
        """Return a token for the certificate's instance."""
        del request, principal
        details = decode(body, FederationDetails)
        public = _public_key(details.public_key)
        token = self.service.identities.federate(
            _certificate(details.certificate), public, self.service.clock()
        )
        return json(200, {"token": token}, {})


class WorkloadIdentity(Endpoint):
    """POST /resourcePrincipalSessionTokens: exchanges a service-account token.

    OKE has it at the API server's address, port 12250, over TLS.
    """

    name = "WorkloadIdentity"

    def authenticate(self, request: Request, body: bytes) -> str:
        """Return the bearer's token; ``carry_out`` verifies it."""
        del body
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer":
            raise not_authenticated("Authorization: Bearer TOKEN is required")
        return token

    def carry_out(self, request: Request, body: bytes, principal: str) -> Response:
        """Return base64 of a JSON document, in quotes that the Go SDK cuts off."""
        del request
        details = decode(body, WorkloadDetails)
        token = self.service.identities.workload(
            principal, _public_key(_bare(details.pod_key)), self.service.clock()
        )
        document = msgspec.json.encode({"token": f"ST${token}"})
        return json(200, base64.b64encode(document).decode(), {})


def _public_key(bare_pem: str) -> rsa.RSAPublicKey:
    try:
        public = serialization.load_der_public_key(_der(bare_pem))
    except ValueError as error:
        raise not_authenticated("the session key is malformed") from error
    if not isinstance(public, rsa.RSAPublicKey):
        raise not_authenticated("the session key is no RSA key")
    return public


def _bare(pem: str) -> str:
    """Return a PEM without its first and last line; only the Go SDK sends these."""
    inside = pem.strip().removeprefix(HEAD).removesuffix(TAIL)
    return "".join(inside.splitlines())


def _der(bare_pem: str) -> bytes:
    try:
        return base64.b64decode(bare_pem, validate=True)
    except ValueError as error:
        raise not_authenticated("a PEM is not base64") from error


def _certificate(bare_pem: str) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(_der(bare_pem))
    except ValueError as error:
        raise not_authenticated("the certificate is malformed") from error
