/* The options of a manager, those of a request, and what both have alike but for what is done with answers (policy.c). */
#include "setters.h"

#include <stdlib.h>

/* ---- Of both ---- */

SHARED_NUMBER(http, TRUNK_HTTP_UPGRADE)
SHARED_NUMBER(pool_timeout, INT64_MAX)
SHARED_NUMBER(resolve_timeout, INT64_MAX)
SHARED_NUMBER(connect_timeout, INT64_MAX)
SHARED_NUMBER(tls_timeout, INT64_MAX)
SHARED_NUMBER(write_timeout, INT64_MAX)
SHARED_NUMBER(first_byte_timeout, INT64_MAX)
SHARED_NUMBER(idle_timeout, INT64_MAX)
SHARED_NUMBER(total_timeout, INT64_MAX)
SHARED_NUMBER(credit, SIZE_MAX)
SHARED_NUMBER(websocket_max_message_bytes, SIZE_MAX)

/* ---- Of a manager ---- */

value trunkline_ocaml_manager_options_new(value unit)
{
    CAMLparam1(unit);
    CAMLlocal1(options);
    options = options_value();
    check(trunk_manager_options_new(&options_of(options)->manager));
    CAMLreturn(options);
}

MANAGER_NUMBER(drive_threads, SIZE_MAX)
MANAGER_NUMBER(idle_connection_timeout, INT64_MAX)
MANAGER_NUMBER(max_connections_per_origin, SIZE_MAX)
MANAGER_NUMBER(max_connections, SIZE_MAX)
MANAGER_NUMBER(upload_buffer, SIZE_MAX)
MANAGER_NUMBER(max_header_bytes, SIZE_MAX)
MANAGER_NUMBER(max_headers, SIZE_MAX)
MANAGER_NUMBER(max_body_bytes, UINT64_MAX)
MANAGER_NUMBER(websocket_max_frame_bytes, SIZE_MAX)
MANAGER_NUMBER(websocket_send_buffer, SIZE_MAX)
MANAGER_NUMBER(http2_max_concurrent_streams, SIZE_MAX)
MANAGER_NUMBER(http2_stream_window, UINT32_MAX)
MANAGER_NUMBER(http2_connection_window, UINT32_MAX)
MANAGER_NUMBER(http2_max_frame_size, UINT32_MAX)
MANAGER_NUMBER(http2_header_table_size, UINT32_MAX)
MANAGER_NUMBER(http2_connections_per_origin, SIZE_MAX)
MANAGER_NUMBER(http2_ping_interval, INT64_MAX)
MANAGER_NUMBER(proxy_auth, TRUNK_PROXY_AUTH_DIGEST)
MANAGER_NUMBER(websocket_http, TRUNK_HTTP_UPGRADE)

MANAGER_FLAG(http2_adaptive_window)
MANAGER_FLAG(http2_coalescing)
MANAGER_FLAG(http2_ping_unused)
MANAGER_FLAG(tls_verify)
MANAGER_FLAG(tls_resumption)
MANAGER_FLAG(proxy_tls_verify)
MANAGER_FLAG(nodelay)

MANAGER_TEXT(unix_socket)
MANAGER_TEXT(user_agent)
MANAGER_TEXT(tls_ca)
MANAGER_TEXT(tls_ca_file)
MANAGER_TEXT(tls_hostname)
MANAGER_TEXT(tls_sni)
MANAGER_TEXT(tls_pins)
MANAGER_TEXT(tls_key_log)
MANAGER_TEXT(proxy_tls_ca)
MANAGER_TEXT(local_address)
MANAGER_TEXT(interface)
MANAGER_TEXT(base_url)

value trunkline_ocaml_set_drive_inline(value options)
{
    check(trunk_manager_options_set_drive_inline(options_of(options)->manager));
    return Val_unit;
}

value trunkline_ocaml_set_tls_identity(value options, value certificate, value key)
{
    check(trunk_manager_options_set_tls_identity(options_of(options)->manager, view_of(certificate), view_of(key)));
    return Val_unit;
}

value trunkline_ocaml_set_tls_versions(value options, value oldest, value newest)
{
    check(trunk_manager_options_set_tls_versions(options_of(options)->manager, Int_val(oldest), Int_val(newest)));
    return Val_unit;
}

value trunkline_ocaml_set_manager_proxy(value options, value without_tls, value with_tls, value direct)
{
    check(trunk_manager_options_set_proxy(options_of(options)->manager, view_of(without_tls), view_of(with_tls),
                                          view_of(direct)));
    return Val_unit;
}

value trunkline_ocaml_set_proxy_environment(value options)
{
    check(trunk_manager_options_set_proxy_environment(options_of(options)->manager));
    return Val_unit;
}

value trunkline_ocaml_add_proxy_header(value options, value name, value content)
{
    check(trunk_manager_options_add_proxy_header(options_of(options)->manager, view_of(name), view_of(content)));
    return Val_unit;
}

