/* What the stubs share: handles as OCaml values, text both ways, errors.
 *
 * A handle of libtrunkline is a number and no address; here it lies in memory of our own, to which a custom block points,
 * so that it stays in place while the runtime's lock is released and the block may move. The lock is released around every
 * call that may wait or may run the reactor, for the reactor may call functions of the program's (functions.c).
 */
#ifndef TRUNKLINE_OCAML_VALUES_H
#define TRUNKLINE_OCAML_VALUES_H

#define CAML_NAME_SPACE
#include <caml/alloc.h>
#include <caml/callback.h>
#include <caml/custom.h>
#include <caml/fail.h>
#include <caml/memory.h>
#include <caml/mlvalues.h>
#include <caml/threads.h>

#include <trunkline.h>

/* ---- Errors ---- */

/* Raises Native.Refused with the message of the call that failed last on this thread. */
void refuse_last(trunk_status status);
/* Raises Native.Refused. */
void refuse(trunk_status status, const char *message);

static inline void check(trunk_status status)
{
    if (status != TRUNK_OK)
        refuse_last(status);
}

/* The number of an OCaml int from 0 to `most`; raises Native.Refused for another. */
uint64_t number_up_to(value number, uint64_t most, const char *what);

/* ---- Text ---- */

/* A view of an OCaml string. It is valid until something is allocated in OCaml's heap. */
static inline trunk_view view_of(value string)
{
    return trunk_bytes(String_val(string), caml_string_length(string));
}

static inline value string_of(trunk_view view)
{
    return caml_alloc_initialized_string(view.size, (const char *)view.data);
}

/* None where the data of the view is NULL. */
value optional_string_of(trunk_view view);

/* The fields of an OCaml list of pairs; `*count` tells how many. The array is freed by the caller; the views are valid as
 * those of view_of. */
trunk_header *fields_of(value list, size_t *count);

/* The fields as an OCaml list of pairs. */
value fields_value(const trunk_header *fields, size_t count);

/* ---- Handles ---- */

struct manager {
    trunk_manager *handle;
    /* Set while a thread polls, parts and all: another one would make them die. */
    int polling;
};

struct request {
    trunk_request *handle;
    /* Set while a thread receives, until it has copied the part. */
    int receiving;
};

/* The options of a manager or of a request: one of the two. */
struct options {
    trunk_manager_options *manager;
    trunk_request_options *request;
    /* Those that a function for credentials is shown belong to the library, and live until it returns. */
    bool borrowed;
};

/* What a block owns. */
void *place_of(value block);
/* A custom block that owns zeroed memory of `size` bytes, which its finalizer frees. `burden` is what it keeps outside of
 * OCaml's heap, about, in bytes: by that the collector paces itself. */
value block_of(struct custom_operations *operations, size_t size, mlsize_t burden);

/* Defines the operations of blocks that `finalize_NAME` finalizes. */
#define OPERATIONS(name)                                                                                             \
    static struct custom_operations name##_operations = {                                                            \
        "trunkline." #name,         finalize_##name,            custom_compare_default,     custom_hash_default,     \
        custom_serialize_default,   custom_deserialize_default, custom_compare_ext_default, custom_fixed_length_default}

struct manager *manager_of(value manager);
struct request *request_of(value request);
struct options *options_of(value options);

/* Blocks without a handle yet. They are made first: a handle that no block has would be lost for want of memory. */
value manager_value(void);
value request_value(void);
value options_value(void);

/* Marks it as taken; false where it is taken already. */
static inline bool take(int *flag)
{
    return !__atomic_exchange_n(flag, 1, __ATOMIC_ACQUIRE);
}

static inline void give_back(int *flag)
{
    __atomic_store_n(flag, 0, __ATOMIC_RELEASE);
}

/* ---- Parts ---- */

/* A part as Native.part. It copies everything. */
value part_value(const trunk_part *part);
/* A message or frame as Part.message. */
value message_value(const trunk_message *message);
/* The same back; its payload is valid as that of view_of. */
trunk_message message_of(value message);

#endif
