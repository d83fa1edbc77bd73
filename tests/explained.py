"""A pod that vcndctl explains, as a sample."""

from vcnd.model.cause import Cause
from vcnd.model.pod_explained import PastCall, PodExplained, Stage, Step, Verdict

POD = PodExplained(
    pod="default/web",
    uid="u1",
    container_id="c1",
    ifname="eth0",
    addresses=("10.1.0.5",),
    host_ifname="oci1",
    steps=(
        Step(stage=Stage.BOUND, verdict=Verdict.OK, what="u1"),
        Step(
            stage=Stage.VNIC,
            verdict=Verdict.FAILED,
            what="ocid1.vnic.abcdefghijkl",
            cause=Cause.VNIC_GONE,
            reason="it is no longer attached; delete the pod",
            seconds=90.0,
            retry_seconds=5.0,
        ),
        Step(stage=Stage.POLICY, verdict=Verdict.OFF),
    ),
    calls=(
        PastCall(
            command="ADD",
            sandbox="vcnd/c1/eth0",
            seconds_ago=300.0,
            count=3,
            cause=Cause.SUBNET_FULL,
            reason="no free VCN address",
        ),
    ),
)
