"""Which configurations of kube-proxy keep pods' sources."""

import pytest

from vcnd.core.kubeproxy import problem


@pytest.mark.parametrize(
    ("mode", "cidrs", "prefix", "good"),
    [
        ("InterfaceNamePrefix", "", "oci", True),
        ("InterfaceNamePrefix", "10.244.0.0/16", "oc", True),
        ("InterfaceNamePrefix", "", "", False),
        ("InterfaceNamePrefix", "", "cali", False),
        ("", "10.244.0.0/16", "", False),
        ("ClusterCIDR", "", "", False),
        ("ClusterCIDR", "10.1.0.0/16", "", True),
        ("ClusterCIDR", "fd00::/48, 10.0.0.0/8", "", True),
        ("NodeCIDR", "10.1.0.0/16", "", False),
    ],
)
def test_fit_and_unfit(mode: str, cidrs: str, prefix: str, good: bool) -> None:
    found = problem(
        proxier="",
        mode=mode,
        cluster_cidrs=cidrs,
        interface_prefix=prefix,
        ours="oci",
        subnets=["10.1.0.0/20"],
        policies=True,
    )
    assert (found is None) == good
    assert good or "interfaceNamePrefix: oci" in str(found)


@pytest.mark.parametrize("proxier", ["", "iptables", "nftables", "ipvs"])
@pytest.mark.parametrize("policies", [False, True])
def test_ipvs_is_unfit_where_policies_are_enforced(
    proxier: str, *, policies: bool
) -> None:
    """Its packets to Services pass no rule of policies."""
    found = problem(
        proxier=proxier,
        mode="InterfaceNamePrefix",
        cluster_cidrs="",
        interface_prefix="oci",
        ours="oci",
        subnets=["10.1.0.0/20"],
        policies=policies,
    )
    assert (found is not None) == (policies and proxier == "ipvs")
