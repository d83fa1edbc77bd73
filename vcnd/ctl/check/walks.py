"""How each path is walked by a pod, and how its outcome is judged.  Pure."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address

import msgspec

from vcnd.model.check_report import PathName, PathResult, Verdict

PORT = 8080
KUBELET_PORT = 10250
LARGE_BYTES = 16_000
"""Of one page: packets of the full MTU, with jumbo frames, too."""
TRY_SECONDS = 5
TRIES = 3
"""A new Service or policy takes a moment."""
MOST_SHOWN = 120
"""Characters of a walk's output; a pod's last message has 4096 bytes."""
DENIED = {7, 28}
"""Exit codes of curl: no connection; it timed out."""


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """One path of the walker."""

    path: PathName
    command: str
    """For a shell; its last line of output counts."""
    expected: str | None = None
    """The output; None: any will do."""
    seen_as_self: bool = False
    """True if the output is the address and port that the other end saw."""
    refused: bool = False
    """True if it must not pass."""


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """What the walker reaches; empty: it does not try."""

    near: str
    """The address of the server on the walker's node."""
    far: str = ""
    """That of the server on the other node."""
    service: str = ""
    """The Service's address; its backend is the last server."""
    service_name: str = ""
    service_backend: str = ""
    """The name of the Service's pod."""
    own_node: str = ""
    other_node: str = ""
    outside: str = ""
    """A URL outside of the VCN."""
    allowed: str = ""
    """The address of a server that a policy lets the walker reach."""
    denied: str = ""
    """Of one that a policy keeps from it."""


def walks(to: Targets) -> Iterator[Walk]:
    """Yield the walks to all targets."""
    yield _page(PathName.SAME_NODE, to.near, "clientip", seen_as_self=True)
    largest = to.far or to.near
    page = f"echo?msg=$(head -c {LARGE_BYTES} /dev/zero | tr '\\0' x)"
    yield Walk(
        path=PathName.LARGE_PACKETS,
        command=f'{_curl(largest, "")}"{page}" | wc -c',
        expected=str(LARGE_BYTES),
    )
    if to.far:
        yield _page(PathName.CROSS_NODE, to.far, "clientip", seen_as_self=True)
    if to.service:
        yield _page(PathName.SERVICE, to.service, "clientip", seen_as_self=True)
    if to.service_name:
        yield _page(
            PathName.DNS, to.service_name, "hostname", expected=to.service_backend
        )
    yield Walk(
        path=PathName.API_SERVER,
        command=_connect('"$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT"'),
    )
    for path, node in (
        (PathName.TO_OWN_NODE, to.own_node),
        (PathName.TO_OTHER_NODE, to.other_node),
    ):
        if node:
            yield Walk(path=path, command=_connect_to_kubelet(node))
    if to.outside:
        url = shlex.quote(to.outside)
        command = f"curl -sS -m {TRY_SECONDS} -o /dev/null -w '%{{http_code}}' {url}"
        yield Walk(path=PathName.OUTSIDE, command=command)
    if to.allowed:
        yield _page(PathName.POLICY_ALLOWS, to.allowed, "clientip", seen_as_self=True)
    if to.denied:
        yield _page(PathName.POLICY_DENIES, to.denied, "clientip", refused=True)


def _page(path: PathName, host: str, page: str, **more: object) -> Walk:
    return Walk(path=path, command=_curl(host, page), **more)  # type: ignore[arg-type]


def _curl(host: str, page: str) -> str:
    # A proxy of the image's must not answer in the place of a pod.
    url = shlex.quote(f"http://{_host(host)}:{PORT}/{page}")
    return f"curl -sS -m {TRY_SECONDS} --noproxy '*' {url}"


def _connect(target: str) -> str:
    return f"/agnhost connect --timeout={TRY_SECONDS}s {target} && echo connected"


def _connect_to_kubelet(node: str) -> str:
    return _connect(shlex.quote(f"{_host(node)}:{KUBELET_PORT}"))


def _host(text: str) -> str:
    return f"[{text}]" if ":" in text else text


def script(some: Iterable[Walk]) -> str:
    """Return a shell's script that walks, and writes a line for each path.

    A line is ``path exit-code output``.
    """
    lines = [
        'try() { out=$(sh -c "$2" 2>&1); code=$?; }',
        "walk() {",
        f"  for turn in $(seq {TRIES}); do",
        '    try "$@"',
        # Refusals that are expected are tried again until they come.
        '    [ "$code" -eq 0 ] && [ "$3" = pass ] && break',
        '    [ "$code" -ne 0 ] && [ "$3" = refuse ] && break',
        "    sleep 1",
        "  done",
        f'  echo "$1 $code $(echo "$out" | tail -n 1 | cut -c 1-{MOST_SHOWN})"',
        "}",
        "{",
    ]
    for walk in some:
        aim = "refuse" if walk.refused else "pass"
        lines.append(f"walk {walk.path} {shlex.quote(walk.command)} {aim}")
    return "\n".join([*lines, "} > /dev/termination-log", ""])


def results(
    some: Sequence[Walk], message: str, addresses: Sequence[str]
) -> list[PathResult]:
    """Return what became of walks.

    Args:
        some: the walks.
        message: what the walker wrote.
        addresses: the walker's own.
    """
    written = dict(_lines(message))
    return [_judged(walk, written, addresses) for walk in some]


def _lines(message: str) -> Iterator[tuple[str, tuple[int, str]]]:
    for line in message.splitlines():
        path, _, rest = line.partition(" ")
        code, _, output = rest.partition(" ")
        if code.isdecimal():
            yield path, (int(code), output.strip())


def _judged(
    walk: Walk, written: Mapping[str, tuple[int, str]], addresses: Sequence[str]
) -> PathResult:
    found = written.get(walk.path)
    if found is None:
        return PathResult(
            path=walk.path, verdict=Verdict.FAILED, detail="the walker did not try it"
        )
    code, output = found
    good, detail = _outcome(walk, code, output, addresses)
    verdict = Verdict.OK if good else Verdict.FAILED
    return PathResult(path=walk.path, verdict=verdict, detail=detail)


def _outcome(
    walk: Walk, code: int, output: str, addresses: Sequence[str]
) -> tuple[bool, str]:
    if walk.refused:
        if code in DENIED:
            return True, "denied, as its policy wants"
        if code:
            return False, f"exit code {code}: {output}"
        return False, f"a policy denies it, and it passed: {output}"
    if code:
        return False, output or f"exit code {code}"
    if walk.seen_as_self:
        seen = _address(output)
        return seen in addresses, f"the other end saw {seen or output}"
    if walk.expected is not None and output != walk.expected:
        return False, f"{output or 'nothing'} came, not {walk.expected}"
    return True, output


def _address(peer: str) -> str:
    """Return the address of ``address:port``; empty if it is none."""
    return as_address(peer.rpartition(":")[0].strip("[]"))


def as_address(found: object) -> str:
    """Return what the API has as an address; empty if it is none.

    What else a Node's or a pod's status may have must not get into a shell.
    """
    try:
        return str(ip_address(str(found)))
    except ValueError:
        return ""
