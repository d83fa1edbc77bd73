"""``./vcn bench``: measurements, as ratios of interleaved runs."""
