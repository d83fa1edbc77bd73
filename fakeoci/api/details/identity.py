"""Request bodies by which instances and pods ask for a token."""

from fakeoci.api.details.base import Details


class FederationDetails(Details, kw_only=True):
    """POST /v1/x509."""

    certificate: str
    public_key: str
    intermediate_certificates: list[str] = []
    purpose: str | None = None
    fingerprint_algorithm: str | None = None


class WorkloadDetails(Details, kw_only=True):
    """POST /resourcePrincipalSessionTokens."""

    pod_key: str
