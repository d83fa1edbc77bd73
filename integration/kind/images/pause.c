/* The process that holds a pod's namespaces: it waits, and is killed at the end.
 * Freestanding, so that it needs no C library to build with. */
#if !defined(__x86_64__)
#error "images are built for x86_64"
#endif

void _start(void) {
	for (;;) {
		long number = 34; /* pause */
		__asm__ volatile("syscall" : "+a"(number) : : "rcx", "r11", "memory");
	}
}
