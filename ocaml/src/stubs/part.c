/* Parts as values of Native.part, whose constructors and records have the order that is used here. Everything is copied, so
 * that nothing depends on the part's life. */
#include "values.h"

/* Constructors of Native.part: without arguments, then with. */
enum { PART_UNKNOWN, PART_WRITABLE };
enum {
    PART_INFORMATIONAL,
    PART_HEAD,
    PART_REDIRECT,
    PART_DATA,
    PART_TRAILERS,
    PART_FRAME,
    PART_RECONNECTED,
    PART_LATENCY,
    PART_DONE,
    PART_FAILED,
};

/* ---- Pieces ---- */

static value cons(value name, value content, value list)
{
    CAMLparam3(name, content, list);
    CAMLlocal2(pair, cell);
    pair = caml_alloc_small(2, 0);
    Field(pair, 0) = name;
    Field(pair, 1) = content;
    cell = caml_alloc_small(2, Tag_cons);
    Field(cell, 0) = pair;
    Field(cell, 1) = list;
    CAMLreturn(cell);
}

static value cons_field(trunk_header field, value list)
{
    CAMLparam1(list);
    CAMLlocal2(name, content);
    name = string_of(field.name);
    content = string_of(field.value);
    CAMLreturn(cons(name, content, list));
}

value fields_value(const trunk_header *fields, size_t count)
{
    CAMLparam0();
    CAMLlocal1(list);
    list = Val_emptylist;
    for (size_t index = count; index > 0; index--)
        list = cons_field(fields[index - 1], list);
    CAMLreturn(list);
}

static value headers_value(const trunk_part *part)
{
    CAMLparam0();
    CAMLlocal1(list);
    list = Val_emptylist;
    for (size_t index = trunk_part_header_count(part); index > 0; index--) {
        trunk_header field = {0};
        if (trunk_part_header_at(part, index - 1, &field) == TRUNK_OK)
            list = cons_field(field, list);
    }
    CAMLreturn(list);
}

/* Part.head: status, version, headers. */
static value head_value(const trunk_part *part)
{
    CAMLparam0();
    CAMLlocal2(head, headers);
    headers = headers_value(part);
    head = caml_alloc_small(3, 0);
    Field(head, 0) = Val_int(trunk_part_status(part));
    Field(head, 1) = Val_int(trunk_part_version(part));
    Field(head, 2) = headers;
    CAMLreturn(head);
}

static value kind_of_frame(trunk_frame_kind kind)
{
    switch (kind) {
    case TRUNK_FRAME_TEXT:
        return Val_int(0);
    case TRUNK_FRAME_BINARY:
        return Val_int(1);
    case TRUNK_FRAME_CONTINUATION:
        return Val_int(2);
    case TRUNK_FRAME_CLOSE:
        return Val_int(3);
    case TRUNK_FRAME_PING:
        return Val_int(4);
    default:
        return Val_int(5);
    }
}

static trunk_frame_kind frame_kind_of(value kind)
{
    static const trunk_frame_kind kinds[] = {TRUNK_FRAME_TEXT,  TRUNK_FRAME_BINARY, TRUNK_FRAME_CONTINUATION,
                                             TRUNK_FRAME_CLOSE, TRUNK_FRAME_PING,   TRUNK_FRAME_PONG};
    return kinds[Int_val(kind)];
}

/* Part.message: kind, payload, code, more. */
value message_value(const trunk_message *message)
{
    CAMLparam0();
    CAMLlocal3(result, payload, code);
    payload = string_of(message->payload);
    code = message->code == 0 ? Val_none : caml_alloc_some(Val_int(message->code));
    result = caml_alloc_small(4, 0);
    Field(result, 0) = kind_of_frame(message->kind);
    Field(result, 1) = payload;
    Field(result, 2) = code;
    Field(result, 3) = Val_bool(message->more);
    CAMLreturn(result);
}

trunk_message message_of(value message)
{
    value code = Field(message, 2);
    return (trunk_message){
        .payload = view_of(Field(message, 1)),
        .kind = frame_kind_of(Field(message, 0)),
        .code = Is_none(code) ? 0 : (uint16_t)Int_val(Some_val(code)),
        .more = Bool_val(Field(message, 3)),
    };
}

static value frame_value(const trunk_part *part)
{
    trunk_message message = {
        .payload = trunk_part_data(part),
        .kind = trunk_part_frame_kind(part),
        .code = trunk_part_close_code(part),
        .more = trunk_part_frame_has_more(part),
    };
    return message_value(&message);
}

/* ---- Ends ---- */

