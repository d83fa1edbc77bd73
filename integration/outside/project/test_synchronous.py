"""Synchronous code."""

import http.client
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from faults import (
    BEARER,
    CASES,
    IMDS,
    Case,
    every_fault,
    every_library,
    judge,
    kinds,
    prepared,
)

import fakeoci
from fakeoci.api.service import Service
from fakeoci.mock import NetworkRefused, mock_oci


def test_the_wheel_is_what_is_tested() -> None:
    assert "site-packages" in str(fakeoci.__file__)


def test_no_kind_of_fault_is_left_out() -> None:
    assert kinds() == {case.fault["kind"] for case in CASES}


@every_library
@every_fault
def test_faults(library: Any, case: Case) -> None:
    with mock_oci() as service, library.Client(timeout=case.patience) as client:
        try:
            outcome = client.request(**prepared(service, case))
        except library.HTTPError as error:
            outcome = error
        judge(service, case, outcome)


@every_library
@mock_oci()
def test_decorated(library: Any) -> None:
    assert library.get(IMDS, headers=BEARER).status_code == 200


@pytest.fixture
def cloud() -> Iterator[Service]:
    with mock_oci(virtual_time=True) as service:
        yield service


@every_library
def test_in_a_fixture(library: Any, cloud: Service) -> None:
    assert library.request(**prepared(cloud)).status_code == 200


@pytest.mark.parametrize("url", [IMDS, "https://iaas.us-ashburn-1.oraclecloud.com/"])
@mock_oci()
def test_requests_is_refused(url: str) -> None:
    with pytest.raises(NetworkRefused, match="answers httpx and httpx2"):
        requests.get(url, timeout=5)


@mock_oci()
def test_the_standard_library_is_refused() -> None:
    with pytest.raises(NetworkRefused):
        urllib.request.urlopen(IMDS)  # noqa: S310
    with pytest.raises(NetworkRefused):
        http.client.HTTPSConnection("iaas.us-ashburn-1.oraclecloud.com").connect()
