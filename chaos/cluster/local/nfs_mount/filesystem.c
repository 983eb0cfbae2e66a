/*
 * What the kernel asks, as calls to the server.
 *
 * Nothing is held back: a write is answered when the server has it on its disk (FILE_SYNC), so that fsync and close
 * have nothing left to do, and a server that dies takes no acknowledged write with it. Attributes are believed for
 * acregmin/acdirmin seconds, and asked for anew after each open (close-to-open consistency), as nfs(5) describes it.
 */
#include "nfs_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define BUCKETS 4096
#define SILLY_PREFIX ".nfs"

/* A file that the kernel knows. Its inode number for the kernel is its address; the root's is FUSE_ROOT_ID. */
struct node {
    struct node *next; /* in the bucket */
    struct handle handle;
    uint64_t lookups;
    unsigned opened;
    /* Removed while open: the name that it lies under at the server until it is closed. */
    char *silly_name;
    struct handle silly_directory;
};

struct directory {
    cookieverf3 verifier;
};

static const struct options *options;
static struct fuse_session **session;
static struct node root = {.lookups = 1};
static struct node *buckets[BUCKETS];
static unsigned open_files;

void filesystem_configure(const struct options *given, const struct handle *handle, struct fuse_session **where) {
    options = given;
    root.handle = *handle;
    session = where;
}

int filesystem_error(nfsstat3 status) {
    switch (status) {
    case NFS3_OK: return 0;
    case NFS3ERR_NOTEMPTY: return ENOTEMPTY;
    case NFS3ERR_NAMETOOLONG: return ENAMETOOLONG;
    case NFS3ERR_DQUOT: return EDQUOT;
    case NFS3ERR_STALE: return ESTALE;
    case NFS3ERR_BADHANDLE: return ESTALE;
    case NFS3ERR_REMOTE: return EREMOTE;
    case NFS3ERR_NOT_SYNC: return EIO;
    case NFS3ERR_BAD_COOKIE: return EINVAL;
    case NFS3ERR_NOTSUPP: return EOPNOTSUPP;
    case NFS3ERR_TOOSMALL: return EINVAL;
    case NFS3ERR_SERVERFAULT: return EIO;
    case NFS3ERR_BADTYPE: return EINVAL;
    default: return status > 0 && status < 35 ? (int)status : EIO; /* the others are Unix's own numbers */
    }
}

/* ---- nodes ---- */

static struct node *node_of(fuse_ino_t inode) { return inode == FUSE_ROOT_ID ? &root : (struct node *)(uintptr_t)inode; }

static struct handle handle_of(const nfs_fh3 *from) {
    struct handle handle = {.length = from->data.data_len < NFS3_FHSIZE ? from->data.data_len : NFS3_FHSIZE};
    memcpy(handle.bytes, from->data.data_val, handle.length);
    return handle;
}

static nfs_fh3 wire(struct handle *handle) {
    nfs_fh3 fh;
    fh.data.data_len = handle->length;
    fh.data.data_val = handle->bytes;
    return fh;
}

static bool same(const struct handle *a, const struct handle *b) {
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static struct node **bucket_of(const struct handle *handle) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (unsigned i = 0; i < handle->length; i++)
        hash = (hash ^ (unsigned char)handle->bytes[i]) * 16777619u;
    return &buckets[hash % BUCKETS];
}

static struct node *find_node(const struct handle *handle) {
    if (same(handle, &root.handle))
        return &root;
    for (struct node *node = *bucket_of(handle); node != NULL; node = node->next)
        if (same(&node->handle, handle))
            return node;
    return NULL;
}

/* The node of this handle, made if need be, with one lookup more. NULL: no memory. */
static struct node *remember(const struct handle *handle) {
    struct node *node = find_node(handle);
    if (node == NULL) {
        node = calloc(1, sizeof *node);
        if (node == NULL)
            return NULL;
        struct node **bucket = bucket_of(handle);
        node->handle = *handle;
        node->next = *bucket;
        *bucket = node;
    }
    node->lookups++;
    return node;
}

static void forget(struct node *node, uint64_t times) {
    if (node == &root)
        return;
    node->lookups = node->lookups > times ? node->lookups - times : 0;
    if (node->lookups > 0 || node->opened > 0)
        return;
    for (struct node **at = bucket_of(&node->handle); *at != NULL; at = &(*at)->next)
        if (*at == node) {
            *at = node->next;
            break;
        }
    free(node->silly_name);
    free(node);
}

