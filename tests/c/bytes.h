/* The byte strings of the case files. */
#ifndef BYTES_H
#define BYTES_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *data;
    size_t size;
};

/* A string, {"hex"}, {"base64"}, {"repeat", "count"} or {"cat"}; the caller frees `data`. */
struct bytes bytes_of(const cJSON *json);

#endif
