/* What managers share: jars of cookies, records of exchanges. */
#include "values.h"

#include <stdlib.h>

enum { BURDEN = 4096 };

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
    size_t count = 0;
    check(trunk_cookie_jar_load(*jar_of(jar), view_of(path), &count));
    return Val_long(count);
}

value trunkline_ocaml_cookie_jar_save(value jar, value path)
{
    check(trunk_cookie_jar_save(*jar_of(jar), view_of(path)));
    return Val_unit;
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

/* The view lives until another thread asks for the same record: the lock is held until it is copied. */
value trunkline_ocaml_har_json(value har)
{
    CAMLparam1(har);
    trunk_view text;
    check(trunk_har_json(*har_of(har), &text));
    CAMLreturn(string_of(text));
}

value trunkline_ocaml_har_save(value har, value path)
{
    check(trunk_har_save(*har_of(har), view_of(path)));
    return Val_unit;
}

value trunkline_ocaml_har_clear(value har)
{
    check(trunk_har_clear(*har_of(har)));
    return Val_unit;
}