/* ---- calls ---- */

static void on_interrupt(fuse_req_t request, void *data) {
    (void)request;
    ((struct call *)data)->interrupted = true; /* the event loop looks whether the signal is a deadly one */
}

/* A call on behalf of whoever made the request. NULL: no memory, and the kernel has been told. */
static struct call *new_call(fuse_req_t request, fuse_ino_t inode) {
    struct call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        if (request != NULL)
            fuse_reply_err(request, ENOMEM);
        return NULL;
    }
    call->request = request;
    call->file = node_of(inode)->handle;
    if (request != NULL) {
        const struct fuse_ctx *who = fuse_req_ctx(request);
        call->uid = who->uid;
        call->gid = who->gid;
        gid_t groups[MAX_GROUPS];
        int count = who->uid == 0 ? 0 : fuse_req_getgroups(request, MAX_GROUPS, groups);
        for (int i = 0; i < count && i < MAX_GROUPS; i++)
            call->groups[call->group_count++] = groups[i];
    }
    return call;
}

static bool copy_name(struct call *call, char **to, const char *from) {
    *to = strdup(from);
    if (*to != NULL)
        return true;
    fuse_reply_err(call->request, ENOMEM);
    free(call->name);
    free(call->other_name);
    free(call);
    return false;
}

static void submit(struct call *call, int (*send)(struct rpc_context *, struct call *),
                   void (*done)(struct call *, void *)) {
    call->send = send;
    call->done = done;
    if (call->request != NULL && call->next == NULL)
        fuse_req_interrupt_func(call->request, on_interrupt, call);
    connection_submit(call);
}

static void answer_error(struct call *call, int error) {
    if (call->request != NULL)
        fuse_reply_err(call->request, error);
    connection_release(call);
}

/* The answer to a call whose result is its status alone. */
static void done_status(struct call *call, void *result) { answer_error(call, filesystem_error(*(nfsstat3 *)result)); }

/* ---- attributes ---- */

static mode_t type_bits(ftype3 type) {
    switch (type) {
    case NF3DIR: return S_IFDIR;
    case NF3BLK: return S_IFBLK;
    case NF3CHR: return S_IFCHR;
    case NF3LNK: return S_IFLNK;
    case NF3SOCK: return S_IFSOCK;
    case NF3FIFO: return S_IFIFO;
    default: return S_IFREG;
    }
}

static struct stat to_stat(const fattr3 *from) {
    struct stat to = {
        .st_ino = from->fileid,
        .st_mode = type_bits(from->type) | (from->mode & 07777),
        .st_nlink = from->nlink,
        .st_uid = from->uid,
        .st_gid = from->gid,
        .st_rdev = makedev(from->rdev.specdata1, from->rdev.specdata2),
        .st_size = (off_t)from->size,
        .st_blocks = (blkcnt_t)((from->used + 511) / 512),
        .st_blksize = 4096,
        .st_atim = {from->atime.seconds, from->atime.nseconds},
        .st_mtim = {from->mtime.seconds, from->mtime.nseconds},
        .st_ctim = {from->ctime.seconds, from->ctime.nseconds},
    };
    return to;
}

static double believed_s(const struct stat *attributes) {
    return S_ISDIR(attributes->st_mode) ? options->acdirmin : options->acregmin;
}

static int send_getattr(struct rpc_context *rpc, struct call *call) {
    GETATTR3args arguments = {.object = wire(&call->file)};
    return rpc_nfs3_getattr_async(rpc, connection_answered, &arguments, call);
}

static void done_getattr(struct call *call, void *data) {
    GETATTR3res *result = data;
    if (result->status != NFS3_OK || call->request == NULL) {
        answer_error(call, filesystem_error(result->status));
        return;
    }
    struct stat attributes = to_stat(&result->GETATTR3res_u.resok.obj_attributes);
    fuse_reply_attr(call->request, &attributes, believed_s(&attributes));
    connection_release(call);
}

static void do_getattr(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info) {
    (void)info;
    struct call *call = new_call(request, inode);
    if (call != NULL)
        submit(call, send_getattr, done_getattr);
}

static int send_setattr(struct rpc_context *rpc, struct call *call) {
    SETATTR3args arguments = {.object = wire(&call->file), .new_attributes = call->attributes};
    return rpc_nfs3_setattr_async(rpc, connection_answered, &arguments, call);
}

