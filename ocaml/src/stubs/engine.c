/* Connections that own no socket.
 *
 * Their functions are called from inside calls on them, on the same thread. What they tell becomes an event in the sink of
 * that call, a value of Engine.sink, and OCaml acts on it when the call is over: so nothing of the program's runs, and
 * nothing can raise, within the library. The promise of a push is the one thing that is asked at once.
 */
#include "values.h"

#include <caml/bigarray.h>
#include <stdlib.h>
#include <string.h>

/* ---- Handles ---- */

enum { ENGINE_BURDEN = 1 << 17, BODY_BURDEN = 1024 };

/* The sink of the call that this thread is in, a root of that call; NULL outside of one. */
static _Thread_local value *sink_here;
/* The connection of that call. */
static _Thread_local struct connection *connection_here;

/* The body of a request or of an answer: one of the two. */
struct body {
    trunk_upload *upload;
    trunk_answer *answer;
    struct connection *connection;
    /* The next of those that were dropped. */
    struct body *next;
};

/* What the engine's block and those of its bodies share. The collector finds them in any order, and on OCaml 5 in any domain,
 * while another one is in a call of the same engine. Giving a body back may make the engine go on, and what it tells then would
 * be lost: bodies are put here instead, and given back by the next call. */
struct connection {
    trunk_engine *engine;
    struct body *dropped;
    int references;
};

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

static value engine_value(void)
{
    value engine = block_of(&engine_operations, sizeof(struct connection), ENGINE_BURDEN);
    ((struct connection *)place_of(engine))->references = 1;
    return engine;
}

static value body_value(struct connection *connection)
{
    value block = block_of(&body_operations, sizeof(struct body), BODY_BURDEN);
    ((struct body *)place_of(block))->connection = connection;
    __atomic_add_fetch(&connection->references, 1, __ATOMIC_RELAXED);
    return block;
}

static struct connection *connection_of(value engine)
{
    return place_of(engine);
}

static trunk_engine *engine_of(value engine)
{
    return connection_of(engine)->engine;
}

static struct body *body_of(value block)
{
    return place_of(block);
}

/* ---- Events ---- */

/* A call with its sink begins, and ends; calls may be within one another. */
struct call {
    value *sink;
    struct connection *connection;
};

static struct call begin_call(value *sink, struct connection *connection)
{
    struct call outer = {sink_here, connection_here};
    sink_here = sink;
    connection_here = connection;
    free_dropped(connection);
    return outer;
}

static void end_call(struct call outer)
{
    sink_here = outer.sink;
    connection_here = outer.connection;
}

/* Runs a call with its sink. A view of an OCaml string may be its argument, though events are allocated within the call: the
 * library copies its arguments first. */
#define WITH_SINK(sink, owner, made)                                                                                 \
    do {                                                                                                             \
        struct call outer = begin_call(&(sink), owner);                                                              \
        trunk_status status_of_call = (made);                                                                        \
        end_call(outer);                                                                                             \
        check(status_of_call);                                                                                       \
    } while (0)

/* Constructors of Engine.event. */
enum { EVENT_HEAD, EVENT_DATA, EVENT_END, EVENT_TRAILERS, EVENT_ERROR, EVENT_FLUSHED, EVENT_WOKEN };

/* The key of who is told: an exchange, or who waits. The connection itself has 0. */
static value key_of(void *user_data)
{
    return Val_long((intnat)(uintptr_t)user_data);
}

/* Puts an event into the sink; the last one is first in its list. */
static void emit(value event)
{
    CAMLparam1(event);
    CAMLlocal1(cell);
    cell = caml_alloc_small(2, Tag_cons);
    Field(cell, 0) = event;
    Field(cell, 1) = Field(*sink_here, 0);
    Store_field(*sink_here, 0, cell);
    CAMLreturn0;
}

