"""Malformed answers, made from valid ones, like those that proxies send.

Each mutation has a name; ``POST /fake/v1/faults`` with kind ``garbled`` has it as
``how``.  The call itself is carried out.
"""

import base64
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import trio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

Headers = dict[str, bytes]

DRIP_SECONDS = 50.0
PAGE = b"<html><body>Sign in to the hotel's network</body></html>"
BOMB_BYTES = 50_000_000
HUGE_BYTES = 20_000_000


@dataclass(frozen=True, kw_only=True)
class Garbled:
    """An answer as it is sent."""

    body: bytes
    status: int = 200
    headers: Headers = field(default_factory=dict)
    pause_seconds: float = 0.0
    """The pause before each byte."""


class GarbledResponse(Response):
    """The response that sends a garbled answer."""

    def __init__(self, garbled: Garbled) -> None:
        super().__init__(status_code=garbled.status)
        self._garbled = garbled

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        answer = self._garbled
        headers = dict(answer.headers)
        if answer.status != 204:  # noqa: PLR2004 - No Content
            headers.setdefault("content-length", str(len(answer.body)).encode())
        raw = [(name.encode(), value) for name, value in headers.items()]
        await send(
            {"type": "http.response.start", "status": answer.status, "headers": raw}
        )
        if answer.pause_seconds:
            for byte in answer.body or b" ":
                await trio.sleep(answer.pause_seconds)
                piece = bytes([byte])
                await send(
                    {"type": "http.response.body", "body": piece, "more_body": True}
                )
            await send({"type": "http.response.body", "body": b""})
        else:
            await send({"type": "http.response.body", "body": answer.body})


def garble(how: str, *, status: int, headers: Headers, body: bytes) -> Garbled:
    """Return an answer changed by the mutation named ``how``."""
    kept = {k: v for k, v in headers.items() if k != "content-length"}
    return MUTATIONS[how](Garbled(body=body, status=status, headers=kept))


Mutation = Callable[[Garbled], Garbled]
Change = Callable[[Any], Any]


def _as(answer: Garbled, body: bytes, **changes: Any) -> Garbled:
    fields = {"status": 200, "headers": answer.headers, **changes}
    return Garbled(body=body, **fields)


def _bytes(body: bytes) -> Mutation:
    return lambda answer: _as(answer, body)


def _header(status: int | None = None, **headers: bytes) -> Mutation:
    def mutate(answer: Garbled) -> Garbled:
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        return _as(
            answer,
            answer.body,
            status=status or answer.status,
            headers={**answer.headers, **named},
        )

    return mutate


def _json(change: Change) -> Mutation:
    """Change the JSON document; a body that is not JSON becomes a string first."""

    def mutate(answer: Garbled) -> Garbled:
        try:
            document = json.loads(answer.body)
        except ValueError:
            document = answer.body.decode("utf-8", "replace")
        return _as(answer, json.dumps(change(document)).encode())

    return mutate


def _leaves(change: Change) -> Mutation:
    """Change each value of the document that is neither a list nor an object."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: walk(v) for k, v in value.items()}
        if isinstance(value, list):
            return [walk(v) for v in value]
        return change(value)

    return _json(walk)


def _objects(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Mutation:
    """Change each object of the document."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return change({k: walk(v) for k, v in value.items()})
        return [walk(v) for v in value] if isinstance(value, list) else value

    return _json(walk)


def _only(kind: type, become: Any) -> Mutation:
    """Replace all values of exactly one type: a boolean is no int here."""

    def change(value: Any) -> Any:
        return become if type(value) is kind else value

    return _leaves(change)


def _fields(**values: Any) -> Mutation:
    """Replace the values of fields in each object that has them."""

    def change(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, **{k: v for k, v in values.items() if k in body}}

    return _objects(change)


def _prefix(length: int) -> Mutation:
    def change(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "cidrPrefixLength": length} if "ipAddress" in body else body

    return _objects(change)


