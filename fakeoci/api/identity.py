"""Principals: users' API keys, and tokens for instances, workloads and resources.

A token is a JWT that the fake signs.  The fake keeps its session's public key to verify
later requests that are signed with it (docs/oci.md#instance-principal).
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from fakeoci.api.certificates import Authority, Certified, named_in
from fakeoci.world.errors import ServiceError
from fakeoci.world.resources import Instance
from fakeoci.world.world import World


def not_authenticated(why: str) -> ServiceError:
    """Return 401; its reason helps the fake's users, OCI's text has none."""
    return ServiceError(
        401,
        "NotAuthenticated",
        "The required information to complete authentication was not provided or was"
        f" incorrect: {why}",
    )


@dataclass(frozen=True, slots=True)
class Session:
    """A session: its principal, key and end (Unix time)."""

    principal: str
    key: rsa.RSAPublicKey
    expires: float


class Identities:
    """Issues certificates and tokens, and finds the principal of a signature."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.authority = Authority()
        self._sessions: dict[str, Session] = {}
        self._api_keys: dict[str, rsa.RSAPublicKey] = {}
        self._clusters: dict[str, rsa.RSAPublicKey] = {}

    def add_api_key(self, key_id: str, key: rsa.RSAPublicKey) -> None:
        """Accept signatures with a key under the keyId ``tenancy/user/fingerprint``."""
        self._api_keys[key_id] = key

    def add_cluster(self, cluster_id: str, key: rsa.RSAPublicKey) -> None:
        """Accept service-account tokens that a Kubernetes cluster signs with a key."""
        self._clusters[cluster_id] = key

    def certified(self, instance: Instance) -> Certified:
        """Return an instance's certificate."""
        return self.authority.instance(instance, self._world.tenancy_id)

    # Tokens

    def federate(
        self, certificate: x509.Certificate, public_key: rsa.RSAPublicKey, now: float
    ) -> str:
        """Return a token for the instance that a certificate names.

        Raises:
            ServiceError: 401, the certificate is not the fake's, or its instance is
                not RUNNING.
        """
        try:
            certificate.verify_directly_issued_by(self.authority.root)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise not_authenticated("the certificate is not of this cloud") from error
        principal = named_in(certificate, "opc-instance:") or ""
        instance = self._world.objects.get(principal)
        if not isinstance(instance, Instance) or instance.lifecycle_state != "RUNNING":
            raise not_authenticated("the instance is not running")
        return self._token(principal, public_key, now, {"ptype": "instance"})

    def workload(
        self, account_token: str, public_key: rsa.RSAPublicKey, now: float
    ) -> str:
        """Return a token for the pod that has a service-account token.

        docs/oci.md#oke-workload-identity describes the exchange.

        Raises:
            ServiceError: 401, no known cluster signed it, or it has expired.
        """
        for cluster_id, key in self._clusters.items():
            claims = _verified(account_token, key)
            if claims is None:
                continue
            if claims.get("exp", 0) <= now:
                raise not_authenticated("the service account's token has expired")
            claim = claims.get("kubernetes.io", {})
            account = claim.get("serviceaccount", {}).get("name", "")
            principal = f"workload/{cluster_id}/{claim.get('namespace', '')}/{account}"
            # The Go SDK reads the tenancy from the token.
            own = {"ptype": "workload", "res_tenant": self._world.tenancy_id}
            return self._token(principal, public_key, now, own)
        raise not_authenticated("no cluster known here signed that token")

    def resource(
        self, resource_id: str, public_key: rsa.RSAPublicKey, now: float
    ) -> str:
        """Return a resource's token, version 2.2 (docs/oci.md#resource-principal)."""
        world = self._world
        claims = {
            "ptype": "resource",
            "res_id": resource_id,
            "res_tenant": world.tenancy_id,
            "res_compartment": world.compartment_id,
        }
        return self._token(resource_id, public_key, now, claims)

    def _token(
        self,
        principal: str,
        public_key: rsa.RSAPublicKey,
        now: float,
        own: Mapping[str, str],
    ) -> str:
        expires = now + self._world.settings.timing.token_seconds
        claims = {
            "sub": principal,
            "iss": "authService.oracle.com",
            "tenant": self._world.tenancy_id,
            "iat": int(now),
            "exp": int(expires),
            "jti": self._world.names.segment(),
            **own,
        }
        parts = [_b64({"alg": "ES256", "kid": "fakeoci"}), _b64(claims)]
        signature = self.authority.key.sign(
            ".".join(parts).encode(), ec.ECDSA(hashes.SHA256())
        )
        encoded = base64.urlsafe_b64encode(signature).decode().rstrip("=")
        token = ".".join([*parts, encoded])
        self._sessions[token] = Session(principal, public_key, expires)
        return token

    def key_of(self, key_id: str, now: float) -> tuple[str, rsa.RSAPublicKey]:
        """Return the principal and public key of a signature's keyId.

        Raises:
            ServiceError: 401, the keyId is unknown or its token has expired.
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
        """Make all tokens that were issued so far invalid."""
        self._sessions.clear()


def _verified(token: str, key: rsa.RSAPublicKey) -> dict[str, Any] | None:
    """Return the claims of a JWT (RS256), or None if the key did not sign it."""
    signed, _, signature = token.rpartition(".")
    try:
        key.verify(
            _from_b64(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
        claims = json.loads(_from_b64(signed.split(".")[1]))
    except (InvalidSignature, ValueError, IndexError):
        return None
    return claims if isinstance(claims, dict) else None


def _b64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _from_b64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