static void done_setattr(struct call *call, void *data) {
    SETATTR3res *result = data;
    if (result->status != NFS3_OK || call->request == NULL) {
        answer_error(call, filesystem_error(result->status));
        return;
    }
    post_op_attr *after = &result->SETATTR3res_u.resok.obj_wcc.after;
    if (!after->attributes_follow) {
        submit(call, send_getattr, done_getattr);
        return;
    }
    struct stat attributes = to_stat(&after->post_op_attr_u.attributes);
    fuse_reply_attr(call->request, &attributes, believed_s(&attributes));
    connection_release(call);
}

static nfstime3 to_time(struct timespec time) {
    return (nfstime3){.seconds = (u_int)time.tv_sec, .nseconds = (u_int)time.tv_nsec};
}

static void set_mode(struct sattr3 *attributes, mode_t mode) {
    attributes->mode.set_it = 1;
    attributes->mode.set_mode3_u.mode = mode & 07777;
}

static void do_setattr(fuse_req_t request, fuse_ino_t inode, struct stat *wanted, int which,
                       struct fuse_file_info *info) {
    (void)info;
    struct call *call = new_call(request, inode);
    if (call == NULL)
        return;
    struct sattr3 *to = &call->attributes;
    if (which & FUSE_SET_ATTR_MODE)
        set_mode(to, wanted->st_mode);
    if (which & FUSE_SET_ATTR_UID) {
        to->uid.set_it = 1;
        to->uid.set_uid3_u.uid = wanted->st_uid;
    }
    if (which & FUSE_SET_ATTR_GID) {
        to->gid.set_it = 1;
        to->gid.set_gid3_u.gid = wanted->st_gid;
    }
    if (which & FUSE_SET_ATTR_SIZE) {
        to->size.set_it = 1;
        to->size.set_size3_u.size = (size3)wanted->st_size;
    }
    if (which & FUSE_SET_ATTR_ATIME_NOW) {
        to->atime.set_it = SET_TO_SERVER_TIME;
    } else if (which & FUSE_SET_ATTR_ATIME) {
        to->atime.set_it = SET_TO_CLIENT_TIME;
        to->atime.set_atime_u.atime = to_time(wanted->st_atim);
    }
    if (which & FUSE_SET_ATTR_MTIME_NOW) {
        to->mtime.set_it = SET_TO_SERVER_TIME;
    } else if (which & FUSE_SET_ATTR_MTIME) {
        to->mtime.set_it = SET_TO_CLIENT_TIME;
        to->mtime.set_mtime_u.mtime = to_time(wanted->st_mtim);
    }
    submit(call, send_setattr, done_setattr);
}

/* ---- names ---- */

static void answer_entry(struct call *call, const struct handle *handle, const fattr3 *attributes) {
    struct node *node = call->request == NULL ? NULL : remember(handle);
    if (node == NULL) {
        answer_error(call, ENOMEM);
        return;
    }
    struct fuse_entry_param entry = {
        .ino = node == &root ? FUSE_ROOT_ID : (fuse_ino_t)(uintptr_t)node,
        .attr = to_stat(attributes),
    };
    entry.attr_timeout = believed_s(&entry.attr);
    entry.entry_timeout = options->acdirmin;
    int gone;
    if (call->opens) {
        node->opened++;
        open_files++;
        gone = fuse_reply_create(call->request, &entry, &call->info);
        if (gone) {
            node->opened--;
            open_files--;
        }
    } else {
        gone = fuse_reply_entry(call->request, &entry);
    }
    if (gone) /* the one who asked is no more: the kernel has not counted it */
        forget(node, 1);
    connection_release(call);
}

static int send_lookup(struct rpc_context *rpc, struct call *call) {
    LOOKUP3args arguments = {.what = {.dir = wire(&call->directory), .name = call->name}};
    return rpc_nfs3_lookup_async(rpc, connection_answered, &arguments, call);
}

static void done_entry_getattr(struct call *call, void *data) {
    GETATTR3res *result = data;
    if (result->status != NFS3_OK)
        answer_error(call, filesystem_error(result->status));
    else
        answer_entry(call, &call->file, &result->GETATTR3res_u.resok.obj_attributes);
}

