/* HTTP/1.1 connections that own no socket. */
#include "engine.h"

value trunkline_ocaml_http1_new(value max_headers, value max_header_bytes)
{
    CAMLparam2(max_headers, max_header_bytes);
    CAMLlocal1(engine);
    static const trunk_connection_handlers handlers = {.size = sizeof handlers, .error = on_error};
    size_t fields = number_up_to(max_headers, SIZE_MAX, "max_headers");
    size_t bytes = number_up_to(max_header_bytes, SIZE_MAX, "max_header_bytes");
    engine = engine_value();
    check(trunk_http1_new(fields, bytes, &handlers, NULL, &connection_of(engine)->engine));
    CAMLreturn(engine);
}

value trunkline_ocaml_http1_shutdown(value engine, value sink)
{
    CAMLparam2(engine, sink);
    WITH_SINK(sink, connection_of(engine), trunk_http1_shutdown(engine_of(engine)));
    CAMLreturn(Val_unit);
}
