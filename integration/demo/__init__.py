"""``./vcn demo``: the main job, shown and checked."""