static void done_lookup(struct call *call, void *data) {
    LOOKUP3res *result = data;
    if (result->status != NFS3_OK) {
        answer_error(call, filesystem_error(result->status));
        return;
    }
    call->file = handle_of(&result->LOOKUP3res_u.resok.object);
    post_op_attr *attributes = &result->LOOKUP3res_u.resok.obj_attributes;
    if (attributes->attributes_follow)
        answer_entry(call, &call->file, &attributes->post_op_attr_u.attributes);
    else
        submit(call, send_getattr, done_entry_getattr);
}

/* A call about `name` in a folder. */
static struct call *new_name_call(fuse_req_t request, fuse_ino_t parent, const char *name) {
    struct call *call = new_call(request, parent);
    if (call == NULL || !copy_name(call, &call->name, name))
        return NULL;
    call->directory = call->file;
    return call;
}

static void do_lookup(fuse_req_t request, fuse_ino_t parent, const char *name) {
    struct call *call = new_name_call(request, parent, name);
    if (call != NULL)
        submit(call, send_lookup, done_lookup);
}

static void do_forget(fuse_req_t request, fuse_ino_t inode, uint64_t times) {
    forget(node_of(inode), times);
    fuse_reply_none(request);
}

static void do_forget_multi(fuse_req_t request, size_t count, struct fuse_forget_data *forgets) {
    for (size_t i = 0; i < count; i++)
        forget(node_of(forgets[i].ino), forgets[i].nlookup);
    fuse_reply_none(request);
}

/* The answers to CREATE, MKDIR, SYMLINK and MKNOD look alike. */
static void answer_made(struct call *call, nfsstat3 status, post_op_fh3 *made, post_op_attr *attributes) {
    if (status != NFS3_OK) {
        answer_error(call, filesystem_error(status));
    } else if (made->handle_follows && attributes->attributes_follow) {
        struct handle handle = handle_of(&made->post_op_fh3_u.handle);
        answer_entry(call, &handle, &attributes->post_op_attr_u.attributes);
    } else {
        submit(call, send_lookup, done_lookup);
    }
}

static int send_create(struct rpc_context *rpc, struct call *call) {
    CREATE3args arguments = {.where = {.dir = wire(&call->directory), .name = call->name}};
    arguments.how.mode = call->exclusive ? GUARDED : UNCHECKED;
    if (call->exclusive)
        arguments.how.createhow3_u.g_obj_attributes = call->attributes;
    else
        arguments.how.createhow3_u.obj_attributes = call->attributes;
    return rpc_nfs3_create_async(rpc, connection_answered, &arguments, call);
}

static void done_create(struct call *call, void *data) {
    CREATE3res *result = data;
    CREATE3resok *made = &result->CREATE3res_u.resok;
    answer_made(call, result->status, &made->obj, &made->obj_attributes);
}

static void do_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
                      struct fuse_file_info *info) {
    struct call *call = new_name_call(request, parent, name);
    if (call == NULL)
        return;
    set_mode(&call->attributes, mode);
    call->opens = true;
    call->exclusive = info->flags & O_EXCL;
    call->info = *info;
    submit(call, send_create, done_create);
}

static int send_mkdir(struct rpc_context *rpc, struct call *call) {
    MKDIR3args arguments = {.where = {.dir = wire(&call->directory), .name = call->name},
                            .attributes = call->attributes};
    return rpc_nfs3_mkdir_async(rpc, connection_answered, &arguments, call);
}

static void done_mkdir(struct call *call, void *data) {
    MKDIR3res *result = data;
    MKDIR3resok *made = &result->MKDIR3res_u.resok;
    answer_made(call, result->status, &made->obj, &made->obj_attributes);
}

static void do_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode) {
    struct call *call = new_name_call(request, parent, name);
    if (call == NULL)
        return;
    set_mode(&call->attributes, mode);
    submit(call, send_mkdir, done_mkdir);
}

static int send_symlink(struct rpc_context *rpc, struct call *call) {
    SYMLINK3args arguments = {.where = {.dir = wire(&call->directory), .name = call->name},
                              .symlink = {.symlink_attributes = call->attributes, .symlink_data = call->other_name}};
    return rpc_nfs3_symlink_async(rpc, connection_answered, &arguments, call);
}

static void done_symlink(struct call *call, void *data) {
    SYMLINK3res *result = data;
    SYMLINK3resok *made = &result->SYMLINK3res_u.resok;
    answer_made(call, result->status, &made->obj, &made->obj_attributes);
}

static void do_symlink(fuse_req_t request, const char *text, fuse_ino_t parent, const char *name) {
    struct call *call = new_name_call(request, parent, name);
    if (call == NULL || !copy_name(call, &call->other_name, text))
        return;
    set_mode(&call->attributes, 0777);
    submit(call, send_symlink, done_symlink);
}

