#include "bytes.h"

#include <stdlib.h>
#include <string.h>

static void add(struct bytes *bytes, const void *data, size_t size)
{
    uint8_t *grown = realloc(bytes->data, bytes->size + size + 1);
    if (grown == NULL)
        abort();
    if (size > 0)
        memcpy(grown + bytes->size, data, size);
    bytes->data = grown;
    bytes->size += size;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c - 'A' + 10;
}

static void add_hex(struct bytes *bytes, const char *text)
{
    while (text[0] != '\0' && text[1] != '\0') {
        if (text[0] == ' ') {
            text++;
            continue;
        }
        uint8_t byte = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
        add(bytes, &byte, 1);
        text += 2;
    }
}

static void add_base64(struct bytes *bytes, const char *text)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    int have = 0;
    for (; *text != '\0' && *text != '='; text++) {
        const char *place = strchr(alphabet, *text);
        if (place == NULL)
            continue;
        bits = bits << 6 | (uint32_t)(place - alphabet);
        have += 6;
        if (have >= 8) {
            have -= 8;
            uint8_t byte = (uint8_t)(bits >> have);
            add(bytes, &byte, 1);
        }
    }
}

struct bytes bytes_of(const cJSON *json)
{
    struct bytes bytes = {NULL, 0};
    add(&bytes, NULL, 0);
    if (cJSON_IsString(json)) {
        add(&bytes, json->valuestring, strlen(json->valuestring));
        return bytes;
    }
    const cJSON *hex = cJSON_GetObjectItemCaseSensitive(json, "hex");
    const cJSON *base64 = cJSON_GetObjectItemCaseSensitive(json, "base64");
    const cJSON *repeat = cJSON_GetObjectItemCaseSensitive(json, "repeat");
    const cJSON *count = cJSON_GetObjectItemCaseSensitive(json, "count");
    const cJSON *cat = cJSON_GetObjectItemCaseSensitive(json, "cat"), *piece;
    if (cJSON_IsString(hex))
        add_hex(&bytes, hex->valuestring);
    if (cJSON_IsString(base64))
        add_base64(&bytes, base64->valuestring);
    if (repeat != NULL && cJSON_IsNumber(count)) {
        struct bytes unit = bytes_of(repeat);
        size_t times = (size_t)count->valuedouble;
        bytes.data = realloc(bytes.data, unit.size * times + 1);
        if (bytes.data == NULL)
            abort();
        for (size_t index = 0; index < times; index++)
            memcpy(bytes.data + index * unit.size, unit.data, unit.size);
        bytes.size = unit.size * times;
        free(unit.data);
    }
    cJSON_ArrayForEach(piece, cat)
    {
        struct bytes part = bytes_of(piece);
        add(&bytes, part.data, part.size);
        free(part.data);
    }
    return bytes;
}
