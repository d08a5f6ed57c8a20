// What Glibc's Swift module lacks (epoll, eventfd, signalfd, timerfd, accept4, a local socket's peer, thread names,
// nice per thread). Nothing else belongs here.
#pragma once
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

// accept4 and pthread_setname_np are declared only under _GNU_SOURCE, which Swift's importer does not set.
int portcullis_accept4(int listener, struct sockaddr *address, socklen_t *length, int flags);

// Who is at the other end of a connected Unix socket (struct ucred, too, wants _GNU_SOURCE). 0 or errno.
int portcullis_peer_user(int socket, uid_t *user);

int portcullis_set_thread_name(const char *name);

// The calling thread's own nice value: Linux keeps it per thread, and setpriority wants the kernel's thread id.
int portcullis_set_thread_nice(int nice);

// Blocks the calling thread's signals that the server takes through signalfd; inherited by threads made later.
int portcullis_block_signals(const int *signals, int count);
int portcullis_signalfd(const int *signals, int count);
