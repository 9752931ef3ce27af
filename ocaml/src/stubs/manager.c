/* Managers: submitting, polling, shutting down, counters. */
#include "values.h"

/* Parts of one poll. */
enum { BATCH = 256 };

value trunkline_ocaml_manager_new(value options)
{
    CAMLparam1(options);
    CAMLlocal1(manager);
    manager = manager_value();
    check(trunk_manager_new(options_of(options)->manager, &manager_of(manager)->handle));
    CAMLreturn(manager);
}

value trunkline_ocaml_submit_recv(value manager, value options)
{
    CAMLparam2(manager, options);
    CAMLlocal1(request);
    request = request_value();
    check(trunk_manager_submit_recv(manager_of(manager)->handle, options_of(options)->request,
                                    &request_of(request)->handle));
    CAMLreturn(request);
}

/* The parts come with `key`, which is no pointer. */
value trunkline_ocaml_submit_queue(value manager, value options, value key)
{
    CAMLparam2(manager, options);
    CAMLlocal1(request);
    request = request_value();
    check(trunk_manager_submit_queue(manager_of(manager)->handle, options_of(options)->request,
                                     (void *)(uintptr_t)Long_val(key), &request_of(request)->handle));
    CAMLreturn(request);
}

/* An array of pairs of key and part. */
value trunkline_ocaml_poll(value manager, value timeout)
{
    CAMLparam1(manager);
    CAMLlocal3(result, pair, one);
    struct manager *own = manager_of(manager);
    int64_t milliseconds = Long_val(timeout);
    const trunk_part *parts[BATCH];
    size_t count = 0;
    if (!take(&own->polling))
        refuse(TRUNK_ERROR_BUSY, "another thread polls this manager");
    caml_release_runtime_system();
    trunk_status status = trunk_manager_poll(own->handle, parts, BATCH, milliseconds, &count);
    caml_acquire_runtime_system();
    if (status == TRUNK_OK) {
        result = caml_alloc(count, 0);
        for (size_t index = 0; index < count; index++) {
            one = part_value(parts[index]);
            pair = caml_alloc_small(2, 0);
            Field(pair, 0) = Val_long((intnat)(uintptr_t)trunk_part_user_data(parts[index]));
            Field(pair, 1) = one;
            Store_field(result, index, pair);
        }
    }
    give_back(&own->polling);
    check(status);
    CAMLreturn(result);
}

value trunkline_ocaml_descriptor(value manager)
{
    int descriptor = -1;
    check(trunk_manager_descriptor(manager_of(manager)->handle, &descriptor));
    return Val_int(descriptor);
}

value trunkline_ocaml_manager_close(value manager)
{
    check(trunk_manager_close(manager_of(manager)->handle));
    return Val_unit;
}

/* Whether none had to be ended. */
value trunkline_ocaml_shutdown(value manager, value timeout)
{
    CAMLparam1(manager);
    struct manager *own = manager_of(manager);
    int64_t milliseconds = Long_val(timeout);
    bool all_ended = false;
    caml_release_runtime_system();
    trunk_status status = trunk_manager_shutdown(own->handle, milliseconds, &all_ended);
    caml_acquire_runtime_system();
    check(status);
    CAMLreturn(Val_bool(all_ended));
}

value trunkline_ocaml_manager_free(value manager)
{
    struct manager *own = manager_of(manager);
    if (!take(&own->polling))
        refuse(TRUNK_ERROR_BUSY, "another thread polls this manager");
    /* The handle is dead then, and stays: every further call is answered with an error. */
    trunk_status status = trunk_manager_free(own->handle);
    give_back(&own->polling);
    check(status);
    return Val_unit;
}

/* ---- Counters ---- */

/* An array in the order of TRUNK_STATISTIC_*, and one of the counts of errors by their numbers. */
value trunkline_ocaml_statistics(value manager)
{
    CAMLparam1(manager);
    CAMLlocal3(result, counters, errors);
    enum { MOST = 128 };
    trunk_statistics *statistics = NULL;
    uint64_t values[TRUNK_STATISTIC_RETRIES] = {0}, failed[MOST] = {0};
    check(trunk_manager_statistics(manager_of(manager)->handle, &statistics));
    for (trunk_statistic which = 1; which <= TRUNK_STATISTIC_RETRIES; which++)
        trunk_statistics_get(statistics, which, &values[which - 1]);
    for (trunk_status error = 1; error < MOST; error++) {
        if (trunk_status_name(error).size > 0)
            trunk_statistics_errors(statistics, error, &failed[error]);
    }
    trunk_statistics_free(statistics);
    counters = caml_alloc(TRUNK_STATISTIC_RETRIES, 0);
    for (size_t index = 0; index < TRUNK_STATISTIC_RETRIES; index++)
        Store_field(counters, index, Val_long(values[index]));
    errors = caml_alloc(MOST, 0);
    for (size_t index = 0; index < MOST; index++)
        Store_field(errors, index, Val_long(failed[index]));
    result = caml_alloc_small(2, 0);
    Field(result, 0) = counters;
    Field(result, 1) = errors;
    CAMLreturn(result);
}

value trunkline_ocaml_openmetrics(value manager)
{
    CAMLparam1(manager);
    CAMLlocal1(text);
    trunk_statistics *statistics = NULL;
    trunk_view view;
    check(trunk_manager_statistics(manager_of(manager)->handle, &statistics));
    trunk_status status = trunk_statistics_openmetrics(statistics, &view);
    if (status == TRUNK_OK)
        text = string_of(view);
    trunk_statistics_free(statistics);
    check(status);
    CAMLreturn(text);
}
