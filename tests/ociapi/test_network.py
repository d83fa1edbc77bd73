"""A request on its way to the network."""

from vcnd.ociapi.network import Request, place_of


def test_representation_of_a_request_has_no_secret() -> None:
    request = Request(
        operation="GetVnic",
        method="GET",
        place=place_of("https://iaas.example.com/20160918/vnics/a?b=c%20d"),
        headers={"authorization": "Signature secret"},
        body=b"secret",
    )
    assert repr(request) == "Request(GetVnic)"


def test_place_has_what_is_sent_and_signed() -> None:
    place = place_of("http://127.0.0.1:8080/20160918/vnics/a?b=c%20d")
    assert (place.host, place.target) == (
        "127.0.0.1:8080",
        "/20160918/vnics/a?b=c%20d",
    )