static int send_mknod(struct rpc_context *rpc, struct call *call) {
    MKNOD3args arguments = {.where = {.dir = wire(&call->directory), .name = call->name}};
    devicedata3 device = {.dev_attributes = call->attributes,
                          .spec = {.specdata1 = major(call->device), .specdata2 = minor(call->device)}};
    switch (call->mode & S_IFMT) {
    case S_IFCHR:
        arguments.what.type = NF3CHR;
        arguments.what.mknoddata3_u.chr_device = device;
        break;
    case S_IFBLK:
        arguments.what.type = NF3BLK;
        arguments.what.mknoddata3_u.blk_device = device;
        break;
    case S_IFSOCK:
        arguments.what.type = NF3SOCK;
        arguments.what.mknoddata3_u.sock_attributes = call->attributes;
        break;
    default:
        arguments.what.type = NF3FIFO;
        arguments.what.mknoddata3_u.pipe_attributes = call->attributes;
    }
    return rpc_nfs3_mknod_async(rpc, connection_answered, &arguments, call);
}

static void done_mknod(struct call *call, void *data) {
    MKNOD3res *result = data;
    MKNOD3resok *made = &result->MKNOD3res_u.resok;
    answer_made(call, result->status, &made->obj, &made->obj_attributes);
}

static void do_mknod(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode, dev_t device) {
    struct call *call = new_name_call(request, parent, name);
    if (call == NULL)
        return;
    set_mode(&call->attributes, mode);
    call->mode = mode;
    call->device = device;
    call->exclusive = true;
    if (S_ISREG(mode))
        submit(call, send_create, done_create);
    else
        submit(call, send_mknod, done_mknod);
}

static int send_link(struct rpc_context *rpc, struct call *call) {
    LINK3args arguments = {.file = wire(&call->file),
                           .link = {.dir = wire(&call->directory), .name = call->name}};
    return rpc_nfs3_link_async(rpc, connection_answered, &arguments, call);
}

static void done_link(struct call *call, void *data) {
    LINK3res *result = data;
    if (result->status != NFS3_OK)
        answer_error(call, filesystem_error(result->status));
    else
        submit(call, send_lookup, done_lookup);
}

static void do_link(fuse_req_t request, fuse_ino_t inode, fuse_ino_t parent, const char *name) {
    struct call *call = new_name_call(request, parent, name);
    if (call == NULL)
        return;
    call->file = node_of(inode)->handle;
    submit(call, send_link, done_link);
}

static int send_rmdir(struct rpc_context *rpc, struct call *call) {
    RMDIR3args arguments = {.object = {.dir = wire(&call->directory), .name = call->name}};
    return rpc_nfs3_rmdir_async(rpc, connection_answered, &arguments, call);
}

static void do_rmdir(fuse_req_t request, fuse_ino_t parent, const char *name) {
    struct call *call = new_name_call(request, parent, name);
    if (call != NULL)
        submit(call, send_rmdir, done_status);
}

static int send_readlink(struct rpc_context *rpc, struct call *call) {
    READLINK3args arguments = {.symlink = wire(&call->file)};
    return rpc_nfs3_readlink_async(rpc, connection_answered, &arguments, call);
}

static void done_readlink(struct call *call, void *data) {
    READLINK3res *result = data;
    if (result->status != NFS3_OK || call->request == NULL) {
        answer_error(call, filesystem_error(result->status));
        return;
    }
    fuse_reply_readlink(call->request, result->READLINK3res_u.resok.data);
    connection_release(call);
}

static void do_readlink(fuse_req_t request, fuse_ino_t inode) {
    struct call *call = new_call(request, inode);
    if (call != NULL)
        submit(call, send_readlink, done_readlink);
}

/* ---- unlink and rename: what is open gets another name first, as the server knows nothing of open files ---- */

static int send_remove(struct rpc_context *rpc, struct call *call) {
    REMOVE3args arguments = {.object = {.dir = wire(&call->directory), .name = call->other_name}};
    return rpc_nfs3_remove_async(rpc, connection_answered, &arguments, call);
}

static int send_rename(struct rpc_context *rpc, struct call *call) {
    RENAME3args arguments = {.from = {.dir = wire(&call->file), .name = call->name},
                             .to = {.dir = wire(&call->directory), .name = call->other_name}};
    return rpc_nfs3_rename_async(rpc, connection_answered, &arguments, call);
}

