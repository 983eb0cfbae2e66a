/*
 * mount.nfs: an NFSv3 client in user space, for kernels without one. See main.c for what it promises.
 *
 *   main.c        command line, the mount protocol, the event loop
 *   connection.c  the connection to the server, and the calls that wait for its answers
 *   filesystem.c  what the kernel asks, as calls to the server
 */
#ifndef NFS_MOUNT_H
#define NFS_MOUNT_H

#define FUSE_USE_VERSION 35

#include <fuse3/fuse_lowlevel.h>
#include <nfsc/libnfs-zdr.h>
#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>
#include <nfsc/libnfs-raw-mount.h>
#include <nfsc/libnfs-raw-nfs.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define NFS_DEFAULT_PORT 2049
#define MAX_GROUPS 16 /* as many as AUTH_UNIX can carry */

/* What the mount command asks for. Times in seconds, timeo in tenths of one, as in nfs(5). */
struct options {
    char *server;
    char *address; /* the server's, as a number */
    char *path;
    char *target;
    int port;      /* 0: ask the server's port mapper */
    int mountport; /* 0: the same */
    unsigned rsize, wsize;
    unsigned timeo, retrans, retry;
    double acregmin, acdirmin;
    bool soft, verbose, fake;
    char fuse[512]; /* options that the kernel is to know */
};

/* A file's name at the server. */
struct handle {
    unsigned length;
    char bytes[NFS3_FHSIZE];
};

/* One call to the server. It stays until it is answered, whatever becomes of connections. */
struct call {
    struct call *next, *previous;
    fuse_req_t request; /* NULL once the kernel has its answer */
    bool sent, interrupted;
    uint32_t xid;
    int64_t began_ms, not_before_ms;

    /* Encodes the call and hands it to the connection; 0 or an error. It is called again on each new connection. */
    int (*send)(struct rpc_context *rpc, struct call *call);
    /* Takes the server's answer (the procedure's result structure). */
    void (*done)(struct call *call, void *result);

    uint32_t uid, gid, group_count, groups[MAX_GROUPS];

    /* The arguments: each procedure uses those that it needs. */
    struct handle file, directory, target;
    char *name, *other_name;
    char *data;
    size_t size, finished;
    off_t offset;
    mode_t mode;
    dev_t device;
    bool exclusive, opens, removes;
    struct sattr3 attributes;
    struct fuse_file_info info;
};

/* connection.c */
void connection_configure(const struct options *options);
void connection_submit(struct call *call);
void connection_release(struct call *call); /* the answer is given: forget the call */
int connection_fd(void);                    /* -1: nothing to wait for */
int connection_events(void);
void connection_answered(struct rpc_context *rpc, int status, void *result, void *call); /* libnfs's callback */
void connection_service(int events);
void connection_tick(void);
int connection_wait_ms(void); /* how long the event loop may sleep; -1: until something happens */
int64_t now_ms(void);

/* filesystem.c */
extern const struct fuse_lowlevel_ops filesystem_operations;
void filesystem_configure(const struct options *options, const struct handle *root, struct fuse_session **session);
int filesystem_error(nfsstat3 status); /* a positive errno */

/* main.c */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
