/* Connections that own no socket: handles, events, and how they are driven. */
#include "engine.h"

#include <caml/bigarray.h>
#include <stdlib.h>
#include <string.h>

/* ---- Handles ---- */

enum { ENGINE_BURDEN = 1 << 17, BODY_BURDEN = 1024 };

_Thread_local value *sink_here;
_Thread_local struct connection *connection_here;

static void free_dropped(struct connection *connection)
{
    if (__atomic_load_n(&connection->dropped, __ATOMIC_RELAXED) == NULL)
        return;
    struct body *body = __atomic_exchange_n(&connection->dropped, NULL, __ATOMIC_ACQUIRE);
    while (body != NULL) {
        struct body *next = body->next;
        trunk_upload_free(body->upload);
        trunk_answer_free(body->answer);
        free(body);
        body = next;
    }
}

/* The last one gives back what is left; its engine is dead then, and tells nobody anything. */
static void let_go(struct connection *connection)
{
    if (__atomic_sub_fetch(&connection->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    free_dropped(connection);
    free(connection);
}

/* Finalizers may run in the middle of a call: nothing is to be allocated in OCaml's heap then. */
static void finalize_engine(value block)
{
    struct connection *connection = place_of(block);
    value *outer = sink_here;
    if (connection == NULL)
        return;
    sink_here = NULL;
    trunk_engine_free(connection->engine);
    let_go(connection);
    sink_here = outer;
}

static void finalize_body(value block)
{
    struct body *body = place_of(block);
    if (body == NULL || body->connection == NULL) {
        free(body);
        return;
    }
    struct connection *connection = body->connection;
    value *outer = sink_here;
    body->next = __atomic_load_n(&connection->dropped, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&connection->dropped, &body->next, body, true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED))
        ;
    sink_here = NULL;
    let_go(connection);
    sink_here = outer;
}

OPERATIONS(engine);
OPERATIONS(body);

value engine_value(void)
{
    value engine = block_of(&engine_operations, sizeof(struct connection), ENGINE_BURDEN);
    ((struct connection *)place_of(engine))->references = 1;
    return engine;
}

value body_value(struct connection *connection)
{
    value block = block_of(&body_operations, sizeof(struct body), BODY_BURDEN);
    ((struct body *)place_of(block))->connection = connection;
    __atomic_add_fetch(&connection->references, 1, __ATOMIC_RELAXED);
    return block;
}

/* ---- Calls ---- */

struct call begin_call(value *sink, struct connection *connection)
{
    struct call outer = {sink_here, connection_here};
    sink_here = sink;
    connection_here = connection;
    free_dropped(connection);
    return outer;
}

void end_call(struct call outer)
{
    sink_here = outer.sink;
    connection_here = outer.connection;
}

/* ---- Events ---- */

void emit(tag_t constructor, void *user_data, size_t count, value first, value second, value third)
{
    CAMLparam3(first, second, third);
    CAMLlocal2(event, cell);
    event = caml_alloc_small(count + 1, constructor);
    Field(event, 0) = Val_long((intnat)(uintptr_t)user_data);
    if (count > 0)
        Field(event, 1) = first;
    if (count > 1)
        Field(event, 2) = second;
    if (count > 2)
        Field(event, 3) = third;
    cell = caml_alloc_small(2, Tag_cons);
    Field(cell, 0) = event;
    Field(cell, 1) = Field(*sink_here, 0);
    Store_field(*sink_here, 0, cell);
    CAMLreturn0;
}

/* The error with Engine.fault: kind, code, message. */
void on_error(void *user_data, const trunk_engine_error *error)
{
    CAMLparam0();
    CAMLlocal2(fault, message);
    if (sink_here != NULL) {
        message = string_of(error->message);
        fault = caml_alloc_small(3, 0);
        Field(fault, 0) = Val_int(error->fault);
        Field(fault, 1) = Val_long(error->code);
        Field(fault, 2) = message;
        emit(EVENT_ERROR, user_data, 1, fault, Val_unit, Val_unit);
    }
    CAMLreturn0;
}

void on_wake(void *user_data)
{
    if (sink_here != NULL)
        emit(EVENT_WOKEN, user_data, 0, Val_unit, Val_unit, Val_unit);
}

/* ---- The two sides of a transport ---- */

/* TRUNK_OPERATION_*. */
value trunkline_ocaml_engine_next_read(value engine)
{
    trunk_operation operation = TRUNK_OPERATION_CLOSE;
    check(trunk_engine_next_read_operation(engine_of(engine), &operation));
    return Val_int(operation);
}

/* The range was checked. */
value trunkline_ocaml_engine_read(value engine, value sink, value bytes, value offset, value length)
{
    CAMLparam3(engine, sink, bytes);
    size_t consumed = 0;
    trunk_view view = trunk_bytes((uint8_t *)Caml_ba_data_val(bytes) + Long_val(offset), (size_t)Long_val(length));
    WITH_SINK(sink, connection_of(engine), trunk_engine_read(engine_of(engine), view, &consumed));
    CAMLreturn(Val_long(consumed));
}

value trunkline_ocaml_engine_read_eof(value engine, value sink)
{
    CAMLparam2(engine, sink);
    WITH_SINK(sink, connection_of(engine), trunk_engine_read_eof(engine_of(engine)));
    CAMLreturn(Val_unit);
}

/* How many bytes were copied to the start of the buffer; -1 for a yield, -2 - n for a close with n bytes unsent. Where the
 * buffer is too small nothing is copied, and the answer is more than it has. */
value trunkline_ocaml_engine_next_write(value engine, value sink, value buffer)
{
    CAMLparam3(engine, sink, buffer);
    trunk_write_operation operation = {0};
    WITH_SINK(sink, connection_of(engine), trunk_engine_next_write_operation(engine_of(engine), &operation));
    if (operation.operation == TRUNK_OPERATION_YIELD)
        CAMLreturn(Val_long(-1));
    if (operation.operation != TRUNK_OPERATION_WRITE)
        CAMLreturn(Val_long(-2 - (intnat)operation.unsent));
    size_t size = 0, room = (size_t)Caml_ba_array_val(buffer)->dim[0];
    for (uint32_t index = 0; index < operation.count; index++)
        size += operation.vectors[index].size;
    uint8_t *place = Caml_ba_data_val(buffer);
    for (uint32_t index = 0; size <= room && index < operation.count; index++) {
        trunk_view vector = operation.vectors[index];
        if (vector.size > 0)
            memcpy(place, vector.data, vector.size);
        place += vector.size;
    }
    CAMLreturn(Val_long(size));
}

/* -1 where the transport takes no more. */
value trunkline_ocaml_engine_wrote(value engine, value sink, value written)
{
    CAMLparam2(engine, sink);
    WITH_SINK(sink, connection_of(engine), trunk_engine_report_write_result(engine_of(engine), Long_val(written)));
    CAMLreturn(Val_unit);
}

value trunkline_ocaml_engine_yield_writer(value engine, value sink, value key)
{
    CAMLparam2(engine, sink);
    WITH_SINK(sink, connection_of(engine), trunk_engine_yield_writer(engine_of(engine), on_wake, user_data_of(key), NULL));
    CAMLreturn(Val_unit);
}

value trunkline_ocaml_engine_report_exn(value engine, value sink, value message)
{
    CAMLparam3(engine, sink, message);
    WITH_SINK(sink, connection_of(engine), trunk_engine_report_exn(engine_of(engine), view_of(message)));
    CAMLreturn(Val_unit);
}

value trunkline_ocaml_engine_is_closed(value engine)
{
    bool closed = true;
    check(trunk_engine_is_closed(engine_of(engine), &closed));
    return Val_bool(closed);
}
