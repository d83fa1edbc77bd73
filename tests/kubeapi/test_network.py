"""What a request to the API server says."""

from vcnd.kubeapi.network import Request


def test_representation_of_a_request_has_no_secret() -> None:
    request = Request(
        method="POST",
        server="https://api:6443",
        path="/api/v1/events",
        query={},
        headers={"authorization": "Bearer token"},
        body=b"secret",
    )
    assert repr(request) == "Request(POST /api/v1/events)"
