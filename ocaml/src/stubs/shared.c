/* What managers share: jars of cookies, records of exchanges. */
#include "values.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BURDEN = 4096 };

/* A copy of a string, which may move while the runtime's lock is released; freed by the caller. */
static trunk_view copy_of(value string)
{
    trunk_view own = view_of(string);
    uint8_t *bytes = malloc(own.size + 1);
    if (bytes == NULL)
        caml_raise_out_of_memory();
    memcpy(bytes, own.data, own.size);
    own.data = bytes;
    return own;
}

static void free_copy(trunk_view copy)
{
    free((uint8_t *)copy.data);
}

/* ---- Jars ---- */

static void finalize_jar(value block)
{
    trunk_cookie_jar **jar = place_of(block);
    if (jar != NULL)
        trunk_cookie_jar_free(*jar);
    free(jar);
}

OPERATIONS(jar);

static trunk_cookie_jar **jar_of(value jar)
{
    return place_of(jar);
}

value trunkline_ocaml_cookie_jar_new(value unit)
{
    CAMLparam1(unit);
    CAMLlocal1(jar);
    jar = block_of(&jar_operations, sizeof(trunk_cookie_jar *), BURDEN);
    check(trunk_cookie_jar_new(jar_of(jar)));
    CAMLreturn(jar);
}

value trunkline_ocaml_set_cookie_jar(value options, value jar)
{
    check(trunk_manager_options_set_cookie_jar(options_of(options)->manager, *jar_of(jar)));
    return Val_unit;
}

value trunkline_ocaml_cookie_jar_load(value jar, value path)
{
    CAMLparam1(jar);
    trunk_cookie_jar *own = *jar_of(jar);
    trunk_view file = copy_of(path);
    size_t count = 0;
    caml_release_runtime_system();
    trunk_status status = trunk_cookie_jar_load(own, file, &count);
    caml_acquire_runtime_system();
    free_copy(file);
    check(status);
    CAMLreturn(Val_long(count));
}

value trunkline_ocaml_cookie_jar_save(value jar, value path)
{
    CAMLparam1(jar);
    trunk_cookie_jar *own = *jar_of(jar);
    trunk_view file = copy_of(path);
    caml_release_runtime_system();
    trunk_status status = trunk_cookie_jar_save(own, file);
    caml_acquire_runtime_system();
    free_copy(file);
    check(status);
    CAMLreturn(Val_unit);
}

value trunkline_ocaml_cookie_jar_set(value jar, value url, value cookie)
{
    check(trunk_cookie_jar_set(*jar_of(jar), view_of(url), view_of(cookie)));
    return Val_unit;
}

value trunkline_ocaml_cookie_jar_clear(value jar)
{
    check(trunk_cookie_jar_clear(*jar_of(jar)));
    return Val_unit;
}

value trunkline_ocaml_cookie_jar_count(value jar)
{
    size_t count = 0;
    check(trunk_cookie_jar_count(*jar_of(jar), &count));
    return Val_long(count);
}

/* ---- Records ---- */

static void finalize_har(value block)
{
    trunk_har **har = place_of(block);
    if (har != NULL)
        trunk_har_free(*har);
    free(har);
}

OPERATIONS(har);

static trunk_har **har_of(value har)
{
    return place_of(har);
}

value trunkline_ocaml_har_new(value credentials)
{
    CAMLparam0();
    CAMLlocal1(har);
    har = block_of(&har_operations, sizeof(trunk_har *), BURDEN);
    check(trunk_har_new(Bool_val(credentials), har_of(har)));
    CAMLreturn(har);
}

value trunkline_ocaml_set_har(value options, value har)
{
    check(trunk_manager_options_set_har(options_of(options)->manager, *har_of(har)));
    return Val_unit;
}

value trunkline_ocaml_har_set_recording(value har, value recording)
{
    check(trunk_har_set_recording(*har_of(har), Bool_val(recording)));
    return Val_unit;
}

/* The view that the library answers dies with the next call for the same record, which another domain may make meanwhile:
 * it is copied before that can be. Nobody who waits for this lock holds the runtime's. */
static pthread_mutex_t json_lock = PTHREAD_MUTEX_INITIALIZER;

value trunkline_ocaml_har_json(value har)
{
    CAMLparam1(har);
    CAMLlocal1(json);
    trunk_har *own = *har_of(har);
    trunk_view text = {NULL, 0};
    char *copy = NULL;
    caml_release_runtime_system();
    pthread_mutex_lock(&json_lock);
    trunk_status status = trunk_har_json(own, &text);
    if (status == TRUNK_OK && (copy = malloc(text.size + 1)) != NULL)
        memcpy(copy, text.data, text.size);
    pthread_mutex_unlock(&json_lock);
    caml_acquire_runtime_system();
    check(status);
    if (copy == NULL)
        caml_raise_out_of_memory();
    json = caml_alloc_initialized_string(text.size, copy);
    free(copy);
    CAMLreturn(json);
}

value trunkline_ocaml_har_save(value har, value path)
{
    CAMLparam1(har);
    trunk_har *own = *har_of(har);
    trunk_view file = copy_of(path);
    caml_release_runtime_system();
    trunk_status status = trunk_har_save(own, file);
    caml_acquire_runtime_system();
    free_copy(file);
    check(status);
    CAMLreturn(Val_unit);
}

value trunkline_ocaml_har_clear(value har)
{
    check(trunk_har_clear(*har_of(har)));
    return Val_unit;
}
