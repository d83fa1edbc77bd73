"""A Kubernetes API server in memory, in virtual time, and who writes to it.

It keeps the rules of a real one: ``contract_of_writes`` and ``contract_of_reads`` are
asked of both.
"""
