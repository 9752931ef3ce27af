/* WebSockets that own no socket, and their handshakes. */
#include "engine.h"

#include <stdlib.h>

/* ---- Handshakes ---- */

enum { BURDEN = 1024 };

static void finalize_handshake(value block)
{
    trunk_handshake **handshake = place_of(block);
    if (handshake != NULL)
        trunk_handshake_free(*handshake);
    free(handshake);
}

OPERATIONS(handshake);

static trunk_handshake **handshake_of(value handshake)
{
    return place_of(handshake);
}

value trunkline_ocaml_handshake_new(value list, value deflate)
{
    CAMLparam2(list, deflate);
    CAMLlocal1(handshake);
    size_t count;
    handshake = block_of(&handshake_operations, sizeof(trunk_handshake *), BURDEN);
    trunk_header *fields = fields_of(list, &count);
    trunk_status status = trunk_handshake_new(fields, count, Bool_val(deflate), handshake_of(handshake));
    free(fields);
    check(status);
    CAMLreturn(handshake);
}

/* None behind the last. */
value trunkline_ocaml_handshake_field(value handshake, value index)
{
    CAMLparam1(handshake);
    CAMLlocal1(pair);
    trunk_header field;
    check(trunk_handshake_field(*handshake_of(handshake), (size_t)Long_val(index), &field));
    if (field.name.data == NULL)
        CAMLreturn(Val_none);
    pair = caml_alloc_tuple(2);
    Store_field(pair, 0, string_of(field.name));
    Store_field(pair, 1, string_of(field.value));
    CAMLreturn(caml_alloc_some(pair));
}

value trunkline_ocaml_handshake_check(value handshake, value status, value list)
{
    uint16_t number = (uint16_t)number_up_to(status, UINT16_MAX, "status");
    size_t count;
    trunk_header *fields = fields_of(list, &count);
    trunk_status checked = trunk_handshake_check(*handshake_of(handshake), number, fields, count);
    free(fields);
    check(checked);
    return Val_unit;
}

/* ---- Connections ---- */

static trunk_flow on_message(void *user_data, const trunk_message *message)
{
    if (sink_here != NULL)
        emit(EVENT_MESSAGE, user_data, 1, message_value(message), Val_unit, Val_unit);
    return TRUNK_FLOW_CONTINUE;
}

static void on_closed(void *user_data, trunk_status status, uint16_t code, trunk_view message)
{
    if (sink_here != NULL)
        emit(EVENT_CLOSED, user_data, 3, Val_int(status), Val_int(code), string_of(message));
}

/* An option of a handshake, and Engine.websocket_settings: max_frame_bytes, max_message_bytes, send_buffer, frames. */
value trunkline_ocaml_websocket_engine_new(value handshake, value given)
{
    CAMLparam2(handshake, given);
    CAMLlocal1(engine);
    static const trunk_websocket_handlers handlers = {
        .size = sizeof handlers, .frame = on_message, .closed = on_closed};
    trunk_websocket_settings settings = {
        .size = sizeof settings,
        .max_frame_bytes = number_up_to(Field(given, 0), SIZE_MAX, "max_frame_bytes"),
        .max_message_bytes = number_up_to(Field(given, 1), SIZE_MAX, "max_message_bytes"),
        .send_buffer = number_up_to(Field(given, 2), SIZE_MAX, "send_buffer"),
        .frames = Bool_val(Field(given, 3)),
    };
    engine = engine_value();
    trunk_handshake *done = Is_none(handshake) ? NULL : *handshake_of(Some_val(handshake));
    check(trunk_websocket_engine_new(done, &settings, &handlers, NULL, &connection_of(engine)->engine));
    CAMLreturn(engine);
}

value trunkline_ocaml_websocket_engine_send(value engine, value sink, value given)
{
    CAMLparam3(engine, sink, given);
    struct call outer = begin_call(&sink, connection_of(engine));
    trunk_message message = message_of(given);
    trunk_status status = trunk_websocket_engine_send(engine_of(engine), &message);
    end_call(outer);
    check(status);
    CAMLreturn(Val_unit);
}

value trunkline_ocaml_websocket_engine_on_room(value engine, value sink, value key)
{
    CAMLparam2(engine, sink);
    WITH_SINK(sink, connection_of(engine),
              trunk_websocket_engine_on_room(engine_of(engine), on_wake, user_data_of(key), NULL));
    CAMLreturn(Val_unit);
}
