"""The verdict on each error of OCI."""

import pytest

from vcnd.model.cause import Cause
from vcnd.model.errors import (
    CloudError,
    CloudFullError,
    CloudGoneError,
    CloudRefusedError,
)
from vcnd.ociapi.errors import OciError, Verdict


def refusal(status: int, code: str) -> OciError:
    return OciError(
        operation="AttachVnic",
        status=status,
        code=code,
        message="no",
        request_id="ABC",
    )


@pytest.mark.parametrize(
    ("status", "code", "verdict"),
    [
        (400, "InvalidParameter", Verdict.REFUSED),
        (400, "LimitExceeded", Verdict.FULL),
        (400, "QuotaExceeded", Verdict.FULL),
        (400, "RelatedResourceNotAuthorizedOrNotFound", Verdict.GONE),
        (401, "NotAuthenticated", Verdict.IDENTIFY),
        (403, "NotAuthorized", Verdict.REFUSED),
        (404, "NotAuthorizedOrNotFound", Verdict.GONE),
        (409, "Conflict", Verdict.WAIT),
        (409, "IncorrectState", Verdict.WAIT),
        (409, "InvalidatedRetryToken", Verdict.REFUSED),
        (412, "NoEtagMatch", Verdict.REFUSED),
        (429, "TooManyRequests", Verdict.RETRY),
        (500, "InternalServerError", Verdict.RETRY),
        (501, "MethodNotImplemented", Verdict.REFUSED),
        (502, "", Verdict.RETRY),
        (503, "ServiceUnavailable", Verdict.RETRY),
    ],
)
def test_verdicts(status: int, code: str, verdict: Verdict) -> None:
    assert refusal(status, code).verdict is verdict


@pytest.mark.parametrize(
    ("status", "code", "kind", "cause"),
    [
        (400, "LimitExceeded", CloudFullError, Cause.LIMIT_REACHED),
        (400, "QuotaExceeded", CloudFullError, Cause.QUOTA_EXCEEDED),
        (404, "NotAuthorizedOrNotFound", CloudGoneError, Cause.NOT_FOUND),
        (400, "InvalidParameter", CloudRefusedError, Cause.REFUSED),
        (403, "NotAllowed", CloudRefusedError, Cause.NOT_AUTHORIZED),
        (401, "NotAuthenticated", CloudError, Cause.NOT_AUTHENTICATED),
        (409, "IncorrectState", CloudError, Cause.BUSY),
        (429, "TooManyRequests", CloudError, Cause.THROTTLED),
        (500, "InternalServerError", CloudError, Cause.SERVER_ERROR),
    ],
)
def test_refusal_becomes_a_cloud_error(
    status: int, code: str, kind: type[CloudError], cause: Cause
) -> None:
    error = refusal(status, code).as_cloud_error()
    assert type(error) is kind
    assert error.cause is cause
    assert "opc-request-id ABC" in str(error)
