"""What the lab's processes have in common with those that systemd starts."""

from integration.lab.service import environment_of


def test_unit_has_its_environment() -> None:
    assert environment_of("vcnd.service") == {"MALLOC_ARENA_MAX": "1"}
    assert environment_of("vcnd-policy.service")["MALLOC_MMAP_THRESHOLD_"].isdigit()
