/* WebSockets: sending, batches, pings, closing. */
#include "values.h"

#include <stdlib.h>

/* How many of an array of Part.message were taken. */
value trunkline_ocaml_send_many(value request, value list)
{
    mlsize_t count = Wosize_val(list);
    trunk_message *messages = calloc(count + 1, sizeof *messages);
    size_t sent = 0;
    if (messages == NULL)
        caml_raise_out_of_memory();
    for (mlsize_t index = 0; index < count; index++)
        messages[index] = message_of(Field(list, index));
    trunk_status status = trunk_websocket_send_many(request_of(request)->handle, messages, count, &sent);
    free(messages);
    check(status);
    return Val_long(sent);
}

/* As trunkline_ocaml_recv, but an array of Part.message. */
value trunkline_ocaml_recv_many(value request, value timeout, value most)
{
    CAMLparam1(request);
    CAMLlocal2(result, one);
    struct request *own = request_of(request);
    int64_t milliseconds = Long_val(timeout);
    size_t room = number_up_to(most, 1 << 16, "recv_many"), count = 0;
    trunk_message *messages = calloc(room + 1, sizeof *messages);
    if (messages == NULL)
        caml_raise_out_of_memory();
    if (!take(&own->receiving)) {
        free(messages);
        refuse(TRUNK_ERROR_BUSY, "another thread receives from this request");
    }
    caml_release_runtime_system();
    trunk_status status = trunk_websocket_recv_many(own->handle, milliseconds, messages, room, &count);
    caml_acquire_runtime_system();
    if (status == TRUNK_OK) {
        result = caml_alloc(count, 0);
        for (size_t index = 0; index < count; index++) {
            one = message_value(&messages[index]);
            Store_field(result, index, one);
        }
    }
    give_back(&own->receiving);
    free(messages);
    check(status);
    CAMLreturn(result);
}

value trunkline_ocaml_websocket_ping(value request)
{
    uint64_t ping = 0;
    check(trunk_websocket_ping(request_of(request)->handle, &ping));
    return Val_long(ping);
}

value trunkline_ocaml_websocket_latency(value request)
{
    uint64_t nanoseconds = 0;
    check(trunk_websocket_latency(request_of(request)->handle, &nanoseconds));
    return Val_long(nanoseconds);
}

/* A code of 0 stands for none. */
value trunkline_ocaml_websocket_close(value request, value code, value reason)
{
    uint16_t number = (uint16_t)number_up_to(code, UINT16_MAX, "close");
    check(trunk_websocket_close(request_of(request)->handle, number, view_of(reason)));
    return Val_unit;
}
