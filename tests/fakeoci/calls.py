"""Calls of a fake cloud by the tests of ``mock_oci()``."""

from typing import Any

import httpx
import httpx2
import pytest

from fakeoci.api.service import Service

URL = "http://169.254.169.254/opc/v2/instance/shapeConfig/maxVnicAttachments"
BEARER = {"authorization": "Bearer Oracle"}
CORE = "https://iaas.us-ashburn-1.oraclecloud.com/20160918"
LIBRARIES = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])


def unsigned(service: Service) -> Service:
    service.world.settings.behaviour.verify_signatures = False
    service.world.settings.timing.latency_seconds = 0.0
    return service


def where(service: Service) -> dict[str, str]:
    return {"compartmentId": service.world.compartment_id}


def attach(service: Service, library: Any = httpx2) -> str:
    """Attach a VNIC; return the URL of its attachment."""
    answer = library.post(f"{CORE}/vnicAttachments", json=attachment(service))
    assert answer.json()["lifecycleState"] == "ATTACHING"
    return f"{CORE}/vnicAttachments/{answer.json()['id']}"


def attachment(service: Service) -> dict[str, Any]:
    instance = httpx2.get(f"{CORE}/instances", params=where(service)).json()[0]
    subnet = httpx2.get(f"{CORE}/subnets", params=where(service)).json()[0]
    return {
        "instanceId": instance["id"],
        "createVnicDetails": {"subnetId": subnet["id"]},
    }
