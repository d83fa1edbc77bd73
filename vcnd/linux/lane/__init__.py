"""The express lane: its task, its programs and maps, where they are attached."""
