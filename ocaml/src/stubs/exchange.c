/* Exchanges on a connection that owns no socket: requests, answers and their bodies. */
#include "engine.h"

#include <caml/bigarray.h>
#include <stdlib.h>
#include <string.h>

/* ---- What an exchange tells ---- */

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
    emit(EVENT_HEAD, user_data, 3, block, Val_int(status), headers);
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
        emit(EVENT_DATA, user_data, 1, bytes, Val_unit, Val_unit);
    }
    CAMLreturnT(trunk_flow, TRUNK_FLOW_PAUSE);
}

static void on_end(void *user_data)
{
    if (sink_here != NULL)
        emit(EVENT_END, user_data, 0, Val_unit, Val_unit, Val_unit);
}

static void on_trailers(void *user_data, const trunk_header *fields, size_t count)
{
    if (sink_here != NULL)
        emit(EVENT_TRAILERS, user_data, 1, fields_value(fields, count), Val_unit, Val_unit);
}

static void on_flushed(void *user_data, bool written)
{
    if (sink_here != NULL)
        emit(EVENT_FLUSHED, user_data, 1, Val_bool(written), Val_unit, Val_unit);
}

static void on_informational(void *user_data, uint16_t status, const trunk_header *fields, size_t count)
{
    if (sink_here != NULL)
        emit(EVENT_INFORMATIONAL, user_data, 2, Val_int(status), fields_value(fields, count), Val_unit);
}

static void on_upgraded(void *user_data, uint16_t status, const trunk_header *fields, size_t count, trunk_view rest)
{
    CAMLparam0();
    CAMLlocal2(headers, bytes);
    if (sink_here != NULL) {
        headers = fields_value(fields, count);
        bytes = string_of(rest);
        emit(EVENT_UPGRADED, user_data, 3, Val_int(status), headers, bytes);
    }
    CAMLreturn0;
}

#define EXCHANGE_HANDLERS                                                                                            \
    .size = sizeof(trunk_exchange_handlers), .head = on_head, .error = on_error, .data = on_data, .end = on_end,     \
    .trailers = on_trailers, .informational = on_informational

const trunk_exchange_handlers exchange_handlers = {EXCHANGE_HANDLERS};
static const trunk_exchange_handlers upgrade_handlers = {EXCHANGE_HANDLERS, .upgraded = on_upgraded};

/* ---- Requests ---- */

trunk_request_head head_of(value method, value uri, value list, trunk_header **fields)
{
    trunk_request_head head = {.size = sizeof head, .method = view_of(method), .uri = view_of(uri)};
    *fields = fields_of(list, &head.count);
    head.fields = *fields;
    return head;
}

/* `upgradable`: whether a 101 is an answer. Without a body the handle that is answered serves to give the request up. */
value trunkline_ocaml_engine_request(value engine, value sink, value key, value method, value uri, value list,
                                     value upgradable, value has_body)
{
    CAMLparam5(engine, sink, method, uri, list);
    CAMLlocal1(upload);
    trunk_header *fields;
    upload = body_value(connection_of(engine));
    struct call outer = begin_call(&sink, connection_of(engine));
    trunk_request_head head = head_of(method, uri, list, &fields);
    const trunk_exchange_handlers *handlers = Bool_val(upgradable) ? &upgrade_handlers : &exchange_handlers;
    trunk_upload **handle = &body_of(upload)->upload;
    trunk_status status =
        Bool_val(has_body)
            ? trunk_engine_request(engine_of(engine), &head, handlers, user_data_of(key), handle)
            : trunk_engine_request_without_body(engine_of(engine), &head, handlers, user_data_of(key), handle);
    end_call(outer);
    free(fields);
    check(status);
    CAMLreturn(upload);
}

value trunkline_ocaml_engine_request_bytes(value *arguments, int count)
{
    (void)count;
    return trunkline_ocaml_engine_request(arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                                          arguments[5], arguments[6], arguments[7]);
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
    WITH_SINK(sink, body_of(upload)->connection,
              trunk_upload_on_room(body_of(upload)->upload, on_wake, user_data_of(key), NULL));
    CAMLreturn(Val_unit);
}

value trunkline_ocaml_upload_flush(value upload, value sink, value key)
{
    CAMLparam2(upload, sink);
    WITH_SINK(sink, body_of(upload)->connection,
              trunk_upload_flush(body_of(upload)->upload, on_flushed, user_data_of(key), NULL));
    CAMLreturn(Val_unit);
}

value trunkline_ocaml_upload_close(value upload, value sink)
{
    CAMLparam2(upload, sink);
    WITH_SINK(sink, body_of(upload)->connection, trunk_upload_close(body_of(upload)->upload, NULL, 0));
    CAMLreturn(Val_unit);
}

value trunkline_ocaml_upload_cancel(value upload, value sink, value code)
{
    CAMLparam2(upload, sink);
    WITH_SINK(sink, body_of(upload)->connection,
              trunk_upload_cancel(body_of(upload)->upload, (uint32_t)Long_val(code)));
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

value trunkline_ocaml_answer_cancel(value answer, value sink, value code)
{
    CAMLparam2(answer, sink);
    WITH_SINK(sink, body_of(answer)->connection,
              trunk_answer_cancel(body_of(answer)->answer, (uint32_t)Long_val(code)));
    CAMLreturn(Val_unit);
}
