// The bare responder: what one keep-alive request costs when nothing is done about it but the three system calls that
// move its bytes (epoll_wait, read, write). One thread, edge-triggered. It answers the fixed bytes of a file to
// whatever ends with CR LF CR LF. With `verify` it also has OpenSSL verify one RS256 signature for each answer.
//
// usage: responder PORT RESPONSE-FILE [verify]
#define _GNU_SOURCE
#include "rs256.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_DESCRIPTORS = 65536, MAX_RESPONSE = 65536 };

static char response[MAX_RESPONSE];
static size_t response_length;
static int verifies;
// Does nothing in the first tenth of each second since it began.
static int stalls;
static struct rs256 rs256;
// How much of CR LF CR LF each connection has sent last: a head may come in pieces.
static unsigned char matched[MAX_DESCRIPTORS];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void load_response(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    response_length = fread(response, 1, sizeof response, file);
    if (response_length == 0 || ferror(file) || fgetc(file) != EOF) {
        fprintf(stderr, "%s: empty or too long\n", path);
        exit(1);
    }
    fclose(file);
}

static int listen_on(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0) fail("socket");
    int on = 1;
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on)) fail("SO_REUSEADDR");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address)) fail("bind");
    if (listen(listener, 1024)) fail("listen");
    return listener;
}

static void add(int epoll, int fd) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl");
}

static void accept_all(int epoll, int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EAGAIN) return;
            if (errno == ECONNABORTED || errno == EINTR) continue;
            fail("accept4");
        }
        if (fd >= MAX_DESCRIPTORS) {
            close(fd);
            continue;
        }
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        matched[fd] = 0;
        add(epoll, fd);
    }
}

// The number of heads that end within these bytes.
static int heads_ended(int fd, const char *bytes, ssize_t count) {
    static const char end[4] = "\r\n\r\n";
    int heads = 0;
    unsigned state = matched[fd];
    // Only the last bytes matter unless requests are pipelined; a head that ends here is the common case.
    if (state == 0 && count >= 4 && memcmp(bytes + count - 4, end, 4) == 0 &&
        memmem(bytes, (size_t)count, end, 4) == bytes + count - 4)
        return 1;
    for (ssize_t index = 0; index < count; index++) {
        if (bytes[index] == end[state])
            state++;
        else
            state = bytes[index] == '\r';
        if (state == 4) {
            heads++;
            state = 0;
        }
    }
    matched[fd] = (unsigned char)state;
    return heads;
}

static void serve(int fd, unsigned events) {
    char buffer[16384];
    for (;;) {
        ssize_t count = read(fd, buffer, sizeof buffer);
        if (count < 0 && errno == EAGAIN) return;
        if (count <= 0) break;
        for (int heads = heads_ended(fd, buffer, count); heads > 0; heads--) {
            if (verifies) rs256_verify(&rs256);
            // The peer reads each response before its next request: a short write is a broken measurement.
            if (write(fd, response, response_length) != (ssize_t)response_length) {
                close(fd);
                return;
            }
        }
        // After a short read the next event says when there is more, unless this one was the last.
        if (count < (ssize_t)sizeof buffer && !(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))) return;
    }
    close(fd);
}

static void stall(const struct timespec *start) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long since = (now.tv_nsec - start->tv_nsec + 1000000000L) % 1000000000L;
    if (since >= 100000000L) return;
    struct timespec rest = {.tv_nsec = 100000000L - since};
    nanosleep(&rest, NULL);
}

int main(int argc, char **argv) {
    verifies = argc == 4 && strcmp(argv[3], "verify") == 0;
    stalls = argc == 4 && strcmp(argv[3], "stall") == 0;
    if (argc != 3 && !verifies && !stalls) {
        fprintf(stderr, "usage: %s PORT RESPONSE-FILE [verify|stall]\n", argv[0]);
        return 64;
    }
    if (verifies) rs256_make(&rs256);
    load_response(argv[2]);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    int listener = listen_on(atoi(argv[1]));
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) fail("epoll_create1");
    add(epoll, listener);
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (;;) {
        // One event a call: with more, busy connections would share an epoll_wait and a request cost less than three.
        struct epoll_event event;
        int count = epoll_wait(epoll, &event, 1, -1);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        if (count < 1) continue;
        if (stalls) stall(&start);
        if (event.data.fd == listener)
            accept_all(epoll, listener);
        else
            serve(event.data.fd, event.events);
    }
}
