"""Rules for link-local addresses."""

from vcnd.linux import services
from vcnd.model.family import Family


def test_each_family_asked_for_is_led_to_the_guard() -> None:
    four = "ip daddr 169.254.0.0/16 goto guard"
    assert services.guarded([Family.IPV4]) == [four]
    assert services.guarded(Family) == [four, "ip6 daddr fd00:c1::/64 goto guard"]


def test_guard_drops_what_is_neither_dns_nor_ntp_nor_the_nodes() -> None:
    first, *services_of_the_vcn, last = services.guard("goto via1")
    assert first == "fib daddr type local accept"
    assert last == "counter drop"
    assert len(services_of_the_vcn) == 4
    assert all(r.endswith("goto via1") for r in services_of_the_vcn)


def test_only_pods_are_masqueraded() -> None:
    for rule in services.masquerades('iifname "oci*"'):
        assert rule.endswith('iifname "oci*" masquerade')
