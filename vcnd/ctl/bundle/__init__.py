"""``vcndctl bundle`` and ``vcndctl replay``: a node's state in one file, for others.

``sources`` collects, ``scrub`` removes secrets, ``archive`` packs and unpacks,
``comparison`` runs a bundle's journal through the pool.
"""
