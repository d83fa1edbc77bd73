/* Two processes at the two ends of a path: what programs in pods see of the network.
 *
 *   ends serve PORT          serves until it is killed
 *   ends ask ADDRESS PORT    obeys commands from standard input, one a line:
 *
 *   TEST SAMPLES             replies with that many samples, in nanoseconds
 *
 * The tests: rr (1 byte there, 1 byte back), stream (4 MiB there, 1 byte back); both
 * processes run on one processor.  With the suffix -apart they run on two: then a
 * sample also holds the wake-up of another processor.  A failure ends the program.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 4 << 20, WARM_UP = 20, MOST_SAMPLES = 100000, ALLOWED_SECONDS = 10 };

static const int one = 1;
static char buffer[256 << 10];

/* What the server must know of a connection; its first bytes. */
struct hello {
    uint32_t bytes; /* of each request */
    uint8_t apart;
};

static const struct test {
    const char *name;
    struct hello hello;
} tests[] = {
    {"rr", {1, 0}},
    {"rr-apart", {1, 1}},
    {"stream", {CHUNK, 0}},
    {"stream-apart", {CHUNK, 1}},
};
enum { TESTS = sizeof tests / sizeof *tests };

static void __attribute__((noreturn)) fail(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Stay on the last processor that this process may use, or on the first. */
static void stay_on(int last)
{
    static cpu_set_t allowed;
    static int known;
    cpu_set_t chosen;
    if (!known++ && sched_getaffinity(0, sizeof allowed, &allowed))
        fail("processors");
    CPU_ZERO(&chosen);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &allowed) && (last || !CPU_COUNT(&chosen))) {
            CPU_ZERO(&chosen);
            CPU_SET(i, &chosen);
        }
    if (sched_setaffinity(0, sizeof chosen, &chosen))
        fail("processor");
}

/* Not bbr, the default of some machines: it paces by timer.  Set before connect. */
static int tcp_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4))
        fail("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void put(int fd, size_t bytes)
{
    while (bytes) {
        size_t part = bytes < sizeof buffer ? bytes : sizeof buffer;
        ssize_t sent = send(fd, buffer, part, 0);
        if (sent < 0)
            fail("send");
        bytes -= sent;
    }
}

/* Return 0 at the end of the stream. */
static int take(int fd, size_t bytes)
{
    while (bytes) {
        size_t part = bytes < sizeof buffer ? bytes : sizeof buffer;
        ssize_t got = recv(fd, buffer, part, 0);
        if (got < 0)
            fail("receive");
        if (!got)
            return 0;
        bytes -= got;
    }
    return 1;
}

static void serve_connection(int fd)
{
    struct hello hello;
    if (recv(fd, &hello, sizeof hello, MSG_WAITALL) != sizeof hello)
        fail("hello");
    stay_on(!hello.apart);
    put(fd, 1);
    while (take(fd, hello.bytes))
        put(fd, 1);
}

static void serve(struct sockaddr_in *at)
{
    int listener = tcp_socket();
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)at, sizeof *at) || listen(listener, TESTS))
        fail("listen");
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            fail("accept");
        if (!fork()) {
            serve_connection(fd);
            exit(0);
        }
        close(fd);
    }
}

static int open_connection(const struct test *test, struct sockaddr_in *to)
{
    struct timeval allowed = {.tv_sec = ALLOWED_SECONDS};
    int fd = tcp_socket();
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &allowed, sizeof allowed);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &allowed, sizeof allowed);
    if (connect(fd, (void *)to, sizeof *to))
        fail("connect");
    if (send(fd, &test->hello, sizeof test->hello, 0) < 0 || !take(fd, 1))
        fail("hello");
    return fd;
}

static void measure(int fd, const struct test *test, int samples)
{
    static int64_t taken[MOST_SAMPLES];
    for (int i = -WARM_UP; i < samples; i++) {
        int64_t began = now_ns();
        put(fd, test->hello.bytes);
        if (!take(fd, 1))
            fail("the server closed");
        if (i >= 0)
            taken[i] = now_ns() - began;
    }
    for (int i = 0; i < samples; i++)
        printf("%lld%c", (long long)taken[i], i + 1 < samples ? ' ' : '\n');
    fflush(stdout);
}

static void ask(struct sockaddr_in *to)
{
    char line[256], name[32];
    int connections[TESTS], samples;
    stay_on(1);
    for (int i = 0; i < TESTS; i++)
        connections[i] = open_connection(&tests[i], to);
    while (fgets(line, sizeof line, stdin)) {
        int chosen = TESTS;
        if (sscanf(line, "%31s %d", name, &samples) == 2 && samples > 0 &&
            samples <= MOST_SAMPLES)
            for (chosen = 0; chosen < TESTS; chosen++)
                if (!strcmp(name, tests[chosen].name))
                    break;
        if (chosen == TESTS) {
            fprintf(stderr, "ends: no test: %s", line);
            exit(1);
        }
        measure(connections[chosen], &tests[chosen], samples);
    }
}

int main(int count, char **words)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    if (count == 3 && !strcmp(words[1], "serve")) {
        at.sin_port = htons(atoi(words[2]));
        serve(&at);
    }
    if (count == 4 && !strcmp(words[1], "ask") &&
        inet_pton(AF_INET, words[2], &at.sin_addr) == 1) {
        at.sin_port = htons(atoi(words[3]));
        ask(&at);
        return 0;
    }
    fprintf(stderr, "usage: ends serve PORT | ends ask ADDRESS PORT\n");
    return 2;
}
