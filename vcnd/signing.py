"""Who signs the requests to OCI.  The daemon imports it before the first request."""

from collections.abc import Callable
from pathlib import Path

from vcnd.config import Config
from vcnd.ociapi.http import Principal
from vcnd.ociapi.identity import InstancePrincipal
from vcnd.ociapi.imds import Metadata
from vcnd.ociapi.meter import ApiMeter
from vcnd.ociapi.network import Client, new_client
from vcnd.ociapi.principals import (
    ACCOUNT,
    ApiKey,
    ResourcePrincipal,
    WorkloadIdentity,
)


def principal(
    config: Config,
    client: Client,
    metadata: Metadata,
    meter: ApiMeter,
    wall_clock: Callable[[], float],
    federation_url: str,
) -> Principal:
    """Return the principal that the configuration names.

    Args:
        config: names it.
        client: the HTTP client.
        metadata: has the instance's certificate.
        meter: counts the calls for tokens.
        wall_clock: Unix time.
        federation_url: where the instance gets its tokens.
    """
    match config.oci.principal:
        case "api_key":
            path = Path(config.oci.config_file).expanduser()
            return ApiKey.from_file(path, config.oci.profile, wall_clock)
        case "workload":
            return WorkloadIdentity(
                client=new_client(ca_file=ACCOUNT / "ca.crt"),
                url=WorkloadIdentity.url_here(),
                meter=meter,
                wall_clock=wall_clock,
            )
        case "resource":
            return ResourcePrincipal(wall_clock=wall_clock)
        case "instance":
            return InstancePrincipal(
                client=client,
                metadata=metadata,
                federation_url=federation_url,
                meter=meter,
                wall_clock=wall_clock,
            )