/* An event of a key and up to three more fields. */
static void emit_with(tag_t constructor, void *user_data, size_t count, value first, value second, value third)
{
    CAMLparam3(first, second, third);
    CAMLlocal1(event);
    event = caml_alloc_small(count + 1, constructor);
    Field(event, 0) = key_of(user_data);
    if (count > 0)
        Field(event, 1) = first;
    if (count > 1)
        Field(event, 2) = second;
    if (count > 2)
        Field(event, 3) = third;
    emit(event);
    CAMLreturn0;
}

static void on_head(void *user_data, trunk_answer *answer, uint16_t status, const trunk_header *fields, size_t count)
{
    CAMLparam0();
    CAMLlocal2(block, headers);
    if (sink_here == NULL) {
        trunk_answer_free(answer);
        CAMLreturn0;
    }
    block = body_value(connection_here);
    body_of(block)->answer = answer;
    headers = fields_value(fields, count);
    emit_with(EVENT_HEAD, user_data, 3, block, Val_int(status), headers);
    CAMLreturn0;
}

/* One piece for each time that the program asks for one. */
static trunk_flow on_data(void *user_data, trunk_view data)
{
    CAMLparam0();
    CAMLlocal1(bytes);
    if (sink_here != NULL) {
        intnat size = (intnat)data.size;
        bytes = caml_ba_alloc(CAML_BA_CHAR | CAML_BA_C_LAYOUT, 1, NULL, &size);
        if (data.size > 0)
            memcpy(Caml_ba_data_val(bytes), data.data, data.size);
        emit_with(EVENT_DATA, user_data, 1, bytes, Val_unit, Val_unit);
    }
    CAMLreturnT(trunk_flow, TRUNK_FLOW_PAUSE);
}

static void on_end(void *user_data)
{
    if (sink_here != NULL)
        emit_with(EVENT_END, user_data, 0, Val_unit, Val_unit, Val_unit);
}

static void on_trailers(void *user_data, const trunk_header *fields, size_t count)
{
    if (sink_here != NULL)
        emit_with(EVENT_TRAILERS, user_data, 1, fields_value(fields, count), Val_unit, Val_unit);
}

/* The error with Engine.fault: kind, code, message. */
static void on_error(void *user_data, const trunk_engine_error *error)
{
    CAMLparam0();
    CAMLlocal2(fault, message);
    if (sink_here != NULL) {
        message = string_of(error->message);
        fault = caml_alloc_small(3, 0);
        Field(fault, 0) = Val_int(error->fault);
        Field(fault, 1) = Val_long(error->code);
        Field(fault, 2) = message;
        emit_with(EVENT_ERROR, user_data, 1, fault, Val_unit, Val_unit);
    }
    CAMLreturn0;
}

static void on_flushed(void *user_data, bool written)
{
    if (sink_here != NULL)
        emit_with(EVENT_FLUSHED, user_data, 1, Val_bool(written), Val_unit, Val_unit);
}

static void on_wake(void *user_data)
{
    if (sink_here != NULL)
        emit_with(EVENT_WOKEN, user_data, 0, Val_unit, Val_unit, Val_unit);
}

static const trunk_exchange_handlers exchange_handlers = {
    .size = sizeof exchange_handlers,
    .head = on_head,
    .error = on_error,
    .data = on_data,
    .end = on_end,
    .trailers = on_trailers,
};

/* Asks the sink's function, which does not raise, for the key of the exchange; it is negative where the push is refused. */
static const trunk_exchange_handlers *on_promise(void *user_data, const trunk_request_head *request,
                                                 void **answer_user_data)
{
    CAMLparam0();
    CAMLlocal3(method, uri, fields);
    (void)user_data;
    intnat key = -1;
    if (sink_here != NULL) {
        method = string_of(request->method);
        uri = string_of(request->uri);
        fields = fields_value(request->fields, request->count);
        value answer = caml_callback3_exn(Field(*sink_here, 1), method, uri, fields);
        key = Is_exception_result(answer) ? -1 : Long_val(answer);
    }
    *answer_user_data = (void *)(uintptr_t)key;
    CAMLreturnT(const trunk_exchange_handlers *, key < 0 ? NULL : &exchange_handlers);
}

