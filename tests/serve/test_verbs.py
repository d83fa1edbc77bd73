"""The names of vcndctl's verbs."""

from vcnd.serve.verbs import COMMANDS


def test_verbs_are_none_of_cnis() -> None:
    assert (
        *("VCND_STATUS", "VCND_RELEASE"),
        *("VCND_EXPRESS_ON", "VCND_EXPRESS_OFF", "VCND_TRACE"),
        *("VCND_METRICS", "VCND_AUDIT", "VCND_AUDIT_REPAIR"),
        *("VCND_DRAIN", "VCND_DRAIN_UNDO"),
        *("VCND_EXPLAIN", "VCND_PATH", "VCND_TRAFFIC", "VCND_FLOWS"),
        "VCND_PERMISSIONS",
    ) == COMMANDS
