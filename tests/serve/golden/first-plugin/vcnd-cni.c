/*
 * vcnd-cni: the CNI plugin executable that the container runtime starts.
 *
 * It decides nothing.  It hands its environment, its standard input and an open
 * descriptor of the pod's network namespace to the daemon over a Unix socket,
 * prints the reply and exits with the code that the reply names.  Only VERSION
 * is answered here, since it must work with no daemon.
 *
 * Freestanding: no libc, own _start, a handful of system calls, so that a start
 * costs some 0.2 ms and one compiler call builds it (docs/decisions/0002).
 *
 * Request:  "vcnd 1 <environment bytes> <stdin bytes>\n" environment stdin
 *           (environment: NAME=VALUE entries, each ended by NUL; the namespace's
 *           descriptor rides with the first byte as SCM_RIGHTS)
 * Reply:    "<exit code> <stdout bytes>\n" stdout
 *
 * A connection that ends before a whole reply is opened again and the same
 * request sent until the deadline: every verb is idempotent, so a restart of the
 * daemon in mid-call loses no call.
 */

typedef unsigned long word;
typedef long sword;

#if defined(__x86_64__)
enum { SYS_read = 0, SYS_write = 1, SYS_close = 3, SYS_poll = 7, SYS_nanosleep = 35,
       SYS_socket = 41, SYS_connect = 42, SYS_sendmsg = 46, SYS_setsockopt = 54, SYS_exit = 60,
       SYS_clock_gettime = 228, SYS_openat = 257 };
