"""Who may use the console: other sites, other names and forms may not."""

import pytest

from fakeoci.console.guard import CHANGE_HEADER, hosts, refusal

OWN = hosts(8090)
HOST = {"host": "127.0.0.1:8090"}
CHANGE = {**HOST, CHANGE_HEADER: "1"}


@pytest.mark.parametrize("host", ["127.0.0.1:8090", "localhost:8090", "[::1]:8090"])
def test_own_page_may_read_and_change(host: str) -> None:
    own = {"host": host, "origin": f"http://{host}", "sec-fetch-site": "same-origin"}
    assert refusal("GET", "/feed", own, OWN) == ""
    assert refusal("POST", "/faults/on", {**own, CHANGE_HEADER: "1"}, OWN) == ""


@pytest.mark.parametrize(
    "host", ["", "evil.example:8090", "127.0.0.1", "127.0.0.1:8091", "10.0.0.2:8090"]
)
def test_another_name_is_refused(host: str) -> None:
    """A name of another site may resolve to this machine (DNS rebinding)."""
    for method, path in (("GET", "/"), ("GET", "/feed"), ("POST", "/faults/on")):
        assert "Host" in refusal(method, path, {**CHANGE, "host": host}, OWN)


@pytest.mark.parametrize(
    "theirs",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:8090"},  # not the Host of this request
        {"origin": "https://127.0.0.1:8090"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},  # another port of this machine
    ],
)
def test_another_site_is_refused(theirs: dict[str, str]) -> None:
    for method, path in (("GET", "/feed"), ("POST", "/faults/on"), ("POST", "/")):
        assert "another site" in refusal(method, path, {**CHANGE, **theirs}, OWN)


def test_link_on_another_site_may_open_the_page() -> None:
    followed = {**HOST, "sec-fetch-site": "cross-site"}
    assert refusal("GET", "/", followed, OWN) == ""
    assert refusal("GET", "/main.js", followed, OWN) != ""


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_change_without_the_header_is_refused(method: str) -> None:
    """A form can send a body, but no header of its own."""
    assert CHANGE_HEADER in refusal(method, "/faults/on", HOST, OWN)
