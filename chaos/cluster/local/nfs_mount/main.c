/*
 * mount.nfs SERVER:PATH TARGET [-o OPTION,...]: mounts an NFSv3 export through FUSE, as mount(8) calls it.
 *
 * It takes the options of nfs(5) and passes over those that mean nothing here. It is a hard mount: while the server is
 * away, whoever uses the mount waits, until the server is back or a deadly signal comes; `soft` gives up with EIO after
 * timeo * (retrans + 1). It ends when the file system is unmounted, and unmounts it on SIGTERM.
 *
 * One thread: the event loop waits for the kernel and for the server at once and never for one of them alone, so that a
 * server that hangs keeps neither an unmount nor a signal from being seen.
 *
 * Exit status, as in mount(8): 0 mounted, 1 usage, 2 system error, 32 mount failure.
 */
#include "nfs_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EXIT_USAGE 1
#define EXIT_SYSTEM 2
#define EXIT_MOUNT 32
#define MOST_BYTES_AT_ONCE (256 * 1024)
#define LEAST_BYTES_AT_ONCE 4096
#define ASK_TIMEOUT_MS 10000

static struct options options = {
    .timeo = 600,
    .retrans = 2,
    .retry = 2, /* minutes */
    .acregmin = 3,
    .acdirmin = 3,
    .rsize = MOST_BYTES_AT_ONCE,
    .wsize = MOST_BYTES_AT_ONCE,
};

