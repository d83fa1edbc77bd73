"""A folder like ``~/.oci`` for Oracle's tools, and the environment that names it.

fakeoci serve --oci-config DIR
. DIR/env
oci compute vnic-attachment list
"""

import os
import shlex
from configparser import ConfigParser
from io import StringIO
from pathlib import Path

from fakeoci.api.service import Service
from fakeoci.credentials import api_key

MARK = "# Written by fakeoci, which overwrites it at its next start.\n"
KEY_LABEL = "OCI_API_KEY\n"
"""Without it the CLI warns at each command."""
NAMES = ("config", "key.pem", "rc", "env", "ca.pem")
TRUST = (
    "OCI_CLI_CERT_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
)
"""Variables from which the CLI, the Python and Go SDKs and Node read the trusted CA."""


class FolderError(Exception):
    """The folder cannot be written; the text says which file and why."""


def write(directory: Path, service: Service, url: str, tls_url: str = "") -> None:
    """Write configuration, key, defaults and environment for a served fake.

    The user's key is made known to the fake.

    Args:
        directory: made if missing.  Files of an earlier start are overwritten.
        service: the fake.
        url: where it is served.
        tls_url: where it is served by TLS; then tools use this, and trust the fake's
            certificates.  Metadata has no TLS, as on OCI.

    Raises:
        FolderError: it cannot be written, or has files of somebody else.
    """
    directory = directory.absolute()
    contents = _contents(directory, service, url, tls_url)
    try:
        _refuse_foreign(directory)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in contents.items():
            _write(directory / name, text)
        for name in set(NAMES) - set(contents):  # an earlier start had more
            (directory / name).unlink(missing_ok=True)
    except OSError as error:
        raise FolderError(f"--oci-config {directory}: {error}") from error


def _contents(
    directory: Path, service: Service, url: str, tls_url: str
) -> dict[str, str]:
    profile = api_key().introduce(service)
    environment = {
        "OCI_CLI_CONFIG_FILE": str(directory / "config"),
        "OCI_CLI_RC_FILE": str(directory / "rc"),
        "OCI_CLI_ENDPOINT": tls_url or url,
        "OCI_CLI_FEDERATION_ENDPOINT": f"{tls_url or url}/v1/x509",
        "OCI_METADATA_BASE_URL": f"{url}/opc/v2",
    }
    authority = {}
    if tls_url:
        environment |= dict.fromkeys(TRUST, str(directory / "ca.pem"))
        authority["ca.pem"] = service.identities.authority.root_pem().decode()
    exports = [f"export {k}={shlex.quote(v)}\n" for k, v in environment.items()]
    return {
        "config": _ini({**profile, "key_file": str(directory / "key.pem")}),
        "key.pem": api_key().pem + KEY_LABEL,
        "rc": _ini({"compartment-id": service.world.compartment_id}),
        "env": MARK + "".join(exports),
        **authority,
    }


def _ini(values: dict[str, str]) -> str:
    parser = ConfigParser(interpolation=None)
    parser["DEFAULT"] = values
    text = StringIO()
    parser.write(text)
    return MARK + text.getvalue()


def _refuse_foreign(directory: Path) -> None:
    """Refuse a folder whose configuration the fake did not write."""
    there = [name for name in NAMES if (directory / name).exists()]
    config = directory / "config"
    ours = config.exists() and config.read_bytes().startswith(MARK.encode())
    if there and not ours:
        raise FolderError(
            f"--oci-config {directory}: fakeoci did not write the {there[0]} that is"
            " there; name another directory"
        )


def _write(path: Path, text: str) -> None:
    """Write a file that its owner alone can read, whole or not at all."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(text)
    fresh.replace(path)
