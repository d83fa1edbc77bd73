"""What a node's daemon needs, each taken away while a block runs."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import Enum
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import trio

from fakeoci.fabric import netns
from fakeoci.fabric.vcn import SERVICES
from integration.lab import traffic
from integration.lab.cloud import Cloud

HOST = "iaas.vcnd.test"
"""The name of OCI's endpoint, where a test has one."""
ALL_TIMES = 1_000_000
DROPPING = """
table inet outage {{
  chain out {{
    type filter hook output priority -300;
    ip daddr {address} tcp dport 80 drop;
  }}
}}
"""


@asynccontextmanager
async def faulty(
    cloud: Cloud, kind: str, *, seconds: float = 0.0
) -> AsyncIterator[None]:
    """Let all calls of OCI and IMDS fail.

    Args:
        cloud: whose calls.
        kind: a fault of the fake (``fakeoci.api.service.Fault``).
        seconds: how late an answer comes, of the kind ``slow``.
    """
    await cloud.fault(
        operation="*",
        kind=kind,
        status=503,
        code="ServiceUnavailable",
        seconds=seconds,
        times=ALL_TIMES,
    )
    try:
        yield
    finally:
        await cloud.clear_faults()


@contextmanager
def silent(node: str, address: str) -> Iterator[None]:
    """Drop a node's packets to the HTTP port of an address."""
    netns.nft(node, DROPPING.format(address=address))
    try:
        yield
    finally:
        netns.nft(node, "delete table inet outage\n")


class Answers(Enum):
    """What a resolver does."""

    GOOD = "good"
    FAILURE = "failure"
    """SERVFAIL."""
    NONE = "none"


class Resolver:
    """A node's resolver, which knows ``HOST``."""

    def __init__(self) -> None:
        self.answers = Answers.GOOD
        self.asked = 0

    async def serve(
        self,
        node: str,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Answer at 127.0.0.1 of a node, for ever."""
        with traffic.datagrams(node, "127.0.0.1", 53) as sock:
            task_status.started()
            while True:
                query, sender = await sock.recvfrom(4096)
                self.asked += 1
                if self.answers is not Answers.NONE:
                    await sock.sendto(self._answer(query), sender)

    def _answer(self, query: bytes) -> bytes:
        asked = dns.message.from_wire(query)
        response = dns.message.make_response(asked)
        response.flags |= dns.flags.RA
        question = asked.question[0]
        if self.answers is Answers.FAILURE:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif question.name.to_text() != f"{HOST}.":
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif question.rdtype == dns.rdatatype.A:
            response.answer.append(
                dns.rrset.from_text(question.name, 0, "IN", "A", SERVICES)
            )
        return response.to_wire()


@contextmanager
def resolv_conf(directory: Path) -> Iterator[None]:
    """Let all programs of this run ask the resolver at 127.0.0.1."""
    own, system = directory / "resolv.conf", Path("/etc/resolv.conf").resolve()
    own.write_text("nameserver 127.0.0.1\n")
    subprocess.run(["/bin/mount", "--bind", str(own), str(system)], check=True)
    try:
        yield
    finally:
        subprocess.run(["/bin/umount", "-l", str(system)], check=True)
