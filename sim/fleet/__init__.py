"""Whole clusters in virtual time: many nodes, their faults, and what must never happen.

``events`` are the values of a schedule, which ``draw`` makes of a seed and ``run``
carries out; ``watch`` checks the invariants from outside, ``settled`` what is left at
the end; ``shrink`` leaves out events that a violation does not need.
"""
