"""Questions of vcndctl are read, or refused."""

import pytest

from vcnd.model.errors import BadRequestError
from vcnd.model.pod_explained import PodQuestion
from vcnd.serve.questions import asked


def test_question_is_read() -> None:
    assert asked(b'{"pod":"a/b","later":1}', PodQuestion) == PodQuestion(pod="a/b")


@pytest.mark.parametrize("data", [b"", b"{}", b'{"pod":7}', b"\xff", b"[" * 99_999])
def test_malformed_question_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequestError, match="cannot be read"):
        asked(data, PodQuestion)
