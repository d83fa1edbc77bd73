"""``vcndctl check``: probe pods walk the paths of a cluster's packets.

``walks`` says how each path is walked and judged, ``probes`` has the objects, ``run``
makes, awaits and deletes them.
"""
