/* Lines, server-sent events, charsets: engines that are given pieces of a text; and URLs from pieces.
 *
 * The views that they answer die with the next call for the same engine, which another domain may make meanwhile: the second
 * call is refused. */
#include "values.h"

#include <stdlib.h>

enum { BURDEN = 1024 };

struct reader {
    trunk_lines *lines;
    trunk_sse *events;
    trunk_text_decoder *decoder;
    trunk_url *url;
    /* Set while a thread is in a call. */
    int taken;
};

static void finalize_reader(value block)
{
    struct reader *reader = place_of(block);
    if (reader != NULL) {
        trunk_lines_free(reader->lines);
        trunk_sse_free(reader->events);
        trunk_text_decoder_free(reader->decoder);
        trunk_url_free(reader->url);
    }
    free(reader);
}

OPERATIONS(reader);

static value reader_value(void)
{
    return block_of(&reader_operations, sizeof(struct reader), BURDEN);
}

static struct reader *reader_of(value block)
{
    return place_of(block);
}

/* The same, for this thread alone until it is given back. */
static struct reader *taken_reader(value block)
{
    struct reader *reader = place_of(block);
    if (!take(&reader->taken))
        refuse(TRUNK_ERROR_BUSY, "another thread uses it");
    return reader;
}

/* ---- Lines ---- */

value trunkline_ocaml_lines_new(value max_line, value carriage_return)
{
    CAMLparam0();
    CAMLlocal1(reader);
    size_t most = number_up_to(max_line, SIZE_MAX, "max_line");
    reader = reader_value();
    check(trunk_lines_new(most, Bool_val(carriage_return), &reader_of(reader)->lines));
    CAMLreturn(reader);
}

value trunkline_ocaml_lines_push(value reader, value data)
{
    check(trunk_lines_push(reader_of(reader)->lines, view_of(data)));
    return Val_unit;
}

value trunkline_ocaml_lines_finish(value reader)
{
    check(trunk_lines_finish(reader_of(reader)->lines));
    return Val_unit;
}

value trunkline_ocaml_lines_next(value reader)
{
    CAMLparam1(reader);
    CAMLlocal1(line);
    trunk_view view = {NULL, 0};
    struct reader *own = taken_reader(reader);
    trunk_status status = trunk_lines_next(own->lines, &view);
    if (status == TRUNK_OK)
        line = optional_string_of(view);
    give_back(&own->taken);
    check(status);
    CAMLreturn(line);
}

/* ---- Server-sent events ---- */

value trunkline_ocaml_sse_new(value max_event)
{
    CAMLparam0();
    CAMLlocal1(reader);
    size_t most = number_up_to(max_event, SIZE_MAX, "max_event");
    reader = reader_value();
    check(trunk_sse_new(most, &reader_of(reader)->events));
    CAMLreturn(reader);
}

value trunkline_ocaml_sse_push(value reader, value data)
{
    check(trunk_sse_push(reader_of(reader)->events, view_of(data)));
    return Val_unit;
}

value trunkline_ocaml_sse_finish(value reader)
{
    check(trunk_sse_finish(reader_of(reader)->events));
    return Val_unit;
}

/* None, or a tuple of event, data, id and milliseconds. */
value trunkline_ocaml_sse_next(value reader)
{
    CAMLparam1(reader);
    CAMLlocal5(result, event, data, id, tuple);
    trunk_sse_event next = {.retry_ms = -1};
    struct reader *own = taken_reader(reader);
    trunk_status status = trunk_sse_next(own->events, &next);
    if (status == TRUNK_OK && next.event.data != NULL) {
        event = string_of(next.event);
        data = string_of(next.data);
        id = string_of(next.id);
        tuple = caml_alloc_small(4, 0);
        Field(tuple, 0) = event;
        Field(tuple, 1) = data;
        Field(tuple, 2) = id;
        Field(tuple, 3) = Val_long(next.retry_ms);
        result = caml_alloc_some(tuple);
    } else {
        result = Val_none;
    }
    give_back(&own->taken);
    check(status);
    CAMLreturn(result);
}

/* ---- Charsets ---- */

value trunkline_ocaml_decoder_new(value label, value is_content_type)
{
    CAMLparam1(label);
    CAMLlocal1(reader);
    reader = reader_value();
    trunk_text_decoder **decoder = &reader_of(reader)->decoder;
    check(Bool_val(is_content_type) ? trunk_text_decoder_new_for_content_type(view_of(label), decoder)
                                    : trunk_text_decoder_new(view_of(label), decoder));
    CAMLreturn(reader);
}

value trunkline_ocaml_decoder_decode(value reader, value data)
{
    CAMLparam2(reader, data);
    CAMLlocal1(text);
    trunk_view view = {NULL, 0};
    struct reader *own = taken_reader(reader);
    trunk_status status = trunk_text_decoder_decode(own->decoder, view_of(data), &view);
    if (status == TRUNK_OK)
        text = string_of(view);
    give_back(&own->taken);
    check(status);
    CAMLreturn(text);
}

value trunkline_ocaml_decoder_finish(value reader)
{
    CAMLparam1(reader);
    CAMLlocal1(text);
    trunk_view view = {NULL, 0};
    struct reader *own = taken_reader(reader);
    trunk_status status = trunk_text_decoder_finish(own->decoder, &view);
    if (status == TRUNK_OK)
        text = string_of(view);
    give_back(&own->taken);
    check(status);
    CAMLreturn(text);
}

value trunkline_ocaml_decoder_encoding(value reader)
{
    CAMLparam1(reader);
    trunk_view view = {NULL, 0};
    check(trunk_text_decoder_encoding(reader_of(reader)->decoder, &view));
    CAMLreturn(string_of(view));
}

/* ---- URLs ---- */

value trunkline_ocaml_url_new(value base, value url)
{
    CAMLparam2(base, url);
    CAMLlocal1(reader);
    reader = reader_value();
    check(trunk_url_new(view_of(base), view_of(url), &reader_of(reader)->url));
    CAMLreturn(reader);
}

value trunkline_ocaml_url_set_path_style(value reader, value style)
{
    check(trunk_url_set_path_style(reader_of(reader)->url, Int_val(style)));
    return Val_unit;
}

value trunkline_ocaml_url_add_path_param(value reader, value name, value content)
{
    check(trunk_url_add_path_param(reader_of(reader)->url, view_of(name), view_of(content)));
    return Val_unit;
}

value trunkline_ocaml_url_add_param(value reader, value name, value content)
{
    check(trunk_url_add_param(reader_of(reader)->url, view_of(name), view_of(content)));
    return Val_unit;
}

value trunkline_ocaml_url_build(value reader)
{
    CAMLparam1(reader);
    CAMLlocal1(text);
    trunk_view view = {NULL, 0};
    struct reader *own = taken_reader(reader);
    trunk_status status = trunk_url_build(own->url, &view);
    if (status == TRUNK_OK)
        text = string_of(view);
    give_back(&own->taken);
    check(status);
    CAMLreturn(text);
}