value trunkline_ocaml_set_tcp_keep_alive(value options, value silence, value interval, value count)
{
    check(trunk_manager_options_set_tcp_keep_alive(
        options_of(options)->manager, number_up_to(silence, INT64_MAX, "tcp_keep_alive"),
        number_up_to(interval, INT64_MAX, "tcp_keep_alive"),
        (uint32_t)number_up_to(count, UINT32_MAX, "tcp_keep_alive")));
    return Val_unit;
}

value trunkline_ocaml_add_resolve(value options, value host, value port, value addresses)
{
    check(trunk_manager_options_add_resolve(options_of(options)->manager, view_of(host),
                                            (uint16_t)number_up_to(port, UINT16_MAX, "resolve"), view_of(addresses)));
    return Val_unit;
}

/* ---- Of a request ---- */

value trunkline_ocaml_request_options_new(value method, value url)
{
    CAMLparam2(method, url);
    CAMLlocal1(options);
    options = options_value();
    check(trunk_request_options_new(view_of(method), view_of(url), &options_of(options)->request));
    CAMLreturn(options);
}

value trunkline_ocaml_request_options_new_connect(value proxy, value authority)
{
    CAMLparam2(proxy, authority);
    CAMLlocal1(options);
    options = options_value();
    check(trunk_request_options_new_connect(view_of(proxy), view_of(authority), &options_of(options)->request));
    CAMLreturn(options);
}

REQUEST_FLAG(replay)
REQUEST_FLAG(manual_release)

REQUEST_TEXT(body)
REQUEST_TEXT(body_json)
REQUEST_TEXT(upgrade)

value trunkline_ocaml_set_request_proxy(value options, value url)
{
    check(trunk_request_options_set_proxy(options_of(options)->request, view_of(url)));
    return Val_unit;
}

value trunkline_ocaml_add_header(value options, value name, value content)
{
    check(trunk_request_options_add_header(options_of(options)->request, view_of(name), view_of(content)));
    return Val_unit;
}

value trunkline_ocaml_omit_header(value options, value name)
{
    check(trunk_request_options_omit_header(options_of(options)->request, view_of(name)));
    return Val_unit;
}

value trunkline_ocaml_add_param(value options, value name, value content)
{
    check(trunk_request_options_add_param(options_of(options)->request, view_of(name), view_of(content)));
    return Val_unit;
}

value trunkline_ocaml_add_path_param(value options, value name, value content)
{
    check(trunk_request_options_add_path_param(options_of(options)->request, view_of(name), view_of(content)));
    return Val_unit;
}

value trunkline_ocaml_set_path_style(value options, value style)
{
    check(trunk_request_options_set_path_style(options_of(options)->request, Int_val(style)));
    return Val_unit;
}

/* -1 where the length is not known. */
value trunkline_ocaml_set_streamed_body(value options, value length)
{
    check(trunk_request_options_set_streamed_body(options_of(options)->request, Long_val(length)));
    return Val_unit;
}

/* A length of -1 stands for all. */
value trunkline_ocaml_set_body_file(value options, value path, value offset, value length)
{
    check(trunk_request_options_set_body_file(options_of(options)->request, view_of(path),
                                              number_up_to(offset, INT64_MAX, "body_file"), Long_val(length)));
    return Val_unit;
}

value trunkline_ocaml_set_body_form(value options, value list)
{
    size_t count;
    trunk_header *fields = fields_of(list, &count);
    trunk_status status = trunk_request_options_set_body_form(options_of(options)->request, fields, count);
    free(fields);
    check(status);
    return Val_unit;
}

/* One field of Native.field: name, content, filename, content_type, is_file. */
static trunk_status add_field(trunk_multipart *multipart, value field)
{
    trunk_view name = view_of(Field(field, 0)), content = view_of(Field(field, 1));
    trunk_view filename = view_of(Field(field, 2)), content_type = view_of(Field(field, 3));
    if (Bool_val(Field(field, 4)))
        return trunk_multipart_add_file(multipart, name, content, filename, content_type);
    return trunk_multipart_add_bytes(multipart, name, content, filename, content_type);
}

value trunkline_ocaml_set_body_multipart(value options, value fields)
{
    trunk_multipart *multipart = NULL;
    check(trunk_multipart_new(&multipart));
    trunk_status status = TRUNK_OK;
    for (mlsize_t index = 0; status == TRUNK_OK && index < Wosize_val(fields); index++)
        status = add_field(multipart, Field(fields, index));
    if (status == TRUNK_OK)
        status = trunk_request_options_set_body_multipart(options_of(options)->request, multipart);
    /* This succeeds, and so leaves the message of what did not. */
    trunk_multipart_free(multipart);
    check(status);
    return Val_unit;
}

value trunkline_ocaml_set_websocket_protocols(value options, value names)
{
    mlsize_t count = Wosize_val(names);
    trunk_view *views = calloc(count + 1, sizeof *views);
    if (views == NULL)
        caml_raise_out_of_memory();
    for (mlsize_t index = 0; index < count; index++)
        views[index] = view_of(Field(names, index));
    trunk_status status = trunk_request_options_set_websocket_protocols(options_of(options)->request, views, count);
    free(views);
    check(status);
    return Val_unit;
}
