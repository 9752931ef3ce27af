/* HTTP/2 connections that own no socket. */
#include "engine.h"

#include <stdlib.h>

/* ---- Pushes ---- */

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

value trunkline_ocaml_http2_new(value given, value push)
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
value trunkline_ocaml_http2_upgrade(value given, value push, value method, value uri, value list)
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

value trunkline_ocaml_http2_upgraded(value given, value push, value method, value uri, value list, value key)
{
    CAMLparam5(given, push, method, uri, list);
    CAMLlocal1(engine);
    trunk_http2_settings settings = settings_of(given);
    trunk_connection_handlers handlers = connection_handlers(push);
    trunk_header *fields;
    engine = engine_value();
    trunk_request_head head = head_of(method, uri, list, &fields);
    trunk_status status = trunk_http2_new_after_upgrade(&head, &exchange_handlers, user_data_of(key),
                                                        &settings, &handlers, NULL, &connection_of(engine)->engine);
    free(fields);
    check(status);
    CAMLreturn(engine);
}

value trunkline_ocaml_http2_upgraded_bytes(value *arguments, int count)
{
    (void)count;
    return trunkline_ocaml_http2_upgraded(arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                                           arguments[5]);
}

/* The handle of the request that asked for the upgrade. */
value trunkline_ocaml_http2_upgraded_request(value engine)
{
    CAMLparam1(engine);
    CAMLlocal1(upload);
    upload = body_value(connection_of(engine));
    check(trunk_http2_upgraded_request(engine_of(engine), &body_of(upload)->upload));
    CAMLreturn(upload);
}

/* ---- Calls ---- */

value trunkline_ocaml_http2_ping(value engine, value sink, value payload, value key)
{
    CAMLparam3(engine, sink, payload);
    WITH_SINK(sink, connection_of(engine),
              trunk_http2_ping(engine_of(engine), view_of(payload), on_wake, user_data_of(key), NULL));
    CAMLreturn(Val_unit);
}

value trunkline_ocaml_http2_shutdown(value engine, value sink)
{
    CAMLparam2(engine, sink);
    WITH_SINK(sink, connection_of(engine), trunk_http2_shutdown(engine_of(engine)));
    CAMLreturn(Val_unit);
}
