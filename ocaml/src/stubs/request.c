/* Requests: receiving, bodies, cancelling. */
#include "values.h"

#include <stdlib.h>

value trunkline_ocaml_recv(value request, value timeout)
{
    CAMLparam1(request);
    CAMLlocal1(result);
    struct request *own = request_of(request);
    int64_t milliseconds = Long_val(timeout);
    const trunk_part *part = NULL;
    if (!take(&own->receiving))
        refuse(TRUNK_ERROR_BUSY, "another thread receives from this request");
    caml_release_runtime_system();
    trunk_status status = trunk_request_recv(own->handle, milliseconds, &part);
    caml_acquire_runtime_system();
    if (status == TRUNK_OK)
        result = part_value(part);
    give_back(&own->receiving);
    check(status);
    CAMLreturn(result);
}

value trunkline_ocaml_cancel(value request)
{
    check(trunk_request_cancel(request_of(request)->handle));
    return Val_unit;
}

value trunkline_ocaml_release(value request, value bytes)
{
    check(trunk_request_release(request_of(request)->handle, number_up_to(bytes, SIZE_MAX, "release")));
    return Val_unit;
}

/* The range was checked. */
value trunkline_ocaml_write(value request, value data, value offset, value length)
{
    trunk_view piece = trunk_bytes(String_val(data) + Long_val(offset), (size_t)Long_val(length));
    check(trunk_request_write(request_of(request)->handle, piece));
    return Val_unit;
}

value trunkline_ocaml_finish(value request, value trailers)
{
    size_t count;
    trunk_header *fields = fields_of(trailers, &count);
    trunk_status status = trunk_request_finish(request_of(request)->handle, fields, count);
    free(fields);
    check(status);
    return Val_unit;
}

value trunkline_ocaml_fail(value request, value why)
{
    check(trunk_request_fail(request_of(request)->handle, view_of(why)));
    return Val_unit;
}

value trunkline_ocaml_request_id(value request)
{
    uint64_t id = 0;
    check(trunk_request_id(request_of(request)->handle, &id));
    return Val_long(id);
}

value trunkline_ocaml_has_ended(value request)
{
    bool ended = false;
    check(trunk_request_has_ended(request_of(request)->handle, &ended));
    return Val_bool(ended);
}