/* Part.timings, in the order of TRUNK_TIMING_*. */
static value timings_value(const trunk_part *part)
{
    CAMLparam0();
    CAMLlocal2(timings, passed);
    timings = caml_alloc_tuple(TRUNK_TIMING_TOTAL);
    for (trunk_timing which = TRUNK_TIMING_RESOLVED; which <= TRUNK_TIMING_TOTAL; which++) {
        uint64_t nanoseconds = trunk_part_timing(part, which);
        passed = nanoseconds == 0 ? Val_none : caml_alloc_some(Val_long(nanoseconds));
        Store_field(timings, which - TRUNK_TIMING_RESOLVED, passed);
    }
    CAMLreturn(timings);
}

/* Part.summary. */
static value summary_value(const trunk_part *part)
{
    CAMLparam0();
    CAMLlocal5(summary, tls, remote, local, timings);
    tls = optional_string_of(trunk_part_tls(part));
    remote = optional_string_of(trunk_part_remote_address(part));
    local = optional_string_of(trunk_part_local_address(part));
    timings = timings_value(part);
    summary = caml_alloc_tuple(10);
    /* Part.protocol has the order of TRUNK_PROTOCOL_*. */
    Store_field(summary, 0, Val_int(trunk_part_protocol(part)));
    Store_field(summary, 1, Val_long(trunk_part_connection_id(part)));
    Store_field(summary, 2, Val_bool(trunk_part_reused(part)));
    Store_field(summary, 3, Val_long(trunk_part_attempts(part)));
    Store_field(summary, 4, Val_long(trunk_part_received(part)));
    Store_field(summary, 5, Val_long(trunk_part_sent(part)));
    Store_field(summary, 6, tls);
    Store_field(summary, 7, remote);
    Store_field(summary, 8, local);
    Store_field(summary, 9, timings);
    CAMLreturn(summary);
}

/* Native.failure: code, message, phase, peer_code. */
static value failure_value(const trunk_part *part)
{
    CAMLparam0();
    CAMLlocal3(failure, message, peer_code);
    int64_t code = trunk_part_error_peer_code(part);
    message = string_of(trunk_part_error_message(part));
    peer_code = code < 0 ? Val_none : caml_alloc_some(Val_long(code));
    failure = caml_alloc_small(4, 0);
    Field(failure, 0) = Val_int(trunk_part_error(part));
    Field(failure, 1) = message;
    Field(failure, 2) = Val_int(trunk_part_error_phase(part));
    Field(failure, 3) = peer_code;
    CAMLreturn(failure);
}

/* ---- Parts ---- */

static value with_one(tag_t constructor, value argument)
{
    CAMLparam1(argument);
    CAMLlocal1(block);
    block = caml_alloc_small(1, constructor);
    Field(block, 0) = argument;
    CAMLreturn(block);
}

static value redirect_value(const trunk_part *part)
{
    CAMLparam0();
    CAMLlocal3(block, head, url);
    head = head_value(part);
    url = string_of(trunk_part_url(part));
    block = caml_alloc_small(2, PART_REDIRECT);
    Field(block, 0) = head;
    Field(block, 1) = url;
    CAMLreturn(block);
}

static value latency_value(const trunk_part *part)
{
    value block = caml_alloc_small(2, PART_LATENCY);
    Field(block, 0) = Val_long(trunk_part_ping(part));
    Field(block, 1) = Val_long(trunk_part_round_trip(part));
    return block;
}

value part_value(const trunk_part *part)
{
    switch (trunk_part_kind(part)) {
    case TRUNK_PART_INFORMATIONAL:
        return with_one(PART_INFORMATIONAL, head_value(part));
    case TRUNK_PART_HEAD:
        return with_one(PART_HEAD, head_value(part));
    case TRUNK_PART_REDIRECT:
        return redirect_value(part);
    case TRUNK_PART_DATA:
        return with_one(PART_DATA, string_of(trunk_part_data(part)));
    case TRUNK_PART_TRAILERS:
        return with_one(PART_TRAILERS, headers_value(part));
    case TRUNK_PART_FRAME:
        return with_one(PART_FRAME, frame_value(part));
    case TRUNK_PART_WRITABLE:
        return Val_int(PART_WRITABLE);
    case TRUNK_PART_DONE:
        return with_one(PART_DONE, summary_value(part));
    case TRUNK_PART_ERROR:
        return with_one(PART_FAILED, failure_value(part));
    case TRUNK_PART_RECONNECTED:
        return with_one(PART_RECONNECTED, head_value(part));
    case TRUNK_PART_LATENCY:
        return latency_value(part);
    default:
        return Val_int(PART_UNKNOWN);
    }
}