static int send_aside(struct rpc_context *rpc, struct call *call) {
    RENAME3args arguments = {.from = {.dir = wire(&call->directory), .name = call->other_name},
                             .to = {.dir = wire(&call->directory), .name = call->data}};
    return rpc_nfs3_rename_async(rpc, connection_answered, &arguments, call);
}

static int send_target_lookup(struct rpc_context *rpc, struct call *call) {
    LOOKUP3args arguments = {.what = {.dir = wire(&call->directory), .name = call->other_name}};
    return rpc_nfs3_lookup_async(rpc, connection_answered, &arguments, call);
}

static void go_on(struct call *call) { submit(call, call->removes ? send_remove : send_rename, done_status); }

static void remove_silently(const struct handle *directory, char *name) {
    struct call *call = new_call(NULL, FUSE_ROOT_ID);
    if (call == NULL) {
        free(name);
        return;
    }
    call->directory = *directory;
    call->other_name = name;
    submit(call, send_remove, done_status);
}

static void done_aside(struct call *call, void *data) {
    RENAME3res *result = data;
    if (result->status != NFS3_OK) {
        answer_error(call, filesystem_error(result->status));
        return;
    }
    struct node *node = find_node(&call->target);
    if (node != NULL && node->opened > 0) {
        node->silly_name = call->data;
        node->silly_directory = call->directory;
    } else { /* closed in the meantime */
        remove_silently(&call->directory, call->data);
    }
    call->data = NULL;
    if (call->removes)
        answer_error(call, 0);
    else
        go_on(call);
}

static void done_target_lookup(struct call *call, void *data) {
    static unsigned serial;
    LOOKUP3res *result = data;
    if (result->status == NFS3_OK) {
        call->target = handle_of(&result->LOOKUP3res_u.resok.object);
        struct node *node = find_node(&call->target);
        if (node != NULL && node->opened > 0 && node->silly_name == NULL) {
            char name[64];
            snprintf(name, sizeof name, SILLY_PREFIX "%08x%08x%08x", (unsigned)getpid(), (unsigned)now_ms(), ++serial);
            call->data = strdup(name);
            if (call->data != NULL) {
                submit(call, send_aside, done_aside);
                return;
            }
        }
    }
    go_on(call);
}

/* Do what the call is for (on other_name in directory), once an open file there has been set aside. */
static void replace(struct call *call) {
    if (open_files == 0)
        go_on(call);
    else
        submit(call, send_target_lookup, done_target_lookup);
}

static void do_unlink(fuse_req_t request, fuse_ino_t parent, const char *name) {
    struct call *call = new_call(request, parent);
    if (call == NULL || !copy_name(call, &call->other_name, name))
        return;
    call->directory = call->file;
    call->removes = true;
    replace(call);
}

static void do_rename(fuse_req_t request, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
                      const char *new_name, unsigned flags) {
    if (flags != 0) { /* NFSv3 can neither exchange two names nor keep an existing one */
        fuse_reply_err(request, EINVAL);
        return;
    }
    struct call *call = new_call(request, parent);
    if (call == NULL || !copy_name(call, &call->name, name) || !copy_name(call, &call->other_name, new_name))
        return;
    call->directory = node_of(new_parent)->handle;
    replace(call);
}

/* ---- files ---- */

static void do_open(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info) {
    struct node *node = node_of(inode);
    node->opened++;
    open_files++;
    /* Close-to-open: what another client wrote and closed must be seen, its size too. Only the attributes are named
       here (offset -1): the kernel drops the pages itself as the file is not opened with keep_cache. */
    fuse_lowlevel_notify_inval_inode(*session, inode, -1, 0);
    if (fuse_reply_open(request, info) != 0) {
        node->opened--;
        open_files--;
    }
}

static void do_release(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info) {
    (void)info;
    struct node *node = node_of(inode);
    node->opened--;
    open_files--;
    if (node->opened == 0 && node->silly_name != NULL) {
        remove_silently(&node->silly_directory, node->silly_name);
        node->silly_name = NULL;
    }
    fuse_reply_err(request, 0);
}

/* Every write is on the server's disk when it is answered. */
static void do_flush(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info) {
    (void)inode;
    (void)info;
    fuse_reply_err(request, 0);
}