static trunk_connection_handlers connection_handlers(value push)
{
    return (trunk_connection_handlers){
        .size = sizeof(trunk_connection_handlers),
        .error = on_error,
        .promise = Bool_val(push) ? on_promise : NULL,
    };
}

/* ---- Making one ---- */

/* Of Engine.settings: stream_window, max_frame_size, max_pushed_streams, upload_buffer. */
static trunk_http2_settings settings_of(value given)
{
    trunk_http2_settings settings;
    check(trunk_http2_settings_init(&settings, sizeof settings));
    settings.stream_window = (uint32_t)number_up_to(Field(given, 0), UINT32_MAX, "initial_window_size");
    settings.max_frame_size = (uint32_t)number_up_to(Field(given, 1), UINT32_MAX, "read_buffer_size");
    settings.max_pushed_streams = (uint32_t)number_up_to(Field(given, 2), UINT32_MAX, "max_concurrent_streams");
    settings.upload_buffer = number_up_to(Field(given, 3), SIZE_MAX, "request_body_buffer_size");
    return settings;
}

/* Of a method, a URI and fields. The fields are freed by the caller. */
static trunk_request_head head_of(value method, value uri, value list, trunk_header **fields)
{
    trunk_request_head head = {.size = sizeof head, .method = view_of(method), .uri = view_of(uri)};
    *fields = fields_of(list, &head.count);
    head.fields = *fields;
    return head;
}

value trunkline_ocaml_engine_new(value given, value push)
{
    CAMLparam2(given, push);
    CAMLlocal1(engine);
    trunk_http2_settings settings = settings_of(given);
    trunk_connection_handlers handlers = connection_handlers(push);
    engine = engine_value();
    check(trunk_http2_new(&settings, &handlers, NULL, &connection_of(engine)->engine));
    CAMLreturn(engine);
}

/* The bytes of the HTTP/1.1 request. */
value trunkline_ocaml_engine_upgrade(value given, value push, value method, value uri, value list)
{
    CAMLparam5(given, push, method, uri, list);
    CAMLlocal1(bytes);
    trunk_http2_settings settings = settings_of(given);
    trunk_header *fields;
    trunk_view request;
    trunk_request_head head = head_of(method, uri, list, &fields);
    trunk_status status = trunk_http2_upgrade_request(&head, trunk_bytes(NULL, 0), &settings, Bool_val(push), &request);
    free(fields);
    check(status);
    bytes = string_of(request);
    CAMLreturn(bytes);
}

value trunkline_ocaml_engine_upgraded(value given, value push, value method, value uri, value list, value key)
{
    CAMLparam5(given, push, method, uri, list);
    CAMLlocal1(engine);
    trunk_http2_settings settings = settings_of(given);
    trunk_connection_handlers handlers = connection_handlers(push);
    trunk_header *fields;
    engine = engine_value();
    trunk_request_head head = head_of(method, uri, list, &fields);
    trunk_status status = trunk_http2_new_after_upgrade(&head, &exchange_handlers, (void *)(uintptr_t)Long_val(key),
                                                        &settings, &handlers, NULL, &connection_of(engine)->engine);
    free(fields);
    check(status);
    CAMLreturn(engine);
}

value trunkline_ocaml_engine_upgraded_bytes(value *arguments, int count)
{
    (void)count;
    return trunkline_ocaml_engine_upgraded(arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                                           arguments[5]);
}

/* ---- Calls on a connection ---- */

value trunkline_ocaml_engine_request(value engine, value sink, value key, value method, value uri, value list)
{
    CAMLparam5(engine, sink, method, uri, list);
    CAMLlocal1(upload);
    trunk_header *fields;
    upload = body_value(connection_of(engine));
    struct call outer = begin_call(&sink, connection_of(engine));
    trunk_request_head head = head_of(method, uri, list, &fields);
    trunk_status status = trunk_engine_request(engine_of(engine), &head, &exchange_handlers,
                                               (void *)(uintptr_t)Long_val(key), &body_of(upload)->upload);
    end_call(outer);
    free(fields);
    check(status);
    CAMLreturn(upload);
}

