"""Durable memory: an append-only file of checksummed lines.

    crc32 of the rest, 8 hex digits ␠ JSON ⏎

The header is the first line, and also the last line that a compaction wrote: format
version, boot id, and the cookie of the node's network namespace (a kind node restarts
under the same boot id).  If one of them differs, the leases are void: the sandboxes
are gone, and their addresses cool.  All other lines are records,
``[kind, seconds since boot, {…}]``.

A damaged line is skipped and reported; the lines behind it are read.  A line of an
unknown kind is kept as it is, for the version that knows it.  A torn tail is cut off:
a record that was not synced was never confirmed.

``lines`` encodes and finds lines, ``reading`` makes a Replay of them, ``disk`` owns
the file, ``files`` has the file operations, ``journal`` is the port's adapter.
"""
