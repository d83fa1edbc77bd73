"""Replies that refuse, and what the log keeps of them."""

import json

from vcnd.linux.nft import KernelRefusedError
from vcnd.log import log
from vcnd.model.errors import BadRequestError, TryAgainError
from vcnd.serve.answers import failed, refused


def body(reply: bytes) -> dict[str, object]:
    first, _, text = reply.partition(b"\n")
    assert first.split() == [b"1", str(len(text)).encode()]
    found: dict[str, object] = json.loads(text)
    return found


def test_refusal_names_the_error_to_caller_and_log() -> None:
    with log.collected() as events:
        answer = body(refused(BadRequestError("no such thing"), "0.4.0"))
    assert (answer["cniVersion"], answer["msg"]) == ("0.4.0", "no such thing")
    assert [(e["event"], e["code"]) for e in events] == [("call_refused", 6)]


def test_kernels_refusal_is_no_defect() -> None:
    """The runtime may try again: the kernel had no memory, say."""
    error = KernelRefusedError("the kernel refused a step", details="ENOBUFS")
    assert body(refused(error))["code"] == TryAgainError.code


def test_defect_is_named_to_the_log_alone() -> None:
    with log.collected() as events:
        try:
            raise ZeroDivisionError("secret")
        except ZeroDivisionError:
            code, reply = failed("vcnd-policy")
    answer = body(reply)
    assert answer["code"] == code
    assert answer["msg"] == "vcnd-policy failed; see journalctl -u vcnd-policy"
    assert [e["event"] for e in events] == ["call_failed"]