value trunkline_ocaml_engine_request_bytes(value *arguments, int count)
{
    (void)count;
    return trunkline_ocaml_engine_request(arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                                          arguments[5]);
}

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
    void *waiting = (void *)(uintptr_t)Long_val(key);
    WITH_SINK(sink, connection_of(engine), trunk_engine_yield_writer(engine_of(engine), on_wake, waiting, NULL));
    CAMLreturn(Val_unit);
}

value trunkline_ocaml_engine_ping(value engine, value sink, value payload, value key)
{
    CAMLparam3(engine, sink, payload);
    void *waiting = (void *)(uintptr_t)Long_val(key);
    WITH_SINK(sink, connection_of(engine), trunk_http2_ping(engine_of(engine), view_of(payload), on_wake, waiting, NULL));
    CAMLreturn(Val_unit);
}

value trunkline_ocaml_engine_shutdown(value engine, value sink)
{
    CAMLparam2(engine, sink);
    WITH_SINK(sink, connection_of(engine), trunk_http2_shutdown(engine_of(engine)));
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

/* ---- Bodies ---- */

/* The range was checked. */
value trunkline_ocaml_upload_write(value upload, value sink, value bytes, value offset, value length)
{
    CAMLparam3(upload, sink, bytes);
    trunk_view view = trunk_bytes((uint8_t *)Caml_ba_data_val(bytes) + Long_val(offset), (size_t)Long_val(length));
    WITH_SINK(sink, body_of(upload)->connection, trunk_upload_write(body_of(upload)->upload, view));
    CAMLreturn(Val_unit);
}

value trunkline_ocaml_upload_write_string(value upload, value sink, value text)
{
    CAMLparam3(upload, sink, text);
    WITH_SINK(sink, body_of(upload)->connection, trunk_upload_write(body_of(upload)->upload, view_of(text)));
    CAMLreturn(Val_unit);
}

value trunkline_ocaml_upload_room(value upload)
{
    size_t room = 0;
    check(trunk_upload_room(body_of(upload)->upload, &room));
    return Val_long(room);
}

value trunkline_ocaml_upload_on_room(value upload, value sink, value key)
{
    CAMLparam2(upload, sink);
    void *waiting = (void *)(uintptr_t)Long_val(key);
    WITH_SINK(sink, body_of(upload)->connection, trunk_upload_on_room(body_of(upload)->upload, on_wake, waiting, NULL));
    CAMLreturn(Val_unit);
}

value trunkline_ocaml_upload_flush(value upload, value sink, value key)
{
    CAMLparam2(upload, sink);
    void *waiting = (void *)(uintptr_t)Long_val(key);
    WITH_SINK(sink, body_of(upload)->connection, trunk_upload_flush(body_of(upload)->upload, on_flushed, waiting, NULL));
    CAMLreturn(Val_unit);
}

value trunkline_ocaml_upload_close(value upload, value sink)
{
    CAMLparam2(upload, sink);
    WITH_SINK(sink, body_of(upload)->connection, trunk_upload_close(body_of(upload)->upload, NULL, 0));
    CAMLreturn(Val_unit);
}

value trunkline_ocaml_answer_read(value answer, value sink)
{
    CAMLparam2(answer, sink);
    WITH_SINK(sink, body_of(answer)->connection, trunk_answer_read(body_of(answer)->answer));
    CAMLreturn(Val_unit);
}

value trunkline_ocaml_answer_resume(value answer, value sink)
{
    CAMLparam2(answer, sink);
    WITH_SINK(sink, body_of(answer)->connection, trunk_answer_resume(body_of(answer)->answer));
    CAMLreturn(Val_unit);
}
