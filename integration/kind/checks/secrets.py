"""No secret of a node stands in what its programs write (invariant I12)."""

import base64

from integration import leaks
from integration.checking import require
from integration.kind.checks.stage import Stage
from vcnd.install import layout

METADATA = "http://169.254.169.254/opc/v2"
FOLDERS = {
    "the daemon's token": layout.CONFIGURATION,
    "the policy process' token": layout.POLICY_CONFIGURATION,
}


def no_secret_written(stage: Stage) -> str:
    """Logs, journals, states and objects have no token and no key of the node."""
    searched = 0
    for node in stage.cluster.nodes():
        secrets = leaks.known(_secrets(stage, node))
        for what, text in _written(stage, node).items():
            found = leaks.found(text, secrets)
            require(not found, f"{node}: {what}: {'; '.join(found)}")
            searched += len(text)
    require(searched > 1 << 16, f"only {searched} bytes were written")
    return f"{searched >> 10} KiB of logs, journals and objects; no secret in them"


def _secrets(stage: Stage, node: str) -> dict[str, str]:
    """Return the node's secrets, by name."""
    curl = ("curl", "-sSf", "-H", "Authorization: Bearer Oracle")
    key = stage.on_node(node, *curl, f"{METADATA}/identity/key.pem")
    secrets = {"the instance's key": key}
    for name, folder in FOLDERS.items():
        shell = f"cat {folder}/token 2>/dev/null || true"  # policies may be off
        token = stage.on_node(node, "/bin/sh", "-c", shell)
        if token:
            secrets[name] = token
    require(len(secrets) > 1, f"{node}: the daemon has no token")
    return secrets


def _written(stage: Stage, node: str) -> dict[str, bytes]:
    """Return what a node's programs have written, by name."""
    journal = ("journalctl", "--no-pager", "-u", "vcnd", "-u", "vcnd-policy")
    # The journal's bytes are no text.
    pack = f"tar -C {layout.STATE} -cf - . | base64"
    state = stage.on_node(node, "/bin/sh", "-c", pack)
    containers = "cat /var/log/pods/kube-system_vcnd-*/*/*.log"
    objects = stage.kubectl("get", "nodes,npn,events", "-A", "-o", "json")
    return {
        "the units' log": stage.on_node(node, *journal).encode(),
        "the journal": base64.b64decode(state),
        "the installer's log": stage.on_node(
            node, "/bin/sh", "-c", containers
        ).encode(),
        "vcndctl status": stage.vcndctl(node, "status", "--json").encode(),
        "vcndctl trace": stage.vcndctl(node, "trace", "last", "--json").encode(),
        "objects of the API server": objects.encode(),
    }
