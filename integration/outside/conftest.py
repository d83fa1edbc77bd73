"""The tests in ``project`` are run by a project of their own, elsewhere."""

collect_ignore = ["project"]
