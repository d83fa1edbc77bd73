"""I12: a bundle has no secret, whatever form it has, and keeps all else."""

import base64
import time

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from integration import leaks
from sim.cloud import signing_key
from vcnd.ctl.bundle.scrub import REMOVED, scrub, scrub_forms

JWT = b"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJlc2lnbmF0dXJl"
PEM: bytes = signing_key().private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
)
DER: bytes = signing_key().private_bytes(
    Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
)
FORMS = {
    "PEM": PEM,
    "PEM in JSON": b'{"key": "' + PEM.replace(b"\n", b"\\n") + b'"}',
    "PEM whose end is missing": PEM[:-200],
    "PEM whose begin is missing": PEM[200:],
    "DER in base64": b"x " + base64.b64encode(DER),
    "a token": b"got " + JWT + b" from the API server",
    "a federation's token": b"keyId: ST$" + JWT,
    "a bearer's header": b"Authorization: Bearer " + b"a1B2" * 8,
    "a signature": b'authorization: Signature version="1",keyId="a/b/c",signature="'
    + base64.b64encode(bytes(range(256)))
    + b'"',
}
FIELDS = [
    b"pass_phrase = 'Tr0ub4dor'",
    b'pass_phrase = "Tr0ub4dor and 3"',
    b'{"password":"Tr0ub4dor"}',
    b"token: Tr0ub4dor",
    b"reason=x token=Tr0ub4dor ms=1",
    b'msg="client_secret=\\"Tr0ub4dor\\""',
    b"http://me:Tr0ub4dor@proxy:3128/",
    b"net.ipv4.tcp_fastopen_key = Tr0ub4dor-0000-0000",
    b"net.ipv6.conf.all.stable_secret = Tr0ub4dor",
    b"Authorization: Basic bWU6VHIwdWI0ZG9y",
    b'{"password":"abc\\\\Tr0ub4dor"}',
    b'{"password":"abc\\"Tr0ub4dor"}',
    b'pass_phrase = "abc\\"Tr0ub4dor"',
    b"pass_phrase = 'abc\\'Tr0ub4dor'",
    b"pass_phrase: 'abc''Tr0ub4dor'",
    b"password=abc\\Tr0ub4dor",
    b'password = "abc Tr0ub4dor',
    b'pass_phrase = """\nabc "quoted" \\""" Tr0ub4dor\n"""',
    b"pass_phrase = '''\nabc 'quoted' Tr0ub4dor\n'''",
    b'password = """abc\nTr0ub4dor',
    b"password: |\n  abc\n  Tr0ub4dor\nuser: me",
    b'msg="got {\\"password\\":\\"abc\\\\\\"Tr0ub4dor\\"}"',
    b'msg="got {\\"password\\":\\"abc\\\\\\\\Tr0ub4dor\\"}"',
    b"AWS_SECRET_ACCESS_KEY=Tr0ub4dor",
    b"aws_secret_access_key = Tr0ub4dor",
    b'{"secretAccessKey": "Tr0ub4dor"}',
    b"vault login --token Tr0ub4dor -v",
    b"vault login --token 'abc Tr0ub4dor' -v",
    b'["login", "--token", "Tr0ub4dor"]',
    b'["login","--client-secret","Tr0ub4dor"]',
    b'"args":"[\\"--token\\",\\"Tr0ub4dor\\"]"',
    b"https://user@name:Tr0ub4dor@host/",
    b"https://user:Tr0ub4@dor@host/Tr0ub4",
    b"password := Tr0ub4dor",
    b"password => 'Tr0ub4dor'",
]
KEPT = b"""\
container 4f1a2b3c4f1a2b3c4f1a2b3c4f1a2b3c4f1a2b3c4f1a2b3c4f1a2b3c4f1a2b3c
ocid1.vnic.oc1.iad.abuwcljrqa7zqhhx5gd2zyfjkcdbkqg3j5kq2lq3zq3kq5kq2lq3zq3kq5kq
10.1.0.5 fd00::5 02:00:17:00:00:01 shop/web opc-request-id 0A1B2C3D4E5F/6A7B
/sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod7a1B.slice
[oci] config_file = "/root/.oci/config"
the token's request was refused with 401
the option --token was not given; see http://10.0.0.1:80/ or mail to me@example.com
mtu 9000 level=info msg="a quoted \\"text\\" of C:\\path\\to" key=value
image=a.b.c/d:1.2.3
tokenExpirationSeconds: 3600 secretName: web keys.example.com eyes.open ey-e.x
"""


@pytest.mark.parametrize("form", FORMS)
def test_secret_is_removed_by_its_form(form: str) -> None:
    clean, removed = scrub_forms(b"before\n" + FORMS[form] + b"\nbehind\n")
    assert removed
    assert leaks.found(clean, leaks.known({"key": PEM.decode()})) == []
    assert JWT[-20:] not in clean
    assert clean.startswith(b"before\n")
    assert clean.endswith(b"behind\n")


@pytest.mark.parametrize("text", FIELDS)
def test_secret_is_removed_by_the_name_of_its_field(text: bytes) -> None:
    clean, removed = scrub(text)
    assert removed
    assert b"Tr0ub4dor" not in clean
    assert b"VHIwdWI0" not in clean
    assert REMOVED in clean


def test_what_explains_a_node_stays() -> None:
    assert scrub(KEPT) == (KEPT, 0)


def test_scrubbing_again_changes_nothing() -> None:
    clean, _ = scrub(b"\n".join([*FORMS.values(), *FIELDS]))
    assert scrub(clean) == (clean, 0)


def test_what_stands_behind_a_secret_stays() -> None:
    for text in FIELDS:
        clean, _ = scrub(b"before " + text + b"\nbehind\n")
        assert clean.startswith(b"before ")
        if b'"""abc' not in text:  # its end is missing
            assert clean.endswith(b"\nbehind\n")
    assert scrub(b"password=a ms=1")[0] == b"password=[removed] ms=1"
    assert scrub(b'{"password":"a\\\\","b":1}')[0] == b'{"password":[removed],"b":1}'
    assert scrub(b'm="token=\\"a\\" b"')[0] == b'm="token=[removed] b"'


RUNS = [
    *(b"ey-", b"ST$", b"ST$ey-", b"eyaaaaaaaaaa.", b"a.", b"bearer ", b"://", b"://a:"),
    *(b"://a:@", b"token ", b"token" + b" " * 50, b"token\\", b"--token", b"--", b"-a"),
    *(b'token="', b"token='", b'token="""', b"token='''", b'token=\\"', b"token=\\\\"),
    *(
        b"token=|\n a\n",
        b"-----BEGIN A-----",
        b"MHcCAQEE ",
        b"MIIAAIBA\n",
        b'signature="',
    ),
    *(b"token=a\\", b"--token \\", b'token\\\\"', b"A", b"\\", b'"', b"private-key "),
]


@pytest.mark.slow
@pytest.mark.parametrize("run", RUNS)
def test_time_grows_as_the_text_does(run: bytes) -> None:
    def seconds(size: int) -> float:
        began = time.process_time()
        scrub(run * (size // len(run)))
        return time.process_time() - began

    assert seconds(400_000) < max(1.0, 40 * seconds(40_000))
