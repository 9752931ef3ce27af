/* What a case's requests delivered, against what must be. */
#include "cases.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"

static bool headers_match(const cJSON *got, const cJSON *wanted, char *why, size_t room)
{
    const cJSON *field;
    cJSON_ArrayForEach(field, wanted)
    {
        const char *value = text_of(got, field->string, NULL);
        bool matches = cJSON_IsNull(field) ? value == NULL
                                           : value != NULL && strcmp(value, field->valuestring) == 0;
        if (!matches) {
            snprintf(why, room, "header %s is %s", field->string, value == NULL ? "absent" : value);
            return false;
        }
    }
    return true;
}

static bool bytes_match(const struct record *got, const cJSON *wanted, char *why, size_t room)
{
    struct bytes bytes = bytes_of(wanted);
    bool matches = bytes.size == got->size && (bytes.size == 0 || memcmp(bytes.data, got->data, bytes.size) == 0);
    if (!matches)
        snprintf(why, room, "%zu bytes came (\"%.*s\"), not %zu", got->size, got->size > 60 ? 60 : (int)got->size,
                 got->data == NULL ? "" : (const char *)got->data, bytes.size);
    free(bytes.data);
    return matches;
}

trunk_frame_kind frame_of(const cJSON *frame, const cJSON **payload)
{
    static const struct {
        const char *name;
        trunk_frame_kind kind;
    } kinds[] = {{"text", TRUNK_FRAME_TEXT},
                 {"binary", TRUNK_FRAME_BINARY},
                 {"ping", TRUNK_FRAME_PING},
                 {"pong", TRUNK_FRAME_PONG}};
    for (size_t index = 0; index < sizeof kinds / sizeof *kinds; index++) {
        *payload = item(frame, kinds[index].name);
        if (*payload != NULL)
            return kinds[index].kind;
    }
    *payload = item(frame, "close");
    return TRUNK_FRAME_CLOSE;
}

static bool frame_matches(const struct record *got, const cJSON *wanted, char *why, size_t room)
{
    const cJSON *payload;
    trunk_frame_kind kind = frame_of(wanted, &payload);
    const cJSON *code = cJSON_GetArrayItem(payload, 0), *reason = cJSON_GetArrayItem(payload, 1);
    int close_code = kind == TRUNK_FRAME_CLOSE && cJSON_IsNumber(code) ? code->valueint : 0;
    if (got->frame_kind != kind || got->close_code != close_code) {
        snprintf(why, room, "a frame of kind %d with code %d came, not %d with %d", got->frame_kind, got->close_code,
                 kind, close_code);
        return false;
    }
    if (kind != TRUNK_FRAME_CLOSE)
        return bytes_match(got, payload, why, room);
    return !cJSON_IsString(reason) || bytes_match(got, reason, why, room);
}

static bool error_matches(const struct record *got, const cJSON *wanted, char *why, size_t room)
{
    const char *name = status_name(got->error);
    const cJSON *other;
    if (cJSON_IsString(wanted) && strcmp(wanted->valuestring, name) == 0)
        return true;
    cJSON_ArrayForEach(other, wanted)
    {
        if (strcmp(other->valuestring, name) == 0)
            return true;
    }
    snprintf(why, room, "it ended with %s: %s", name, got->message);
    return false;
}

/* Path and query of an absolute URL: the port of a case is not known beforehand. */
static const char *without_origin(const char *url)
{
    const char *host = strstr(url, "://"), *path = host == NULL ? NULL : strchr(host + 3, '/');
    return path == NULL ? url : path;
}

static bool record_matches(const struct record *got, const cJSON *wanted, char *why, size_t room)
{
    static const char *const names[] = {"none",  "informational", "head", "data",  "trailers",
                                        "frame", "writable",      "done", "error", "redirect"};
    const char *name = names[got->kind];
    const cJSON *value = item(wanted, name);
    if (got->kind == TRUNK_PART_DATA && item(wanted, "data_any") != NULL)
        return true;
    if (value == NULL) {
        snprintf(why, room, "%s came%s%s", name, got->kind == TRUNK_PART_ERROR ? ": " : "",
                 got->kind == TRUNK_PART_ERROR ? got->message : "");
        return false;
    }
    switch (got->kind) {
    case TRUNK_PART_REDIRECT:
        if (item(wanted, "url") != NULL && strcmp(without_origin(got->url), text_of(wanted, "url", "")) != 0) {
            snprintf(why, room, "the url is %s", got->url);
            return false;
        }
        /* fall through */
    case TRUNK_PART_INFORMATIONAL:
    case TRUNK_PART_HEAD:
        if (got->status != value->valueint) {
            snprintf(why, room, "the status is %d", got->status);
            return false;
        }
        return headers_match(got->headers, item(wanted, "headers"), why, room);
    case TRUNK_PART_TRAILERS:
        return headers_match(got->headers, value, why, room);
    case TRUNK_PART_DATA:
        return bytes_match(got, value, why, room);
    case TRUNK_PART_FRAME:
        return frame_matches(got, value, why, room);
    case TRUNK_PART_ERROR:
        return error_matches(got, value, why, room);
    default:
        return true;
    }
}

static bool is_empty_data(const cJSON *wanted)
{
    const cJSON *data = item(wanted, "data");
    return item(wanted, "data_any") != NULL ||
           (cJSON_IsString(data) && data->valuestring[0] == '\0');
}

void compare_parts(const struct exchange *exchange, const cJSON *request, int number)
{
    const cJSON *wanted;
    size_t index = 0;
    cJSON_ArrayForEach(wanted, item(request, "parts"))
    {
        const struct record *got = index < exchange->count ? &exchange->records[index] : NULL;
        if (is_empty_data(wanted) && (got == NULL || got->kind != TRUNK_PART_DATA))
            continue;
        char why[500] = "nothing more came";
        if (got == NULL || !record_matches(got, wanted, why, sizeof why)) {
            char *text = cJSON_PrintUnformatted(wanted);
            test_fail(__FILE__, __LINE__, "request %d, part %zu: expected %.200s, but %s", number, index, text, why);
            cJSON_free(text);
            return;
        }
        index++;
    }
    if (index != exchange->count)
        test_fail(__FILE__, __LINE__, "request %d: %zu parts too many", number, exchange->count - index);
}
