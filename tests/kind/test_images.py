"""The parts of the node image that Debian's tools do not build."""

import subprocess
from pathlib import Path

import pytest

from integration.kind.images import node
from integration.lab import sysctls


def test_nodes_have_settings_and_firewall_of_a_real_image(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    node._lay_image(tmp_path)
    settings = sysctls.read((tmp_path / "etc/sysctl.d").glob("*.conf"))
    assert settings["net/ipv4/conf/*/rp_filter"] == "1"
    firewall = (tmp_path / "kind/image/firewall.nft").read_text()
    assert "reject with icmpx admin-prohibited" in firewall
    assert "table ip " not in firewall  # kube-proxy's iptables-nft owns it
    kernel = sysctls.read([tmp_path / "kind/image/kernel.conf"])
    assert kernel["net/ipv4/ip_forward"] == "0"


@pytest.mark.parametrize("script", ["entrypoint", "new-links", "kubelet-cgroups"])
def test_scripts_are_valid(script: str) -> None:
    path = node.FILES / "usr/local/bin" / script
    subprocess.run(["/bin/bash", "-n", str(path)], check=True)
    assert path.stat().st_mode & 0o100
