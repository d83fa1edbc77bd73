"""Requests that are malformed for any operation: bodies, headers, queries."""

from typing import Any

from tests.fakeoci.refusals import REFERENCE, SDK, Row, accepted

UNREADABLE = "API errors page: CannotParseRequest, the request is incorrectly formatted"
NOT_ESTABLISHED = "no source: OCI documents no answer"
JETTY = "oci-python-sdk issue 357: Bad Message 431, Request Header Fields Too Large"
RETRY_TOKEN = f"{REFERENCE}: opc-retry-token has 1 to 64 characters"

RENAMED = ("PUT /vcns/{main}", "PUT /vnics/{vnic}", "PUT /instances/{node1}")
WRITES = (
    *("POST /vcns", "PATCH /vcns/{main}", "POST /vnicAttachments", "POST /instances"),
    "POST /privateIps/actions/bulkCreatePrivateIps",
    "POST /networkSecurityGroups/{nsg}/actions/addSecurityRules",
)
UNREADABLE_BODIES: dict[str, bytes] = {
    "nothing": b"",
    "blanks": b"  \n",
    "half an object": b'{"displayName":',
    "two objects": b"{}{}",
    "NaN": b'{"displayName":NaN}',
    "infinity": b'{"displayName":-Infinity}',
    "a lone surrogate": b'{"displayName":"\\ud800 here"}',
    "a lone low surrogate": b'{"displayName":"\\udc00"}',
    "bytes that are not UTF-8": b'{"displayName":"\xff\xfe"}',
    "a surrogate in UTF-8": b'{"displayName":"\xed\xa0\x80"}',
    "UTF-16": '{"displayName":"x"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "lists without end": b"[" * 50_000,
    "a list in 50,000 others": b"[" * 50_000 + b"]" * 50_000,
    "50,000 objects": b'{"definedTags":' * 50_000 + b"1" + b"}" * 50_000,
    "nesting, with a null": b'{"x":null,"y":' + b"[" * 900 + b"]" * 900 + b"}",
    "nesting after text": b'{"displayName":"\\"[","y":' + b"[" * 101 + b"]" * 101,
}
WRONG_BODIES: dict[str, bytes] = {
    "null": b"null",
    "a list": b"[]",
    "text": b'"displayName"',
    "a number": b"5",
    "true": b"true",
    "a number of 5,000 digits": b'{"displayName":' + b"9" * 5000 + b"}",
    "a number out of range": b'{"displayName":1e999}',
    "an unknown field": b'{"nothingOfTheKind":1}',
    "an unknown field twice": b'{"nothing":1,"nothing":2}',
}
VCN = {"compartmentId": "{compartment}", "cidrBlocks": ["10.20.0.0/16"]}


def row(what: str, ask: str, answer: tuple[int, str], source: str, **more: Any) -> Row:
    return Row(what=what, ask=ask, answer=answer, source=source, **more)


ROWS: tuple[Row, ...] = (
    *(
        row(f"{ask}: {what}", ask, (400, "CannotParseRequest"), UNREADABLE, body=body)
        for ask in (*RENAMED, *WRITES)
        for what, body in UNREADABLE_BODIES.items()
        # A broken object may have another fault before the broken byte.
        if ask in RENAMED or not body.startswith(b"{")
    ),
    *(
        row(
            f"{ask}: {what}", ask, (400, "InvalidParameter"), NOT_ESTABLISHED, body=body
        )
        for ask in (*RENAMED[:1], *WRITES)
        for what, body in WRONG_BODIES.items()
    ),
    *(
        row(
            f"a body of {kind}",
            "POST /vcns",
            (415, "UnsupportedMediaType"),
            f"{SDK}: application/json; the answer is inferred from HTTP",
            body=VCN,
            headers={"content-type": kind},
        )
        for kind in ("text/plain", "application/x-www-form-urlencoded", "json", "")
    ),
    row(
        "JSON with a charset",
        "POST /vcns",
        (200, ""),
        SDK,
        body=VCN,
        headers={"content-type": "Application/JSON; charset=utf-8"},
    ),
    row(
        "a body beyond the limit",
        "POST /vcns",
        (413, "PayloadTooLarge"),
        NOT_ESTABLISHED,
        body=b'{"displayName":"' + b"n" * 1_048_576 + b'"}',
    ),
    *(
        row(
            f"a query of {size}",
            f"GET /vcns?compartmentId={{compartment}}&{name}={'x' * size}",
            answer,
            source,
        )
        for name in ("displayName", "page", "nothing")
        for size, answer, source in (
            (9_000, (431, "RequestHeaderFieldsTooLarge"), JETTY),
        )
    ),
    row(
        "a header beyond the limit",
        "POST /vcns",
        (431, "RequestHeaderFieldsTooLarge"),
        JETTY,
        body=VCN,
        headers={"opc-request-id": "x" * 9_000},
    ),
    *(
        row(
            f"a page token of {size}",
            f"GET /vcns?compartmentId={{compartment}}&page={character * size}",
            (400, "InvalidParameter"),
            REFERENCE,
        )
        for size in (3_999, 4_001, 7_000)
        for character in ("W", "A")
    ),
    *(
        row(
            f"a query of {again}",
            f"GET /vcns?compartmentId={{compartment}}&{again}",
            (400, "InvalidParameter"),
            NOT_ESTABLISHED,
        )
        for again in ("limit=5&limit=5", "compartmentId={tenancy}", "nothing&nothing")
    ),
    *(
        accepted(
            f"an unknown parameter {query}",
            f"GET /vcns?compartmentId={{compartment}}&{query}",
            source=NOT_ESTABLISHED,
        )
        for query in ("nothing=1", "%zz=%", "%ff=%ed%a0%80", "=", "&&&", "%00=%00")
    ),
    *(
        row(f"a VCN {ocid}", f"GET /vcns/{ocid}", (404, "NotAuthorizedOrNotFound"), SDK)
        for ocid in ("%zz", "%", "%00", "%ff%fe", "%ed%a0%80", "x" * 4_000, "%2e%2e")
    ),
    *(
        row(
            f"a retry token of {len(token)}",
            "POST /vcns",
            (400, "InvalidParameter"),
            RETRY_TOKEN,
            body=VCN,
            headers={"opc-retry-token": token},
        )
        for token in ("", "t" * 65, "t" * 4_000)
    ),
    *(
        row(
            f"a retry token {token!r}",
            "POST /vcns",
            (200, ""),
            RETRY_TOKEN,
            body=VCN,
            headers={"opc-retry-token": token},
        )
        for token in ("t" * 64, '"', "{}")
    ),
    *(
        row(
            f"{ask} where if-match is {etag[:20]!r}",
            ask,
            (412, "NoEtagMatch"),
            f"{SDK}: only if the etag you provide matches",
            body=body,
            headers={"if-match": etag},
        )
        for etag in ("", '"', "nothing", "*, *", "W/*", "e" * 4_000)
        for ask, body in (("PUT /vcns/{main}", {}), ("DELETE /vcns/{peer}", None))
    ),
)
