"""Keys that sign nothing: a signature takes longer than all else of a call."""

from collections.abc import Callable
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric import rsa

from fakeoci.api.service import Service
from vcnd.ociapi.http import Principal
from vcnd.ociapi.principals import ApiKey


class _Key:
    """Signs with nothing, and finds every signature right."""

    def sign(self, *_: Any) -> bytes:
        return b"signed"

    def verify(self, *_: Any) -> None:
        pass


def user_of(number: int) -> str:
    """Return the OCID of the user that a node's daemon signs as."""
    return f"ocid1.user.oc1..node{number}"


def principal(
    service: Service, number: int, wall_clock: Callable[[], float]
) -> Callable[[str], Principal]:
    """Return the maker of a node's principal.

    All but the signature is checked, so a wrong clock is refused.
    """
    key_id = f"ocid1.tenancy.oc1..sim/{user_of(number)}/00:11"
    service.identities.add_api_key(key_id, cast(rsa.RSAPublicKey, _Key()))
    key = cast(rsa.RSAPrivateKey, _Key())
    fixed = ApiKey(key_id=key_id, key=key, wall_clock=wall_clock)
    return lambda _federation_url: fixed
