"""BPF: programs of an object file, maps, and bpf(2) by hand, without libbpf."""
