"""A Kubernetes cluster that signs service-account tokens."""

import base64
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa


def account_token(key: rsa.RSAPrivateKey, expires: float) -> str:
    """Return a token of kube-system's account vcnd that ends at a Unix time."""
    grants = {
        "exp": expires,
        "kubernetes.io": {
            "namespace": "kube-system",
            "serviceaccount": {"name": "vcnd"},
        },
    }
    parts = [
        base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=")
        for p in ({"alg": "RS256"}, grants)
    ]
    signature = key.sign(".".join(parts).encode(), padding.PKCS1v15(), hashes.SHA256())
    return ".".join([*parts, base64.urlsafe_b64encode(signature).decode().rstrip("=")])
