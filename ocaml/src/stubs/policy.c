/* What is done with answers, credentials and WebSockets: options that a manager and a request have alike. */
#include "setters.h"

#include <stdlib.h>

SHARED_FLAG(follow_redirects)
SHARED_NUMBER(max_redirects, UINT32_MAX)
SHARED_FLAG(redirect_trusted)
SHARED_FLAG(redirect_downgrade)
SHARED_NUMBER(retry, TRUNK_RETRY_TRANSIENT)
SHARED_NUMBER(max_retries, UINT32_MAX)
SHARED_FLAG(status_errors)
SHARED_FLAG(decode)
SHARED_NUMBER(max_decoded_bytes, UINT64_MAX)
SHARED_NUMBER(max_decode_ratio, UINT32_MAX)
SHARED_FLAG(cookies)
SHARED_NUMBER(expect_continue, INT64_MAX)

/* ---- WebSockets ---- */

SHARED_FLAG(websocket_deflate)
SHARED_FLAG(websocket_frames)
SHARED_NUMBER(websocket_ping_interval, INT64_MAX)
SHARED_NUMBER(websocket_ping_timeout, INT64_MAX)
SHARED_NUMBER(websocket_close_timeout, INT64_MAX)
SHARED_FLAG(websocket_reconnect)
SHARED_NUMBER(websocket_reconnect_queue, SIZE_MAX)

value trunkline_ocaml_set_websocket_deflate_effort(value options, value level, value threshold)
{
    uint32_t hard = (uint32_t)number_up_to(level, UINT32_MAX, "websocket_deflate_effort");
    size_t least = number_up_to(threshold, SIZE_MAX, "websocket_deflate_effort");
    check(SET_EITHER(options, websocket_deflate_effort, hard, least));
    return Val_unit;
}

value trunkline_ocaml_set_websocket_deflate_windows(value options, value server, value client)
{
    uint8_t theirs = (uint8_t)number_up_to(server, UINT8_MAX, "websocket_deflate_windows");
    uint8_t ours = (uint8_t)number_up_to(client, UINT8_MAX, "websocket_deflate_windows");
    check(SET_EITHER(options, websocket_deflate_windows, theirs, ours));
    return Val_unit;
}

value trunkline_ocaml_set_websocket_deflate_alone(value options, value server, value client)
{
    check(SET_EITHER(options, websocket_deflate_alone, Bool_val(server), Bool_val(client)));
    return Val_unit;
}

value trunkline_ocaml_set_websocket_reconnect_pauses(value options, value first, value longest, value attempts)
{
    uint64_t least = number_up_to(first, INT64_MAX, "websocket_reconnect_pauses");
    uint64_t most = number_up_to(longest, INT64_MAX, "websocket_reconnect_pauses");
    uint32_t number = (uint32_t)number_up_to(attempts, UINT32_MAX, "websocket_reconnect_pauses");
    check(SET_EITHER(options, websocket_reconnect_pauses, least, most, number));
    return Val_unit;
}

value trunkline_ocaml_set_websocket_reconnect_codes(value options, value list)
{
    mlsize_t count = Wosize_val(list);
    uint16_t *codes = calloc(count + 1, sizeof *codes);
    if (codes == NULL)
        caml_raise_out_of_memory();
    for (mlsize_t index = 0; index < count; index++)
        codes[index] = (uint16_t)Long_val(Field(list, index));
    trunk_status status = SET_EITHER(options, websocket_reconnect_codes, codes, count);
    free(codes);
    check(status);
    return Val_unit;
}

/* ---- Credentials ---- */

SHARED_TEXT(auth_bearer)
SHARED_TEXT(auth_literal)
SHARED_TEXT(auth_netrc)

value trunkline_ocaml_set_auth_none(value options)
{
    struct options *own = options_of(options);
    check(own->manager != NULL ? trunk_manager_options_set_auth_none(own->manager)
                               : trunk_request_options_set_auth_none(own->request));
    return Val_unit;
}

value trunkline_ocaml_set_auth_basic(value options, value user, value password)
{
    check(SET_EITHER(options, auth_basic, view_of(user), view_of(password)));
    return Val_unit;
}

value trunkline_ocaml_set_auth_digest(value options, value user, value password)
{
    check(SET_EITHER(options, auth_digest, view_of(user), view_of(password)));
    return Val_unit;
}

/* The fields are those of Auth.aws, in their order; Auth.payload has that of TRUNK_AWS_PAYLOAD_*. */
value trunkline_ocaml_set_auth_aws_sigv4(value options, value fields)
{
    check(SET_EITHER(options, auth_aws_sigv4, view_of(Field(fields, 0)), view_of(Field(fields, 1)),
                     view_of(Field(fields, 2)), view_of(Field(fields, 3)), view_of(Field(fields, 4))));
    if (Is_some(Field(fields, 5)))
        check(SET_EITHER(options, aws_sigv4_date, Long_val(Some_val(Field(fields, 5)))));
    check(SET_EITHER(options, aws_sigv4_payload, Int_val(Field(fields, 6))));
    return Val_unit;
}
