"""``./vcn bench policy``: network policies, beside kube-router."""
