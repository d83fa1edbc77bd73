/* What the kernel does for a packet between two network namespaces, in time.
 *
 * One thread owns both ends.  So a sample holds no wake-up of another process and no
 * wait for a processor: only the work of sending, of the whole path and of receiving,
 * which the kernel does before the system calls return.
 *
 * Commands come by standard input, one a line; each has one line of reply:
 *
 *   open CLIENT_NETNS SERVER_NETNS ADDRESS   number of the path
 *   TEST PATH SAMPLES                        that many samples, in nanoseconds
 *
 * The tests: rr (1 byte there and back), burst (60 KB there, 1 byte back), udp (64
 * bytes one way), connect (connect, accept, close by reset), stream (1 MiB, as much in
 * flight as fits).  A failure ends the program; standard error says why.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PATHS = 64, PORT = 7800, BURST = 60 * 1024, MIB = 1 << 20, WARM_UP = 20 };
enum { DATAGRAM = 64, BUFFER = 4 << 20, MOST_SAMPLES = 100000 };

static const int one = 1;
static const double give_up_ns = 5e9;

struct path {
    int client_netns;
    struct sockaddr_in server;
    int listener;
    int client, accepted;           /* rr and burst */
    int bulk_client, bulk_accepted; /* stream */
    int udp_client, udp_server;
};

static struct path paths[PATHS];
static int path_count;
static char buffer[MIB];

static void __attribute__((noreturn, format(printf, 1, 2))) fail(const char *format, ...)
{
    va_list arguments;
    int code = errno;
    va_start(arguments, format);
    fprintf(stderr, "pathcost: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, ": %s\n", strerror(code));
    va_end(arguments);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void enter(int netns)
{
    if (setns(netns, CLONE_NEWNET))
        fail("setns");
}

static int open_netns(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail("%s", path);
    return fd;
}

/* A socket with a congestion control that does not pace by timer, as bbr does, a common
 * default.  It is set before connect: later the socket would go on pacing.  A plain
 * user's namespaces may only have reno. */
static int tcp_socket(void)
{
    static const char *control = "cubic";
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail("socket");
    if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, control, strlen(control))) {
        control = "reno";
        if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, control, strlen(control)))
            fail("congestion control");
    }
    return fd;
}

static void set_size(int fd, int forced, int plain)
{
    int size = BUFFER;
    /* A plain user gets what the machine allows. */
    if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof size) &&
        setsockopt(fd, SOL_SOCKET, plain, &size, sizeof size))
        fail("buffer size");
}

static void set_large_buffers(int fd)
{
    set_size(fd, SO_SNDBUFFORCE, SO_SNDBUF);
    set_size(fd, SO_RCVBUFFORCE, SO_RCVBUF);
}

