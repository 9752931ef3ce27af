/* Handles as custom blocks, text, errors. */
#include "values.h"

#include <stdlib.h>

/* ---- Errors ---- */

static void raise_refused(trunk_status status, trunk_view message)
{
    CAMLparam0();
    CAMLlocal1(text);
    value arguments[2];
    text = string_of(message);
    const value *refused = caml_named_value("trunkline.refused");
    if (refused == NULL)
        caml_failwith("trunkline: its module Native was not initialised");
    arguments[0] = Val_int(status);
    arguments[1] = text;
    caml_raise_with_args(*refused, 2, arguments);
    CAMLnoreturn;
}

void refuse_last(trunk_status status)
{
    raise_refused(status, trunk_last_error_message());
}

void refuse(trunk_status status, const char *message)
{
    raise_refused(status, trunk_text(message));
}

uint64_t number_up_to(value number, uint64_t most, const char *what)
{
    intnat given = Long_val(number);
    if (given < 0 || (uint64_t)given > most)
        refuse(TRUNK_ERROR_INVALID_ARGUMENT, what);
    return (uint64_t)given;
}

value trunkline_ocaml_abi_version(value unit)
{
    (void)unit;
    return Val_bool(trunk_abi_version() == TRUNK_ABI_VERSION);
}

value trunkline_ocaml_version(value unit)
{
    (void)unit;
    return string_of(trunk_version());
}

value trunkline_ocaml_status_name(value status)
{
    return string_of(trunk_status_name(Int_val(status)));
}

value trunkline_ocaml_status_description(value status)
{
    return string_of(trunk_status_description(Int_val(status)));
}

/* ---- Text ---- */

value optional_string_of(trunk_view view)
{
    return view.data == NULL ? Val_none : caml_alloc_some(string_of(view));
}

trunk_header *fields_of(value list, size_t *count)
{
    size_t length = 0;
    for (value rest = list; rest != Val_emptylist; rest = Field(rest, 1))
        length++;
    /* One more than needed: an array without elements may be NULL. */
    trunk_header *fields = calloc(length + 1, sizeof *fields);
    if (fields == NULL)
        caml_raise_out_of_memory();
    size_t index = 0;
    for (value rest = list; rest != Val_emptylist; rest = Field(rest, 1)) {
        fields[index].name = view_of(Field(Field(rest, 0), 0));
        fields[index++].value = view_of(Field(Field(rest, 0), 1));
    }
    *count = length;
    return fields;
}

/* ---- Handles ---- */

void *place_of(value block)
{
    return *(void **)Data_custom_val(block);
}

value block_of(struct custom_operations *operations, size_t size, mlsize_t burden)
{
    value block = caml_alloc_custom_mem(operations, sizeof(void *), burden);
    void *place = calloc(1, size);
    *(void **)Data_custom_val(block) = place;
    if (place == NULL)
        caml_raise_out_of_memory();
    return block;
}

static void finalize_manager(value block)
{
    struct manager *manager = place_of(block);
    if (manager != NULL)
        trunk_manager_free(manager->handle);
    free(manager);
}

static void finalize_request(value block)
{
    struct request *request = place_of(block);
    if (request != NULL)
        trunk_request_free(request->handle);
    free(request);
}

static void finalize_options(value block)
{
    struct options *options = place_of(block);
    if (options != NULL && !options->borrowed) {
        trunk_manager_options_free(options->manager);
        trunk_request_options_free(options->request);
    }
    free(options);
}

OPERATIONS(manager);
OPERATIONS(request);
OPERATIONS(options);


enum { MANAGER_BURDEN = 1 << 20, REQUEST_BURDEN = 2048, OPTIONS_BURDEN = 1024 };

struct manager *manager_of(value manager)
{
    return place_of(manager);
}

struct request *request_of(value request)
{
    return place_of(request);
}

struct options *options_of(value options)
{
    return place_of(options);
}

value manager_value(void)
{
    return block_of(&manager_operations, sizeof(struct manager), MANAGER_BURDEN);
}

value options_value(void)
{
    return block_of(&options_operations, sizeof(struct options), OPTIONS_BURDEN);
}

value request_value(void)
{
    return block_of(&request_operations, sizeof(struct request), REQUEST_BURDEN);
}
