"""The table of targets."""

from tests.fuzz.target import Target

TARGETS = {
    "annotations": Target(rooms=("vcnd.kube", "vcnd.core.requests")),
    "bundles": Target(rooms=("vcnd.ctl", "vcnd.flow"), most_bytes=8192),
    "calls": Target(rooms=("vcnd.serve",)),
    "cloud": Target(rooms=("vcnd.ociapi", "vcnd.oci")),
    "config": Target(rooms=("vcnd.config", "vcnd.config_reading")),
    "conntrack": Target(rooms=("vcnd.netlink",)),
    "events": Target(rooms=("vcnd.linux", "vcnd.netlink")),
    "firewalls": Target(rooms=("vcnd.linux",)),
    "imds": Target(rooms=("vcnd.ociapi", "vcnd.oci")),
    "journal": Target(
        rooms=("vcnd.journal", "vcnd.core.replay", "vcnd.model"), most_bytes=8192
    ),
    "kubeconfig": Target(rooms=("vcnd.kubeapi",)),
    "lists": Target(rooms=("vcnd.kubeapi", "vcnd.kube")),
    "manifests": Target(rooms=("vcnd.kube", "vcnd.ctl")),
    "metrics": Target(rooms=("vcnd.serve",)),
    "netlink": Target(rooms=("vcnd.netlink",)),
    "nflog": Target(rooms=("vcnd.netlink", "vcnd.linux.policy")),
    "nft": Target(rooms=("vcnd.linux",), most_bytes=8192),
    "oci": Target(rooms=("vcnd.ociapi", "vcnd.oci")),
    "policies": Target(rooms=("vcnd.core.policy",)),
    "policy_objects": Target(rooms=("vcnd.kube", "vcnd.core.policy")),
    "policy_verbs": Target(rooms=("vcnd.serve", "vcnd.model")),
    "replies": Target(rooms=("vcnd.serve", "vcnd.ctl")),
    "settings": Target(rooms=("vcnd.kube",)),
    "shim": Target(rooms=("vcnd.serve",), starts_programs=True),
    "shim_replies": Target(rooms=("tests.fuzz.targets",), starts_programs=True),
    "watches": Target(rooms=("vcnd.kubeapi",)),
    "worlds": Target(rooms=("fakeoci.world",), most_bytes=8192),
}
"""By name: the name of its module in ``tests.fuzz.targets``."""
