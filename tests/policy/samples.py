"""What vcnd-policy may tell of itself."""

from vcnd.model.policy_status import (
    FlawedStatus,
    FollowedStatus,
    PolicyStatus,
    RulesStatus,
)

STATUS = PolicyStatus(
    enforcement="strict",
    cluster=FollowedStatus(
        synced=True,
        awaited=(),
        namespaces=2,
        pods=7,
        policies=2,
        cluster_policies=1,
        flawed=(FlawedStatus(policy="blue/odd", flaws=("spec: no",)),),
    ),
    rules=RulesStatus(
        in_force_seconds=3.0,
        links=4,
        held=1,
        chains=2,
        sets=3,
        elements=9,
        changes=5,
        last_change_seconds=0.1,
        refused="",
    ),
)