static sword call6(sword n, sword a, sword b, sword c, sword d, sword e, sword f) {
    sword result;
    register sword r10 __asm__("r10") = d;
    register sword r8 __asm__("r8") = e;
    register sword r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(result)
                     : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
__asm__(".globl _start\n_start:\n xor %ebp,%ebp\n mov %rsp,%rdi\n"
        " and $-16,%rsp\n call start\n hlt\n");
#elif defined(__aarch64__)
enum { SYS_openat = 56, SYS_close = 57, SYS_read = 63, SYS_write = 64, SYS_ppoll = 73,
       SYS_exit = 93, SYS_nanosleep = 101, SYS_clock_gettime = 113, SYS_socket = 198,
       SYS_connect = 203, SYS_setsockopt = 208, SYS_sendmsg = 211 };
static sword call6(sword n, sword a, sword b, sword c, sword d, sword e, sword f) {
    register sword x8 __asm__("x8") = n;
    register sword x0 __asm__("x0") = a;
    register sword x1 __asm__("x1") = b;
    register sword x2 __asm__("x2") = c;
    register sword x3 __asm__("x3") = d;
    register sword x4 __asm__("x4") = e;
    register sword x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}
__asm__(".globl _start\n_start:\n mov x29,#0\n mov x0,sp\n bl start\n brk #1\n");
#else
#error "vcnd-cni knows x86_64 and aarch64"
#endif
#define CALL3(n, a, b, c) call6((n), (sword)(a), (sword)(b), (sword)(c), 0, 0, 0)

enum { O_RDONLY_CLOEXEC = 02000000, AT_FDCWD_ = -100, AF_UNIX_ = 1,
       SOCK_STREAM_CLOEXEC = 1 | 02000000, MSG_NOSIGNAL_ = 0x4000, POLLIN_ = 1,
       EINTR_ = 4, EAGAIN_ = 11 };
enum { MAX_ENVIRONMENT = 128 << 10, MAX_STDIN = 1 << 20, MAX_REPLY = 1 << 20 };
enum { DEADLINE_MS = 50000, STATUS_DEADLINE_MS = 3000 };

struct timespec { sword seconds, nanoseconds; };
struct pollfd { int fd; short events, revents; };
struct sockaddr_un { unsigned short family; char path[108]; };
struct iovec { void *base; word length; };
struct msghdr { void *name; unsigned name_length; struct iovec *parts; word part_count;
                void *control; word control_length; int flags; };
struct control { word length; int level, type; int descriptor, padding; };

static char request[64 + MAX_ENVIRONMENT + MAX_STDIN];
static char *environment = request + 64;      /* the header is laid in front of it */
static word environment_length, stdin_length, header_length;
static char reply[MAX_REPLY + 32];

/* gcc may emit calls to these even in freestanding code. */
void *memcpy(void *to, const void *from, word n) {
    char *t = to; const char *f = from;
    while (n--) *t++ = *f++;
    return to;
}
void *memset(void *to, int value, word n) {
    char *t = to;
    while (n--) *t++ = (char)value;
    return to;
}

static word length_of(const char *s) { word n = 0; while (s[n]) n++; return n; }

static int same(const char *a, const char *b) {
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

static const char *variable(char **env, const char *name) {
    word n = length_of(name);
    for (; *env; env++) {
        word i = 0;
        while (i < n && (*env)[i] == name[i]) i++;
        if (i == n && (*env)[n] == '=') return *env + n + 1;
    }
    return "";
}

static void write_all(int fd, const char *data, word n) {
    while (n) {
        sword done = CALL3(SYS_write, fd, data, n);
        if (done == -EINTR_) continue;
        if (done <= 0) return;
        data += done; n -= (word)done;
    }
}

static void print(const char *s) { write_all(1, s, length_of(s)); }

__attribute__((noreturn)) static void leave(int code) {
    for (;;) CALL3(SYS_exit, code, 0, 0);
}

/* The configuration's "cniVersion", found without a JSON parser: the first such
 * key whose value has a version's characters.  Every output must repeat it. */
static void cni_version(char *out, word size) {
    static const char key[] = "\"cniVersion\"";
    const char *text = environment + environment_length;
    for (word i = 0; i + sizeof key < stdin_length; i++) {
        word k = 0;
        while (k < sizeof key - 1 && text[i + k] == key[k]) k++;
        if (k < sizeof key - 1) continue;
        i += k;
        while (i < stdin_length && (text[i] == ' ' || text[i] == ':' || text[i] == '\t'
                                    || text[i] == '\n' || text[i] == '\r')) i++;
        if (i >= stdin_length || text[i++] != '"') continue;
        word n = 0;
        while (i < stdin_length && n + 1 < size
               && ((text[i] >= '0' && text[i] <= '9') || text[i] == '.')) out[n++] = text[i++];
        if (n) { out[n] = 0; return; }
    }
    memcpy(out, "1.0.0", 6);
}

__attribute__((noreturn)) static void fail(const char *code, const char *message,
                                           const char *details) {
    char version[16];
    cni_version(version, sizeof version);
    print("{\"cniVersion\":\""); print(version);
    print("\",\"code\":"); print(code);
    print(",\"msg\":\""); print(message);
    print("\",\"details\":\""); print(details); print("\"}\n");
    leave(1);
}

static sword now_ms(void) {
    struct timespec t = {0, 0};
    CALL3(SYS_clock_gettime, 1, &t, 0);
    return t.seconds * 1000 + t.nanoseconds / 1000000;
}

static void nap(sword ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    CALL3(SYS_nanosleep, &t, 0, 0);
}

/* 1 when fd is readable before the deadline. */
static int readable(int fd, sword deadline) {
    for (;;) {
        sword left = deadline - now_ms();
        if (left <= 0) return 0;
        struct pollfd p = {fd, POLLIN_, 0};
#if defined(__x86_64__)
        sword n = CALL3(SYS_poll, &p, 1, left);
#else
        struct timespec t = {left / 1000, left % 1000 * 1000000};
        sword n = call6(SYS_ppoll, (sword)&p, 1, (sword)&t, 0, 8, 0);
#endif
        if (n > 0) return 1;
        if (n != -EINTR_ && n != 0) return 0;
    }
}

static int send_request(int fd, int netns) {
    char *data = environment - header_length;
    word left = header_length + environment_length + stdin_length;
    struct control control = {sizeof(word) + 3 * sizeof(int), 1, 1, netns, 0};
    int attach = netns >= 0;
    while (left) {
        struct iovec part = {data, left};
        struct msghdr message = {0, 0, &part, 1, attach ? &control : 0,
                                 attach ? sizeof control : 0, 0};
        sword n = CALL3(SYS_sendmsg, fd, &message, MSG_NOSIGNAL_);
        if (n == -EINTR_) continue;
        if (n <= 0) return 0;
        attach = 0;
        data += n; left -= (word)n;
    }
    return 1;
}

/* Reads a whole reply; 1 and the exit code, or 0 when the connection ended early. */
static int read_reply(int fd, sword deadline, int *code) {
    word have = 0;
    for (;;) {
        word i = 0, length = 0;
        int exit_code = 0;
        while (i < have && reply[i] >= '0' && reply[i] <= '9')
            exit_code = exit_code * 10 + (reply[i++] - '0');
        if (i < have && reply[i] == ' ') {
            i++;
            while (i < have && reply[i] >= '0' && reply[i] <= '9')
                length = length * 10 + (word)(reply[i++] - '0');
            if (i < have && reply[i] == '\n') {
                i++;
                if (length > MAX_REPLY) return 0;
                if (have - i >= length) {
                    write_all(1, reply + i, length);
                    *code = exit_code;
                    return 1;
                }
            }
        }
        if (have == sizeof reply || !readable(fd, deadline)) return 0;
        sword n = CALL3(SYS_read, fd, reply + have, sizeof reply - have);
        if (n == -EINTR_) continue;
        if (n <= 0) return 0;
        have += (word)n;
    }
}

static char *decimal(char *end, word value) {
    do *--end = (char)('0' + value % 10); while (value /= 10);
    return end;
}

static void lay_header(void) {
    char digits[24], *number, *at = environment;
    *--at = '\n';
    number = decimal(digits + sizeof digits, stdin_length);
    at -= digits + sizeof digits - number;
    memcpy(at, number, (word)(digits + sizeof digits - number));
    *--at = ' ';
    number = decimal(digits + sizeof digits, environment_length);
    at -= digits + sizeof digits - number;
    memcpy(at, number, (word)(digits + sizeof digits - number));
    at -= 7;
    memcpy(at, "vcnd 1 ", 7);
    header_length = (word)(environment - at);
}

static void gather(char **env) {
    for (char **e = env; *e; e++) {
        /* CNI's own variables and the trace context; nothing else is the daemon's business. */
        const char *s = *e;
        int wanted = (s[0] == 'C' && s[1] == 'N' && s[2] == 'I' && s[3] == '_')
                     || (s[0] == 'T' && s[1] == 'R' && s[2] == 'A' && s[3] == 'C' && s[4] == 'E');
        word n = length_of(s) + 1;
        if (!wanted) continue;
        if (environment_length + n > MAX_ENVIRONMENT)
            fail("4", "environment is too large", "CNI_* variables exceed 128 KiB");
        memcpy(environment + environment_length, s, n);
        environment_length += n;
    }
    char *input = environment + environment_length;
    for (;;) {
        if (stdin_length == MAX_STDIN)
            fail("6", "network configuration is too large", "standard input exceeds 1 MiB");
        sword n = CALL3(SYS_read, 0, input + stdin_length, MAX_STDIN - stdin_length);
        if (n == -EINTR_) continue;
        if (n < 0) fail("5", "cannot read the network configuration", "read from standard input failed");
        if (n == 0) return;
        stdin_length += (word)n;
    }
}

__attribute__((noreturn, used)) void start(sword *stack) {
    char **env = (char **)(stack + 1 + stack[0] + 1);
    const char *command = variable(env, "CNI_COMMAND");
    gather(env);
    if (same(command, "VERSION")) {
        char version[16];
        cni_version(version, sizeof version);
        print("{\"cniVersion\":\""); print(version);
        print("\",\"supportedVersions\":[\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n");
        leave(0);
    }
    int status = same(command, "STATUS");
    sword deadline = now_ms() + (status ? STATUS_DEADLINE_MS : DEADLINE_MS);
    lay_header();

    int netns = -1;
    const char *path = variable(env, "CNI_NETNS");
    if (*path) {
        sword fd = call6(SYS_openat, AT_FDCWD_, (sword)path, O_RDONLY_CLOEXEC, 0, 0, 0);
        if (fd >= 0) netns = (int)fd;
    }

    struct sockaddr_un address = {AF_UNIX_, VCND_SOCKET};
    const char *other = variable(env, "VCND_SOCKET");
    word n = length_of(other);
    if (n && n < sizeof address.path) memcpy(address.path, other, n + 1);

    int spoke = 0;     /* whether a daemon has ever taken the request */
    sword pause = 10;
    while (now_ms() < deadline) {
        sword fd = CALL3(SYS_socket, AF_UNIX_, SOCK_STREAM_CLOEXEC, 0);
        if (fd < 0) fail("5", "cannot make a socket", "socket(AF_UNIX) failed");
        /* A full backlog would hold connect and sendmsg for ever: SOL_SOCKET, SO_SNDTIMEO. */
        struct timespec second = {1, 0};
        call6(SYS_setsockopt, fd, 1, 21, (sword)&second, sizeof second, 0);
        sword refused = CALL3(SYS_connect, fd, &address, sizeof address);
        if (refused == 0) {
            int code;
            spoke = 1;
            if (send_request((int)fd, netns) && read_reply((int)fd, deadline, &code)) leave(code);
        } else if (!spoke && refused != -EAGAIN_ && refused != -EINTR_) {
            fail(status ? "50" : "11", "vcnd does not answer",
                 "nobody listens on its socket; see systemctl status vcnd.socket vcnd.service");
        }
        CALL3(SYS_close, fd, 0, 0);
        nap(pause);
        if (pause < 200) pause *= 2;
    }
    fail(status ? "50" : "11", "vcnd did not reply in time",
         "the daemon took the call but gave no answer before the deadline; see journalctl -u vcnd");
}