def _without(number: int) -> Mutation:
    def change(body: dict[str, Any]) -> dict[str, Any]:
        names = list(body)
        return {k: v for k, v in body.items() if k != names[number % len(names)]}

    return _objects(lambda body: change(body) if body else body)


def _inside(text: bytes) -> Mutation:
    """Insert bytes into the first string, or append them if there is none."""

    def mutate(answer: Garbled) -> Garbled:
        head, quote, tail = answer.body.partition(b': "')
        return _as(answer, head + quote + text + tail if quote else head + text)

    return mutate


def _token(claims: dict[str, Any]) -> Mutation:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return _fields(token=f"e30.{payload}.AAAA")


def _packed(answer: Garbled, body: bytes) -> Garbled:
    headers = {**answer.headers, "content-encoding": b"gzip"}
    return _as(answer, body, headers=headers)


MUTATIONS: dict[str, Mutation] = {
    "page": _bytes(PAGE),
    "empty": _bytes(b""),
    "no-content": lambda answer: _as(answer, b"", status=204),
    "braces": _bytes(b"{}"),
    "brackets": _bytes(b"[]"),
    "braces-in-brackets": _bytes(b"[{}]"),
    "null": _bytes(b"null"),
    "nulls": _bytes(b"[null, null]"),
    "number": _bytes(b"7"),
    "words": _bytes(b"OK"),
    "null-fields": _leaves(lambda _: None),
    "without-first-fields": _without(0),
    "without-second-fields": _without(1),
    "without-last-fields": _without(-1),
    "banana": _only(str, "banana"),
    "empty-strings": _only(str, ""),
    "nul-characters": _only(str, "\0"),
    "long-strings": _only(str, "x" * 70_000),
    "paths": _only(str, "../../../etc/passwd"),
    "numbers-for-strings": _only(str, 7),
    "strings-for-numbers": _only(int, "7"),
    "huge-numbers": _only(int, 10**30),
    "negative-numbers": _only(int, -1),
    "block-of-half-the-internet": _prefix(1),
    "block-that-begins-elsewhere": _prefix(16),
    "other-ocids": _fields(id="ocid1.other.oc1..a", vnicId="ocid1.other.oc1..b"),
    "unknown-states": _fields(lifecycleState="BANANA", status="BANANA"),
    "each-twice": _json(
        lambda body: [body, body] if not isinstance(body, list) else body * 2
    ),
    "truncated": lambda answer: _as(answer, answer.body[: len(answer.body) // 2]),
    "doubled": lambda answer: _as(answer, answer.body * 2),
    "invalid-utf-8": _inside(b"\xff\x80"),
    "half-a-surrogate": _inside(b"\\ud800"),
    "byte-order-mark": lambda answer: _as(answer, b"\xef\xbb\xbf" + answer.body),
    "nested-deep": _bytes(b"[" * 200_000),
    "nested-deep-inside": _bytes(b'{"more": ' + b"[" * 200_000),
    "gzip-bomb": lambda answer: _packed(answer, gzip.compress(b" " * BOMB_BYTES)),
    "gzip-that-is-none": lambda answer: _packed(answer, answer.body),
    "huge": lambda answer: _as(answer, answer.body + b" " * HUGE_BYTES),
    "drip": lambda answer: _as(answer, answer.body, pause_seconds=DRIP_SECONDS),
    "headers-of-bytes": _header(
        opc_request_id=b"\xff\xfe", etag=b"\x80", opc_work_request_id=b"\xff\xfe"
    ),
    "endless-pages": _header(opc_next_page=b"again"),
    "no-headers": lambda answer: _as(answer, answer.body, headers={}),
    "date-of-twenty-digits": _header(date=b"9" * 20),
    "refusal-with-such-a-date": _header(status=401, date=b"9" * 20),
    "refusal-of-bytes": lambda answer: _as(answer, b"\xff" * 100, status=500),
    "redirect": _header(status=302, location=b"http://[banana"),
    "token-without-end": _token({"sub": "x"}),
    "token-for-ever": _token({"exp": 10**15}),
    "token-that-ended": _token({"exp": 1}),
}