static void do_fsync(fuse_req_t request, fuse_ino_t inode, int only_data, struct fuse_file_info *info) {
    (void)inode;
    (void)only_data;
    (void)info;
    fuse_reply_err(request, 0);
}

static int send_read(struct rpc_context *rpc, struct call *call) {
    READ3args arguments = {.file = wire(&call->file),
                           .offset = (offset3)call->offset + call->finished,
                           .count = (count3)(call->size - call->finished)};
    return rpc_nfs3_read_async(rpc, connection_answered, &arguments, call);
}

static void done_read(struct call *call, void *data) {
    READ3res *result = data;
    READ3resok *got = &result->READ3res_u.resok;
    if (result->status != NFS3_OK || call->request == NULL) {
        answer_error(call, filesystem_error(result->status));
        return;
    }
    size_t room = call->size - call->finished;
    size_t length = got->data.data_len < room ? got->data.data_len : room;
    bool last = got->eof || length == room || length == 0;
    if (last && call->finished == 0) {
        fuse_reply_buf(call->request, got->data.data_val, length);
        connection_release(call);
        return;
    }
    /* The server gives less at a time than was asked for: put the pieces together. */
    if (call->data == NULL && (call->data = malloc(call->size)) == NULL) {
        answer_error(call, ENOMEM);
        return;
    }
    memcpy(call->data + call->finished, got->data.data_val, length);
    call->finished += length;
    if (!last) {
        submit(call, send_read, done_read);
        return;
    }
    fuse_reply_buf(call->request, call->data, call->finished);
    connection_release(call);
}

static void do_read(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, struct fuse_file_info *info) {
    (void)info;
    struct call *call = new_call(request, inode);
    if (call == NULL)
        return;
    call->size = size;
    call->offset = offset;
    submit(call, send_read, done_read);
}

static int send_write(struct rpc_context *rpc, struct call *call) {
    size_t left = call->size - call->finished;
    WRITE3args arguments = {.file = wire(&call->file),
                            .offset = (offset3)call->offset + call->finished,
                            .count = (count3)left,
                            .stable = FILE_SYNC};
    arguments.data.data_len = (u_int)left;
    arguments.data.data_val = call->data + call->finished;
    return rpc_nfs3_write_async(rpc, connection_answered, &arguments, call);
}

static void done_write(struct call *call, void *data) {
    WRITE3res *result = data;
    if (result->status != NFS3_OK) {
        /* What was written before the error is written: the next write will meet the error. */
        if (call->finished > 0 && call->request != NULL) {
            fuse_reply_write(call->request, call->finished);
            connection_release(call);
        } else {
            answer_error(call, filesystem_error(result->status));
        }
        return;
    }
    size_t written = result->WRITE3res_u.resok.count;
    call->finished += written;
    if (written == 0) {
        answer_error(call, EIO);
    } else if (call->finished < call->size && call->request != NULL) {
        submit(call, send_write, done_write);
    } else {
        if (call->request != NULL)
            fuse_reply_write(call->request, call->size);
        connection_release(call);
    }
}

static void do_write(fuse_req_t request, fuse_ino_t inode, const char *bytes, size_t size, off_t offset,
                     struct fuse_file_info *info) {
    (void)info;
    struct call *call = new_call(request, inode);
    if (call == NULL)
        return;
    call->data = malloc(size == 0 ? 1 : size); /* kept until the answer: it may have to be sent again */
    if (call->data == NULL) {
        fuse_reply_err(request, ENOMEM);
        free(call);
        return;
    }
    memcpy(call->data, bytes, size);
    call->size = size;
    call->offset = offset;
    submit(call, send_write, done_write);
}

/* ---- folders ---- */

static void do_opendir(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info) {
    struct directory *directory = calloc(1, sizeof *directory);
    if (directory == NULL) {
        fuse_reply_err(request, ENOMEM);
        return;
    }
    fuse_lowlevel_notify_inval_inode(*session, inode, -1, 0);
    info->fh = (uintptr_t)directory;
    if (fuse_reply_open(request, info) != 0)
        free(directory);
}

static void do_releasedir(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info) {
    (void)inode;
    free((struct directory *)(uintptr_t)info->fh);
    fuse_reply_err(request, 0);
}

static int send_readdir(struct rpc_context *rpc, struct call *call) {
    READDIR3args arguments = {.dir = wire(&call->file), .cookie = (cookie3)call->offset, .count = (count3)call->size};
    struct directory *directory = (struct directory *)(uintptr_t)call->info.fh;
    if (call->offset != 0)
        memcpy(arguments.cookieverf, directory->verifier, sizeof arguments.cookieverf);
    return rpc_nfs3_readdir_async(rpc, connection_answered, &arguments, call);
}

