/* Setters of options, one line each: an OCaml primitive `trunkline_ocaml_set_NAME`. Those of `SHARED_` are for the options
 * of a manager and of a request. */
#ifndef TRUNKLINE_OCAML_SETTERS_H
#define TRUNKLINE_OCAML_SETTERS_H

#include "values.h"

/* Sets `name` in whichever of the two the options are. */
#define SET_EITHER(options, name, ...)                                                                               \
    (options_of(options)->manager != NULL                                                                            \
         ? trunk_manager_options_set_##name(options_of(options)->manager, __VA_ARGS__)                               \
         : trunk_request_options_set_##name(options_of(options)->request, __VA_ARGS__))

#define SHARED_NUMBER(name, most)                                                                                    \
    value trunkline_ocaml_set_##name(value options, value number)                                                    \
    {                                                                                                                \
        uint64_t given = number_up_to(number, most, #name);                                                          \
        check(SET_EITHER(options, name, given));                                                                     \
        return Val_unit;                                                                                             \
    }

#define SHARED_FLAG(name)                                                                                            \
    value trunkline_ocaml_set_##name(value options, value flag)                                                      \
    {                                                                                                                \
        check(SET_EITHER(options, name, Bool_val(flag)));                                                            \
        return Val_unit;                                                                                             \
    }

#define SHARED_TEXT(name)                                                                                            \
    value trunkline_ocaml_set_##name(value options, value text)                                                      \
    {                                                                                                                \
        check(SET_EITHER(options, name, view_of(text)));                                                             \
        return Val_unit;                                                                                             \
    }

#define MANAGER_NUMBER(name, most)                                                                                   \
    value trunkline_ocaml_set_##name(value options, value number)                                                    \
    {                                                                                                                \
        uint64_t given = number_up_to(number, most, #name);                                                          \
        check(trunk_manager_options_set_##name(options_of(options)->manager, given));                                \
        return Val_unit;                                                                                             \
    }

#define MANAGER_FLAG(name)                                                                                           \
    value trunkline_ocaml_set_##name(value options, value flag)                                                      \
    {                                                                                                                \
        check(trunk_manager_options_set_##name(options_of(options)->manager, Bool_val(flag)));                       \
        return Val_unit;                                                                                             \
    }

#define MANAGER_TEXT(name)                                                                                           \
    value trunkline_ocaml_set_##name(value options, value text)                                                      \
    {                                                                                                                \
        check(trunk_manager_options_set_##name(options_of(options)->manager, view_of(text)));                        \
        return Val_unit;                                                                                             \
    }

#define REQUEST_FLAG(name)                                                                                           \
    value trunkline_ocaml_set_##name(value options, value flag)                                                      \
    {                                                                                                                \
        check(trunk_request_options_set_##name(options_of(options)->request, Bool_val(flag)));                       \
        return Val_unit;                                                                                             \
    }

#define REQUEST_TEXT(name)                                                                                           \
    value trunkline_ocaml_set_##name(value options, value text)                                                      \
    {                                                                                                                \
        check(trunk_request_options_set_##name(options_of(options)->request, view_of(text)));                        \
        return Val_unit;                                                                                             \
    }

#endif
