/* Functions of the program's that the library calls from inside its reactor: for retries, credentials, addresses.
 *
 * They run on a thread that does not hold the runtime's lock: one of the library's own, or one that let go of it to wait.
 * Other notices (parts, the log) are queued instead, and taken by the program.
 */
#include "setters.h"

#include <stdlib.h>
#include <string.h>

/* ---- Closures that the library holds ---- */

struct closure {
    value function;
    struct closure *next;
};

/* The library may let go of a closure on any thread, with or without the runtime's lock. It is put here then, and freed
 * where the lock is held for certain: when the next one is made. */
static struct closure *dropped;

static void drop_closure(void *user_data)
{
    struct closure *closure = user_data;
    closure->next = __atomic_load_n(&dropped, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&dropped, &closure->next, closure, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
}

static void free_dropped(void)
{
    struct closure *closure = __atomic_exchange_n(&dropped, NULL, __ATOMIC_ACQUIRE);
    while (closure != NULL) {
        struct closure *next = closure->next;
        caml_remove_generational_global_root(&closure->function);
        free(closure);
        closure = next;
    }
}

static struct closure *hold(value function)
{
    free_dropped();
    struct closure *closure = malloc(sizeof *closure);
    if (closure == NULL)
        caml_raise_out_of_memory();
    closure->function = function;
    caml_register_generational_global_root(&closure->function);
    return closure;
}

/* Hands a closure over with its callback: it is the library's after success only. */
#define SET_FUNCTION(options, name, callback, function)                                                              \
    do {                                                                                                             \
        struct closure *closure = hold(function);                                                                    \
        trunk_status status = SET_EITHER(options, name, callback, closure, drop_closure);                            \
        if (status != TRUNK_OK)                                                                                      \
            drop_closure(closure);                                                                                   \
        check(status);                                                                                               \
    } while (0)

/* ---- To OCaml and back ---- */

/* True where the thread was unknown to the runtime until now. */
static bool enter(void)
{
    bool registered = caml_c_thread_register();
    caml_acquire_runtime_system();
    return registered;
}

static void leave(bool registered)
{
    caml_release_runtime_system();
    if (registered)
        caml_c_thread_unregister();
}

/* The functions given are wrapped in OCaml so that they do not raise; what cannot be allocated is left. */
static value call(struct closure *closure, value argument, value otherwise)
{
    value result = caml_callback_exn(closure->function, argument);
    return Is_exception_result(result) ? otherwise : result;
}

/* ---- Retries ---- */

/* The argument is a Retry.attempt without its fields, which are asked for while the call lasts. */
static trunk_decision on_retry(void *user_data, const trunk_attempt *attempt)
{
    bool registered = enter();
    trunk_decision decision;
    {
        CAMLparam0();
        CAMLlocal4(shown, method, url, message);
        method = string_of(trunk_attempt_method(attempt));
        url = string_of(trunk_attempt_url(attempt));
        message = string_of(trunk_attempt_error_message(attempt));
        shown = caml_alloc_tuple(7);
        Store_field(shown, 0, Val_long(trunk_attempt_number(attempt)));
        Store_field(shown, 1, method);
        Store_field(shown, 2, url);
        Store_field(shown, 3, Val_int(trunk_attempt_status(attempt)));
        Store_field(shown, 4, Val_int(trunk_attempt_error(attempt)));
        Store_field(shown, 5, message);
        Store_field(shown, 6, caml_copy_nativeint((intnat)attempt));
        decision = Long_val(call(user_data, shown, Val_long(TRUNK_DECISION_STOP)));
        CAMLdrop;
    }
    leave(registered);
    return decision;
}

/* The handle is a number; one that is dead answers nothing. */
value trunkline_ocaml_attempt_header(value attempt, value name)
{
    return optional_string_of(
        trunk_attempt_header((const trunk_attempt *)Nativeint_val(attempt), view_of(name)));
}

value trunkline_ocaml_set_retry_callback(value options, value function)
{
    CAMLparam2(options, function);
    SET_FUNCTION(options, retry_callback, on_retry, function);
    CAMLreturn(Val_unit);
}

static uint64_t on_delay(void *user_data, uint32_t number)
{
    bool registered = enter();
    intnat delay = Long_val(call(user_data, Val_long(number), Val_long(0)));
    leave(registered);
    return delay < 0 ? 0 : (uint64_t)delay;
}

value trunkline_ocaml_set_retry_delay(value options, value function)
{
    CAMLparam2(options, function);
    SET_FUNCTION(options, retry_delay, on_delay, function);
    CAMLreturn(Val_unit);
}

/* ---- Credentials ---- */

static trunk_status on_auth(void *user_data, const trunk_auth_request *request, trunk_request_options *credentials)
{
    bool registered = enter();
    trunk_status status;
    {
        CAMLparam0();
        CAMLlocal5(shown, method, url, host, body);
        CAMLlocal1(options);
        method = string_of(trunk_auth_request_method(request));
        url = string_of(trunk_auth_request_url(request));
        host = string_of(trunk_auth_request_host(request));
        body = optional_string_of(trunk_auth_request_body(request));
        options = options_value();
        *options_of(options) = (struct options){.request = credentials, .borrowed = true};
        shown = caml_alloc_tuple(6);
        Store_field(shown, 0, method);
        Store_field(shown, 1, url);
        Store_field(shown, 2, host);
        Store_field(shown, 3, body);
        Store_field(shown, 4, caml_copy_nativeint((intnat)request));
        Store_field(shown, 5, options);
        status = Int_val(call(user_data, shown, Val_int(TRUNK_ERROR_INVALID_ARGUMENT)));
        CAMLdrop;
    }
    leave(registered);
    return status;
}

value trunkline_ocaml_auth_request_header(value request, value name)
{
    return optional_string_of(
        trunk_auth_request_header((const trunk_auth_request *)Nativeint_val(request), view_of(name)));
}

value trunkline_ocaml_set_auth_callback(value options, value function)
{
    CAMLparam2(options, function);
    SET_FUNCTION(options, auth_callback, on_auth, function);
    CAMLreturn(Val_unit);
}

/* ---- WebSockets that are opened again ---- */

/* The messages of the last call on this thread: the library copies them when the function has returned. */
static _Thread_local trunk_message *resumed;

/* Copies an array of Part.message, payloads and all, into one block. */
static size_t keep_resumed(value list)
{
    mlsize_t count = Wosize_val(list);
    size_t size = (count + 1) * sizeof *resumed;
    for (mlsize_t index = 0; index < count; index++)
        size += caml_string_length(Field(Field(list, index), 1));
    free(resumed);
    resumed = malloc(size);
    if (resumed == NULL)
        return 0;
    uint8_t *bytes = (uint8_t *)(resumed + count + 1);
    for (mlsize_t index = 0; index < count; index++) {
        trunk_message message = message_of(Field(list, index));
        memcpy(bytes, message.payload.data, message.payload.size);
        message.payload.data = bytes;
        bytes += message.payload.size;
        resumed[index] = message;
    }
    return count;
}

static size_t on_resume(void *user_data, uint16_t status, const trunk_header *headers, size_t number,
                        const trunk_message **messages)
{
    bool registered = enter();
    size_t count;
    {
        CAMLparam0();
        CAMLlocal2(head, list);
        list = fields_value(headers, number);
        head = caml_alloc_small(3, 0);
        Field(head, 0) = Val_int(status);
        Field(head, 1) = Val_int(0);
        Field(head, 2) = list;
        count = keep_resumed(call(user_data, head, Atom(0)));
        CAMLdrop;
    }
    leave(registered);
    *messages = resumed;
    return count;
}

value trunkline_ocaml_set_websocket_resume(value options, value function)
{
    CAMLparam2(options, function);
    SET_FUNCTION(options, websocket_resume, on_resume, function);
    CAMLreturn(Val_unit);
}

/* ---- Addresses ---- */

static void on_resolve(void *user_data, trunk_resolve *resolve)
{
    bool registered = enter();
    {
        CAMLparam0();
        CAMLlocal2(shown, host);
        host = string_of(trunk_resolve_host(resolve));
        shown = caml_alloc_tuple(3);
        Store_field(shown, 0, host);
        Store_field(shown, 1, Val_int(trunk_resolve_port(resolve)));
        Store_field(shown, 2, caml_copy_nativeint((intnat)resolve));
        call(user_data, shown, Val_unit);
        CAMLdrop;
    }
    leave(registered);
}

value trunkline_ocaml_set_resolver(value options, value function)
{
    CAMLparam2(options, function);
    struct closure *closure = hold(function);
    trunk_status status =
        trunk_manager_options_set_resolver(options_of(options)->manager, on_resolve, closure, drop_closure);
    if (status != TRUNK_OK)
        drop_closure(closure);
    check(status);
    CAMLreturn(Val_unit);
}

value trunkline_ocaml_resolve_is_abandoned(value resolve)
{
    return Val_bool(trunk_resolve_is_abandoned((const trunk_resolve *)Nativeint_val(resolve)));
}

value trunkline_ocaml_resolve_finish(value resolve, value addresses)
{
    mlsize_t count = Wosize_val(addresses);
    trunk_view *views = calloc(count + 1, sizeof *views);
    if (views == NULL)
        caml_raise_out_of_memory();
    for (mlsize_t index = 0; index < count; index++)
        views[index] = view_of(Field(addresses, index));
    trunk_status status = trunk_resolve_finish((trunk_resolve *)Nativeint_val(resolve), views, count);
    free(views);
    check(status);
    return Val_unit;
}

value trunkline_ocaml_resolve_fail(value resolve, value why)
{
    check(trunk_resolve_fail((trunk_resolve *)Nativeint_val(resolve), view_of(why)));
    return Val_unit;
}