void complain(const char *format, ...) {
    va_list values;
    va_start(values, format);
    fputs("mount.nfs: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
}

/* ---- the command line ---- */

static bool number(const char *text, unsigned long most, unsigned long *to) {
    char *end;
    errno = 0;
    *to = text == NULL ? 0 : strtoul(text, &end, 10);
    return text != NULL && *text != '\0' && *text != '-' && *end == '\0' && errno == 0 && *to <= most;
}

static bool is_one_of(const char *name, const char *const *names) {
    for (; *names != NULL; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

/* One option; false: it is wrong (and was complained of). */
static bool take_option(char *option) {
    static const char *const for_the_kernel[] = {"ro",    "rw",   "suid",    "nosuid",    "dev",        "nodev",
                                                 "exec",  "noexec", "atime", "noatime",   "diratime",   "nodiratime",
                                                 "sync",  "dirsync", "relatime", "norelatime", NULL};
    /* There are no locks at the server, no other version, transport or security, and attributes are kept as told. */
    static const char *const passed_over[] = {
        "defaults", "auto",   "noauto", "user",  "nouser", "users",  "_netdev", "nofail",   "async",     "hard",
        "intr",     "nointr", "fg",     "bg",    "lock",   "nolock", "tcp",     "ac",       "cto",       "nocto",
        "acl",      "noacl",  "rdirplus", "nordirplus", "sharecache", "nosharecache", "resvport", "noresvport",
        "sec",      "local_lock", "lookupcache", "clientaddr", "acregmax", "acdirmax", "namlen", "addr",
        "mountaddr", "mounthost", "proto", "mountproto", "mountvers", "minorversion", "nconnect", "fsc", "nofsc",
        "strictatime", "silent", "loud", NULL};
    char *value = strchr(option, '=');
    if (value != NULL)
        *value++ = '\0';
    unsigned long n;

    if (strcmp(option, "vers") == 0 || strcmp(option, "nfsvers") == 0) {
        if (value != NULL && (strcmp(value, "3") == 0 || strcmp(value, "3.0") == 0))
            return true;
        complain("NFS version %s is not supported here, only 3", value == NULL ? "" : value);
        return false;
    }
    if ((strcmp(option, "proto") == 0 || strcmp(option, "mountproto") == 0) && value != NULL &&
        strncmp(value, "tcp", 3) != 0) {
        complain("%s=%s is not supported here, only tcp", option, value);
        return false;
    }
    struct {
        const char *name;
        unsigned long least, most;
        unsigned *to;
    } numbers[] = {
        {"timeo", 1, 6000, &options.timeo},
        {"retrans", 0, 100, &options.retrans},
        {"retry", 0, 10000, &options.retry},
        {"rsize", 1, 1UL << 30, &options.rsize},
        {"wsize", 1, 1UL << 30, &options.wsize},
        {"port", 0, 65535, (unsigned *)&options.port},
        {"mountport", 0, 65535, (unsigned *)&options.mountport},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(option, numbers[i].name) == 0) {
            if (!number(value, numbers[i].most, &n) || n < numbers[i].least) {
                complain("%s needs a number from %lu to %lu", option, numbers[i].least, numbers[i].most);
                return false;
            }
            *numbers[i].to = (unsigned)n;
            return true;
        }
    if (strcmp(option, "acregmin") == 0 || strcmp(option, "acdirmin") == 0 || strcmp(option, "actimeo") == 0) {
        if (!number(value, 86400, &n)) {
            complain("%s needs a number of seconds", option);
            return false;
        }
        if (option[2] != 'd')
            options.acregmin = (double)n;
        if (option[2] != 'r')
            options.acdirmin = (double)n;
        return true;
    }
    if (strcmp(option, "noac") == 0) {
        options.acregmin = options.acdirmin = 0;
        return true;
    }
    if (strcmp(option, "soft") == 0 || strcmp(option, "softerr") == 0) {
        options.soft = true;
        return true;
    }
    if (is_one_of(option, for_the_kernel)) {
        size_t used = strlen(options.fuse);
        snprintf(options.fuse + used, sizeof options.fuse - used, ",%s", option);
        return true;
    }
    if (is_one_of(option, passed_over) || strncmp(option, "x-", 2) == 0 || strncmp(option, "context", 7) == 0)
        return true;
    complain("unknown option %s", option);
    return false;
}

static bool take_options(char *list) {
    char *rest = NULL;
    for (char *option = strtok_r(list, ",", &rest); option != NULL; option = strtok_r(NULL, ",", &rest))
        if (!take_option(option))
            return false;
    return true;
}

/* SERVER:PATH, where SERVER may be an IPv6 address in brackets. */
static bool take_source(char *source) {
    char *colon = *source == '[' ? strstr(source, "]:") : strchr(source, ':');
    if (colon == NULL) {
        complain("%s is not of the form SERVER:PATH", source);
        return false;
    }
    if (*source == '[') {
        source++;
        *colon++ = '\0';
    }
    *colon = '\0';
    options.server = source;
    options.path = colon[1] == '\0' ? "/" : colon + 1;
    return true;
}

static bool take_arguments(int count, char **words) {
    int flag;
    while ((flag = getopt(count, words, "o:rwvfnsihV")) != -1) {
        switch (flag) {
        case 'o':
            if (!take_options(optarg))
                return false;
            break;
        case 'r': take_options((char[]){"ro"}); break;
        case 'v': options.verbose = true; break;
        case 'f': options.fake = true; break;
        case 'w': case 'n': case 's': case 'i': break; /* the default, or of no meaning here */
        case 'V':
            puts("mount.nfs (hachaos, libnfs and FUSE)");
            exit(EXIT_SUCCESS);
        default:
            return false;
        }
    }
    if (count - optind != 2 || !take_source(words[optind]))
        return false;
    options.target = words[optind + 1];
    return true;
}

/* ---- asking the server, before there is a mount ---- */

struct question {
    bool over, good;
    char error[256];
    struct handle *root;
    unsigned rtmax, wtmax;
};

static void fail_question(struct question *question, struct rpc_context *rpc, const char *what) {
    const char *why = rpc_get_error(rpc);
    snprintf(question->error, sizeof question->error, "%s: %s", what, why == NULL ? "no answer" : why);
    question->over = true;
}

static void on_connected(struct rpc_context *rpc, int status, void *data, void *private) {
    (void)data;
    struct question *question = private;
    if (status != RPC_STATUS_SUCCESS) {
        fail_question(question, rpc, "cannot connect");
        return;
    }
    question->over = question->good = true;
}

static void on_mounted(struct rpc_context *rpc, int status, void *data, void *private) {
    struct question *question = private;
    mountres3 *result = data;
    if (status != RPC_STATUS_SUCCESS) {
        fail_question(question, rpc, "the mount daemon did not answer");
        return;
    }
    question->over = true;
    if (result->fhs_status != MNT3_OK) {
        int error = (int)result->fhs_status; /* Unix's own numbers, but for those above 10000 */
        snprintf(question->error, sizeof question->error, "access denied or no such export: %s",
                 error < 10000 ? strerror(error) : "not supported");
        return;
    }
    fhandle3 *handle = &result->mountres3_u.mountinfo.fhandle;
    question->root->length = handle->fhandle3_len < NFS3_FHSIZE ? handle->fhandle3_len : NFS3_FHSIZE;
    memcpy(question->root->bytes, handle->fhandle3_val, question->root->length);
    question->good = true;
}

static void on_information(struct rpc_context *rpc, int status, void *data, void *private) {
    struct question *question = private;
    FSINFO3res *result = data;
    if (status != RPC_STATUS_SUCCESS || result->status != NFS3_OK) {
        fail_question(question, rpc, "the server did not describe the export");
        return;
    }
    question->rtmax = result->FSINFO3res_u.resok.rtmax;
    question->wtmax = result->FSINFO3res_u.resok.wtmax;
    question->over = question->good = true;
}

/* Wait for the answer to what was asked last. */
static bool answered(struct rpc_context *rpc, struct question *question) {
    int64_t until = now_ms() + ASK_TIMEOUT_MS;
    while (!question->over) {
        struct pollfd wait = {.fd = rpc_get_fd(rpc), .events = (short)rpc_which_events(rpc)};
        int64_t left = until - now_ms();
        if (left <= 0 || poll(&wait, 1, (int)left) < 0) {
            snprintf(question->error, sizeof question->error, "no answer within %d s", ASK_TIMEOUT_MS / 1000);
            break;
        }
        if (rpc_service(rpc, wait.revents) < 0 && !question->over) {
            fail_question(question, rpc, "connection lost");
            break;
        }
    }
    return question->good;
}

static bool connect_to(struct rpc_context *rpc, int port, int program, int version, struct question *question) {
    question->over = question->good = false;
    int failed = port != 0 ? rpc_connect_async(rpc, options.address, port, on_connected, question)
                           : rpc_connect_program_async(rpc, options.address, program, version, on_connected, question);
    if (failed) {
        fail_question(question, rpc, "cannot connect");
        return false;
    }
    return answered(rpc, question);
}

static bool ask_for_root(struct question *question) {
    struct rpc_context *rpc = rpc_init_context();
    bool good = rpc != NULL && connect_to(rpc, options.mountport, MOUNT_PROGRAM, MOUNT_V3, question);
    if (good) {
        question->over = question->good = false;
        good = rpc_mount3_mnt_async(rpc, on_mounted, options.path, question) == 0 && answered(rpc, question);
    }
    if (rpc != NULL)
        rpc_destroy_context(rpc);
    return good;
}

static bool ask_for_limits(struct question *question) {
    struct rpc_context *rpc = rpc_init_context();
    bool good = rpc != NULL && connect_to(rpc, options.port, NFS_PROGRAM, NFS_V3, question);
    if (good) {
        FSINFO3args arguments = {.fsroot = {.data = {question->root->length, question->root->bytes}}};
        question->over = question->good = false;
        good = rpc_nfs3_fsinfo_async(rpc, on_information, &arguments, question) == 0 && answered(rpc, question);
    }
    if (rpc != NULL)
        rpc_destroy_context(rpc);
    return good;
}

static unsigned limited(unsigned wanted, unsigned most_of_server) {
    unsigned size = wanted < MOST_BYTES_AT_ONCE ? wanted : MOST_BYTES_AT_ONCE;
    if (most_of_server != 0 && size > most_of_server)
        size = most_of_server;
    size -= size % LEAST_BYTES_AT_ONCE;
    return size < LEAST_BYTES_AT_ONCE ? LEAST_BYTES_AT_ONCE : size;
}

static bool resolve(void) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char address[128];
    int status = getaddrinfo(options.server, NULL, &hints, &found);
    if (status == 0)
        status = getnameinfo(found->ai_addr, found->ai_addrlen, address, sizeof address, NULL, 0, NI_NUMERICHOST);
    if (found != NULL)
        freeaddrinfo(found);
    if (status != 0) {
        complain("%s: %s", options.server, gai_strerror(status));
        return false;
    }
    options.address = strdup(address);
    return options.address != NULL;
}

/* The export's root handle and the sizes of reads and writes; tries for `retry` minutes, as mount.nfs does. */
static bool ask_server(struct handle *root) {
    int64_t until = now_ms() + options.retry * 60000LL;
    struct question question = {.root = root};
    for (;;) {
        if (ask_for_root(&question) && ask_for_limits(&question)) {
            options.rsize = limited(options.rsize, question.rtmax);
            options.wsize = limited(options.wsize, question.wtmax);
            if (options.port == 0)
                options.port = NFS_DEFAULT_PORT;
            return true;
        }
        bool refused = strstr(question.error, "denied") != NULL;
        if (refused || now_ms() >= until) {
            complain("%s:%s: %s", options.server, options.path, question.error);
            return false;
        }
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    }
}

/* ---- the event loop ---- */

/* Take one request from the kernel. False: there will be no more, the file system is unmounted. */
static bool take_request(struct fuse_session *session) {
    static struct fuse_buf buffer;
    int length = fuse_session_receive_buf(session, &buffer);
    if (length == -EAGAIN || length == -EINTR)
        return true;
    if (length <= 0)
        return false;
    fuse_session_process_buf(session, &buffer);
    return !fuse_session_exited(session);
}

static int serve(struct fuse_session *session) {
    int fuse_fd = fuse_session_fd(session);
    fcntl(fuse_fd, F_SETFL, fcntl(fuse_fd, F_GETFL) | O_NONBLOCK);
    while (!fuse_session_exited(session)) {
        struct pollfd waits[2] = {
            {.fd = fuse_fd, .events = POLLIN},
            {.fd = connection_fd(), .events = (short)connection_events()},
        };
        if (poll(waits, 2, connection_wait_ms()) < 0) {
            if (errno == EINTR)
                continue;
            return EXIT_SYSTEM;
        }
        if (waits[1].fd >= 0)
            connection_service(waits[1].revents);
        connection_tick();
        if (waits[0].revents != 0 && !take_request(session))
            break;
    }
    return EXIT_SUCCESS;
}

int main(int count, char **words) {
    static struct fuse_session *session;
    struct handle root;
    if (!take_arguments(count, words)) {
        fputs("usage: mount.nfs SERVER:PATH TARGET [-rvf] [-o OPTION,...]\n", stderr);
        return EXIT_USAGE;
    }
    if (options.fake)
        return EXIT_SUCCESS;
    signal(SIGPIPE, SIG_IGN);
    if (!resolve() || !ask_server(&root))
        return EXIT_MOUNT;

    char settings[1024];
    snprintf(settings, sizeof settings,
             "-osubtype=nfs,fsname=%s:%s,allow_other,default_permissions,max_read=%u%s", options.server, options.path,
             options.rsize, options.fuse);
    char *arguments[] = {"mount.nfs", settings, NULL};
    struct fuse_args fuse_arguments = FUSE_ARGS_INIT(2, arguments);
    connection_configure(&options);
    filesystem_configure(&options, &root, &session);
    session = fuse_session_new(&fuse_arguments, &filesystem_operations, sizeof filesystem_operations, NULL);
    if (session == NULL || fuse_set_signal_handlers(session) != 0)
        return EXIT_SYSTEM;
    if (fuse_session_mount(session, options.target) != 0)
        return EXIT_MOUNT;
    if (!take_request(session)) { /* the kernel's first, in which both sides agree on what they can do */
        fuse_session_unmount(session);
        return EXIT_MOUNT;
    }
    if (options.verbose)
        printf("mount.nfs: %s:%s on %s (NFSv3 through FUSE, rsize=%u, wsize=%u)\n", options.server, options.path,
               options.target, options.rsize, options.wsize);
    fflush(stdout);
    if (fuse_daemonize(0) != 0)
        return EXIT_SYSTEM;
    int status = serve(session);
    fuse_session_unmount(session);
    fuse_remove_signal_handlers(session);
    fuse_session_destroy(session);
    return status;
}