static void connect_pair(struct path *p, int *client, int *accepted)
{
    enter(p->client_netns);
    *client = tcp_socket();
    set_large_buffers(*client);
    if (connect(*client, (void *)&p->server, sizeof p->server))
        fail("connect");
    *accepted = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
    if (*accepted < 0)
        fail("accept");
    setsockopt(*client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(*accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void receive(int fd, size_t bytes)
{
    int64_t began = 0;
    while (bytes) {
        ssize_t got = recv(fd, buffer, bytes < MIB ? bytes : MIB, MSG_DONTWAIT);
        if (got > 0)
            bytes -= got;
        else if (got == 0 || errno != EAGAIN)
            fail("receive");
        else if (!began)
            began = now_ns();
        else if (now_ns() - began > give_up_ns)
            fail("nothing arrives");
    }
}

static void put(int fd, size_t bytes)
{
    if (send(fd, buffer, bytes, 0) != (ssize_t)bytes)
        fail("send");
}

/* One datagram there and one back: connection tracking has then seen both ways. */
static void udp_exchange(struct path *p)
{
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    put(p->udp_client, DATAGRAM);
    if (recvfrom(p->udp_server, buffer, DATAGRAM, 0, (void *)&from, &size) < 0)
        fail("udp there");
    if (sendto(p->udp_server, buffer, DATAGRAM, 0, (void *)&from, size) < 0)
        fail("udp back");
    receive(p->udp_client, DATAGRAM);
}

static void rr(struct path *p)
{
    put(p->client, 1);
    receive(p->accepted, 1);
    put(p->accepted, 1);
    receive(p->client, 1);
}

static void burst(struct path *p)
{
    put(p->client, BURST);
    receive(p->accepted, BURST);
    put(p->accepted, 1);
    receive(p->client, 1);
}

static void udp(struct path *p)
{
    put(p->udp_client, DATAGRAM);
    receive(p->udp_server, DATAGRAM);
}

/* The reset leaves no TIME_WAIT, of which a run would fill the table of ports. */
static void connect_close(struct path *p)
{
    struct linger reset = {.l_onoff = 1};
    int client = tcp_socket();
    if (connect(client, (void *)&p->server, sizeof p->server))
        fail("connect");
    int accepted = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
    if (accepted < 0)
        fail("accept");
    setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(client);
    close(accepted);
}

static void stream(struct path *p)
{
    size_t to_send = MIB, to_receive = MIB;
    int64_t began = now_ns();
    while (to_receive) {
        while (to_send) {
            ssize_t sent = send(p->bulk_client, buffer, to_send, MSG_DONTWAIT);
            if (sent < 0 && errno != EAGAIN)
                fail("send");
            if (sent <= 0)
                break;
            to_send -= sent;
        }
        ssize_t got = recv(p->bulk_accepted, buffer, to_receive, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            fail("receive");
        if (got > 0)
            to_receive -= got;
        else if (now_ns() - began > give_up_ns)
            fail("the stream stands still");
    }
}

static const struct test {
    const char *name;
    void (*run)(struct path *);
} tests[] = {
    {"rr", rr},           {"burst", burst},   {"udp", udp},
    {"connect", connect_close}, {"stream", stream},
};

static int open_path(const char *client, const char *server, const char *address)
{
    if (path_count == PATHS)
        fail("too many paths");
    struct path *p = &paths[path_count];
    p->client_netns = open_netns(client);
    p->server.sin_family = AF_INET;
    p->server.sin_port = htons(PORT + path_count);
    if (inet_pton(AF_INET, address, &p->server.sin_addr) != 1)
        fail("address %s", address);

    int there = open_netns(server);
    enter(there);
    close(there);
    p->listener = tcp_socket();
    set_large_buffers(p->listener);
    setsockopt(p->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(p->listener, (void *)&p->server, sizeof p->server) ||
        listen(p->listener, 64))
        fail("listen at %s", address);
    p->udp_server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(p->udp_server, (void *)&p->server, sizeof p->server))
        fail("bind to %s", address);

    connect_pair(p, &p->client, &p->accepted);
    connect_pair(p, &p->bulk_client, &p->bulk_accepted);
    p->udp_client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (connect(p->udp_client, (void *)&p->server, sizeof p->server))
        fail("udp connect");
    udp_exchange(p);
    return path_count++;
}

static void measure(const struct test *test, struct path *p, int samples)
{
    static int64_t taken[MOST_SAMPLES];
    enter(p->client_netns);
    if (test->run == udp)
        udp_exchange(p);
    for (int i = -WARM_UP; i < samples; i++) {
        int64_t began = now_ns();
        test->run(p);
        if (i >= 0)
            taken[i] = now_ns() - began;
    }
    for (int i = 0; i < samples; i++)
        printf("%lld%c", (long long)taken[i], i + 1 < samples ? ' ' : '\n');
}

static void obey(const char *line)
{
    char word[16], client[256], server[256], address[64];
    int path, samples;
    if (sscanf(line, "open %255s %255s %63s", client, server, address) == 3) {
        printf("%d\n", open_path(client, server, address));
        return;
    }
    if (sscanf(line, "%15s %d %d", word, &path, &samples) == 3 && path >= 0 &&
        path < path_count && samples > 0 && samples <= MOST_SAMPLES)
        for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
            if (!strcmp(word, tests[i].name)) {
                measure(&tests[i], &paths[path], samples);
                return;
            }
    errno = EINVAL;
    fail("command %s", line);
}

/* The thread stays on the last processor that it may use: the first one serves most
 * interrupts. */
static void stay_on_one_processor(void)
{
    cpu_set_t allowed, last;
    if (sched_getaffinity(0, sizeof allowed, &allowed))
        fail("processors");
    CPU_ZERO(&last);
    for (int i = CPU_SETSIZE - 1; i >= 0; i--)
        if (CPU_ISSET(i, &allowed)) {
            CPU_SET(i, &last);
            break;
        }
    if (sched_setaffinity(0, sizeof last, &last))
        fail("processor");
}

int main(void)
{
    char line[1024];
    stay_on_one_processor();
    while (fgets(line, sizeof line, stdin)) {
        obey(line);
        fflush(stdout);
    }
    return 0;
}
