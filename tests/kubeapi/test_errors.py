"""Refusals of the API server, as causes for the flows."""

import pytest

from vcnd.kubeapi.errors import BadAnswerError, KubeError, refusal
from vcnd.model.cause import Cause


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (KubeError("GET /"), Cause.UNREACHABLE),
        (BadAnswerError("GET /"), Cause.BAD_ANSWER),
        (refusal("GET /", 401, "Unauthorized", ""), Cause.NOT_AUTHENTICATED),
        (refusal("GET /", 403, "Forbidden", ""), Cause.NOT_AUTHORIZED),
        (refusal("GET /", 404, "NotFound", ""), Cause.NOT_FOUND),
        (refusal("GET /", 409, "Conflict", ""), Cause.BUSY),
        (refusal("GET /", 422, "Invalid", ""), Cause.REFUSED),
        (refusal("GET /", 429, "TooManyRequests", ""), Cause.THROTTLED),
        (refusal("GET /", 504, "Timeout", ""), Cause.SERVER_ERROR),
    ],
)
def test_causes(error: KubeError, cause: Cause) -> None:
    assert error.cause is cause
