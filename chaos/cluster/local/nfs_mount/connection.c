/*
 * The connection to the server, and the calls that wait for its answers.
 *
 * The mount is hard: a call is sent again on every new connection until it is answered, with the same transaction
 * number, so that a server that had done it already can tell. The connection is made anew by this file and not by
 * libnfs, whose version 4 gives up for ever when a connect fails at once (no route, say).
 */
#include "nfs_mount.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 5000
#define RETRY_FIRST_MS 100
#define RETRY_MOST_MS 1000
#define AGAIN_LATER_MS 500
#define TICK_MS 200

enum state { DOWN, CONNECTING, UP };

static const struct options *options;
static struct rpc_context *rpc;
static enum state state = DOWN;
static bool lost; /* the connection has failed; it is torn down outside of libnfs's callbacks */
static int64_t connect_after_ms, connecting_since_ms;
static int retry_ms = RETRY_FIRST_MS;
static uint32_t next_xid;
static struct call calls = {.next = &calls, .previous = &calls};

int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void connection_configure(const struct options *given) {
    options = given;
    next_xid = (uint32_t)time(NULL) * 2654435761u ^ (uint32_t)getpid();
}

void connection_answered(struct rpc_context *context, int status, void *result, void *private) {
    (void)context;
    struct call *call = private;
    if (status != RPC_STATUS_SUCCESS) {
        call->sent = false; /* it goes out again, at once on a new connection */
        call->not_before_ms = state == UP && !lost ? now_ms() + AGAIN_LATER_MS : 0;
        return;
    }
    /* Every NFSv3 result begins with its status. */
    if (*(nfsstat3 *)result == NFS3ERR_JUKEBOX) {
        call->sent = false;
        call->not_before_ms = now_ms() + AGAIN_LATER_MS;
        return;
    }
    call->done(call, result);
}

static void send_call(struct call *call) {
    struct AUTH *auth = libnfs_authunix_create("hachaos", call->uid, call->gid, call->group_count, call->groups);
    if (auth == NULL)
        return;
    rpc_set_auth(rpc, auth); /* takes it over */
    rpc_set_next_xid(rpc, call->xid);
    call->sent = true;
    if (call->send(rpc, call) != 0) {
        call->sent = false;
        call->not_before_ms = now_ms() + AGAIN_LATER_MS;
    }
}

static void send_waiting(void) {
    int64_t now = now_ms();
    for (struct call *call = calls.next; state == UP && !lost && call != &calls; call = call->next)
        if (!call->sent && call->not_before_ms <= now)
            send_call(call);
}

/* How the kernel's client sets its sockets: a server that says nothing at all is given up after timeo * (retrans + 1). */
static void set_socket_options(int fd) {
    int on = 1, count = (int)options->retrans + 1;
    int idle = options->timeo < 10 ? 1 : (int)options->timeo / 10;
    unsigned user_timeout = options->timeo * 100 * (options->retrans + 1);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout, sizeof user_timeout);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void connected(struct rpc_context *context, int status, void *data, void *private) {
    (void)data;
    (void)private;
    if (status != RPC_STATUS_SUCCESS) {
        lost = true;
        return;
    }
    state = UP;
    retry_ms = RETRY_FIRST_MS;
    set_socket_options(rpc_get_fd(context));
}

static void disconnect(void) {
    state = DOWN;
    lost = false;
    connect_after_ms = now_ms() + retry_ms;
    retry_ms = retry_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : retry_ms * 2;
    struct rpc_context *old = rpc;
    rpc = NULL;
    rpc_destroy_context(old); /* reports every call that it had as failed */
}

static void connect_again(void) {
    rpc = rpc_init_context();
    if (rpc == NULL)
        return;
    state = CONNECTING;
    connecting_since_ms = now_ms();
    if (rpc_connect_async(rpc, options->address, options->port, connected, NULL) != 0)
        lost = true;
}

/* Bring the connection to where it should be: called after everything that may have changed it. */
static void settle(void) {
    if (state == CONNECTING && now_ms() - connecting_since_ms > CONNECT_TIMEOUT_MS)
        lost = true;
    if (lost)
        disconnect();
    if (state == DOWN && calls.next != &calls && now_ms() >= connect_after_ms)
        connect_again();
    if (lost)
        disconnect();
    send_waiting();
}

void connection_submit(struct call *call) {
    call->xid = next_xid++;
    call->began_ms = now_ms();
    call->sent = false;
    call->not_before_ms = 0;
    if (call->next == NULL) {
        call->next = &calls;
        call->previous = calls.previous;
        calls.previous->next = call;
        calls.previous = call;
    }
    if (state == UP && !lost)
        send_call(call);
    else
        settle();
}

void connection_release(struct call *call) {
    call->previous->next = call->next;
    call->next->previous = call->previous;
    free(call->name);
    free(call->other_name);
    free(call->data);
    free(call);
}

int connection_fd(void) { return rpc == NULL ? -1 : rpc_get_fd(rpc); }

int connection_events(void) { return rpc == NULL ? 0 : rpc_which_events(rpc); }

void connection_service(int events) {
    if (rpc != NULL && events != 0 && rpc_service(rpc, events) < 0)
        lost = true;
    settle();
}

/* Whether the process that waits for this answer is being killed. */
static bool is_killed(pid_t thread) {
    char name[64], line[256];
    snprintf(name, sizeof name, "/proc/%d/status", (int)thread);
    FILE *file = fopen(name, "re");
    if (file == NULL)
        return true;
    bool killed = false;
    while (fgets(line, sizeof line, file) != NULL) {
        unsigned long long pending;
        if (sscanf(line, "SigPnd: %llx", &pending) == 1 || sscanf(line, "ShdPnd: %llx", &pending) == 1)
            killed = killed || (pending & 1ULL << (9 - 1));
    }
    fclose(file);
    return killed;
}

void connection_tick(void) {
    int64_t now = now_ms();
    int64_t patience = options->timeo * 100LL * (options->retrans + 1);
    for (struct call *call = calls.next; call != &calls; call = call->next) {
        if (call->request == NULL)
            continue;
        /* As with the kernel's client, only a deadly signal ends the wait for a server that is away. */
        bool give_up = call->interrupted && is_killed(fuse_req_ctx(call->request)->pid);
        if (give_up || (options->soft && now - call->began_ms > patience)) {
            fuse_reply_err(call->request, give_up ? EINTR : EIO);
            call->request = NULL;
        }
    }
    settle();
}

int connection_wait_ms(void) { return calls.next == &calls ? -1 : TICK_MS; }
