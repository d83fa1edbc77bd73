"""Host and port of a text."""

import pytest

from vcnd.model.endpoint import split


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:9465", ("127.0.0.1", 9465)),
        ("[::1]:1", ("::1", 1)),
        ("localhost:65535", ("localhost", 65535)),
    ],
)
def test_an_endpoint_has_host_and_port(text: str, expected: tuple[str, int]) -> None:
    assert split(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", ":9465", "9465", "::1:9465", "[]:9465", "[127.0.0.1]:9465", "[::1:9"),
        *("a:", "a:0", "a:65536", "a:x", "a:-1", "a:٣"),
    ],
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="has no"):
        split(text)
