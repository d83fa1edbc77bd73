"""The demo's checks, in their order."""

from collections.abc import Awaitable, Callable

from integration.demo import (
    addresses,
    answers,
    dataplane,
    disk,
    express,
    families,
    mtu,
    paths,
    policies,
    profiles,
    requests,
    snat,
    taps,
    witnesses,
)
from integration.demo.stage import Stage

Check = Callable[[Stage], Awaitable[str]]

CHECKS: tuple[Check, ...] = (
    addresses.warm_add,
    addresses.pods_have_private_ips,
    addresses.second_vnic_used,
    paths.cross_node,
    paths.same_node,
    paths.source_preserved,
    paths.from_peered_vcn,
    paths.from_onprem,
    paths.to_internet_via_nat,
    mtu.mtu_per_destination,
    paths.nsg_blocks,
    paths.nsg_allows_after_rule_change,
    paths.imds_blocked_for_pods,
    dataplane.spoofed_reply_dropped,
    dataplane.nodelocal_dns,
    paths.answers_by_ingress,
    express.express_lane,
    policies.policy_blocks,
    policies.policy_allows,
    profiles.rp_filter_profiles,
    paths.rules_restored,
    snat.snat_none,
    snat.snat_outside_vcn,
    paths.flow_log_names_pod_address,
    taps.vtap_sees_pod,
    addresses.restart_keeps_pods,
    disk.disk_full_del,
    answers.bad_answer_survived,
    # A daemon does not doubt a VNIC that it has known for less than a minute.
    witnesses.vnic_missing_from_list,
    disk.journal_damaged,
    addresses.del_returns_addresses,
    addresses.idle_addresses_released,
    addresses.block_returned,
    witnesses.stop_during_release,
    addresses.nothing_left,
)
REQUESTS: tuple[Check, ...] = (
    requests.pod_nsg_annotation,
    requests.pod_subnet_annotation,
    requests.fixed_address_survives,
    dataplane.nsg_between_classes_same_node,
)
"""Come after ``rules_restored``, with ``--world``."""
FAMILIES: tuple[Check, ...] = (
    families.families_are_listed,
    families.ipv6_cross_node,
    families.ipv6_same_node,
    families.ipv6_from_onprem,
    families.ipv6_alone,
)
"""Come there too, with ``--dual-stack``."""