static void done_readdir(struct call *call, void *data) {
    READDIR3res *result = data;
    READDIR3resok *got = &result->READDIR3res_u.resok;
    if (result->status != NFS3_OK || call->request == NULL) {
        answer_error(call, filesystem_error(result->status));
        return;
    }
    struct directory *directory = (struct directory *)(uintptr_t)call->info.fh;
    memcpy(directory->verifier, got->cookieverf, sizeof directory->verifier);
    char *buffer = malloc(call->size);
    if (buffer == NULL) {
        answer_error(call, ENOMEM);
        return;
    }
    size_t used = 0;
    for (entry3 *entry = got->reply.entries; entry != NULL; entry = entry->nextentry) {
        struct stat attributes = {.st_ino = entry->fileid}; /* the kind of file is not told: it stays unknown */
        size_t length = fuse_add_direntry(call->request, buffer + used, call->size - used, entry->name, &attributes,
                                          (off_t)entry->cookie);
        if (length > call->size - used)
            break; /* the kernel asks again from the last cookie that it got */
        used += length;
    }
    fuse_reply_buf(call->request, buffer, used);
    free(buffer);
    connection_release(call);
}

static void do_readdir(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, struct fuse_file_info *info) {
    struct call *call = new_call(request, inode);
    if (call == NULL)
        return;
    call->size = size;
    call->offset = offset;
    call->info = *info;
    submit(call, send_readdir, done_readdir);
}

/* ---- the file system ---- */

static int send_fsstat(struct rpc_context *rpc, struct call *call) {
    FSSTAT3args arguments = {.fsroot = wire(&call->file)};
    return rpc_nfs3_fsstat_async(rpc, connection_answered, &arguments, call);
}

static void done_fsstat(struct call *call, void *data) {
    FSSTAT3res *result = data;
    FSSTAT3resok *got = &result->FSSTAT3res_u.resok;
    if (result->status != NFS3_OK || call->request == NULL) {
        answer_error(call, filesystem_error(result->status));
        return;
    }
    const unsigned block = 4096;
    struct statvfs statistics = {
        .f_bsize = options->wsize,
        .f_frsize = block,
        .f_blocks = got->tbytes / block,
        .f_bfree = got->fbytes / block,
        .f_bavail = got->abytes / block,
        .f_files = got->tfiles,
        .f_ffree = got->ffiles,
        .f_favail = got->afiles,
        .f_namemax = 255,
    };
    fuse_reply_statfs(call->request, &statistics);
    connection_release(call);
}

static void do_statfs(fuse_req_t request, fuse_ino_t inode) {
    struct call *call = new_call(request, inode);
    if (call != NULL)
        submit(call, send_fsstat, done_fsstat);
}

static void do_init(void *user, struct fuse_conn_info *connection) {
    (void)user;
    connection->max_write = options->wsize;
    connection->max_read = options->rsize; /* the mount option of that name has to say the same */
    connection->max_readahead = options->rsize;
    /* The server truncates in an open of ours by a SETATTR; and there is one thread, with no pipes to splice. */
    connection->want &= ~(unsigned)(FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
                                    FUSE_CAP_SPLICE_MOVE | FUSE_CAP_WRITEBACK_CACHE);
    if (connection->capable & FUSE_CAP_AUTO_INVAL_DATA)
        connection->want |= FUSE_CAP_AUTO_INVAL_DATA;
}

const struct fuse_lowlevel_ops filesystem_operations = {
    .init = do_init,
    .lookup = do_lookup,
    .forget = do_forget,
    .forget_multi = do_forget_multi,
    .getattr = do_getattr,
    .setattr = do_setattr,
    .readlink = do_readlink,
    .mknod = do_mknod,
    .mkdir = do_mkdir,
    .unlink = do_unlink,
    .rmdir = do_rmdir,
    .symlink = do_symlink,
    .rename = do_rename,
    .link = do_link,
    .open = do_open,
    .read = do_read,
    .write = do_write,
    .flush = do_flush,
    .release = do_release,
    .fsync = do_fsync,
    .opendir = do_opendir,
    .readdir = do_readdir,
    .releasedir = do_releasedir,
    .statfs = do_statfs,
    .create = do_create,
};
