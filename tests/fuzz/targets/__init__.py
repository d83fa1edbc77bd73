"""The targets: each module has ``run``, and ``seeds``, with which its search begins."""
