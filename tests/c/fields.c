#include "fields.h"

#include <string.h>

trunk_request_options *get_of(const struct server *server, const char *path)
{
    char url[200];
    trunk_request_options *options = NULL;
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server_port(server, "http"), path);
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text(url), &options));
    return options;
}

struct exchange *fetch(trunk_manager *manager, trunk_request_options *options)
{
    struct exchange *exchange = exchange_new(manager, RECV);
    CHECK_OK(exchange_submit(exchange, options));
    CHECK_OK(trunk_request_options_free(options));
    exchanges_run(&exchange, 1, false, 10000);
    return exchange;
}

cJSON *fields_of(const struct exchange *exchange)
{
    const struct record *data = exchange_find(exchange, TRUNK_PART_DATA);
    return data == NULL ? NULL : cJSON_ParseWithLength((const char *)data->data, data->size);
}

void check_field(const cJSON *fields, const char *name, const char *expected)
{
    const cJSON *field = cJSON_GetObjectItemCaseSensitive(fields, name);
    const char *value = cJSON_IsString(field) ? field->valuestring : NULL;
    CHECK(fields != NULL);
    if (expected == NULL ? field != NULL : value == NULL || strcmp(value, expected) != 0)
        test_fail(__FILE__, __LINE__, "%s: %s was sent, not %s", name, value == NULL ? "nothing" : value,
                  expected == NULL ? "nothing" : expected);
}

void check_sent(trunk_manager *manager, trunk_request_options *options, const char *name, const char *expected)
{
    struct exchange *exchange = fetch(manager, options);
    cJSON *fields = fields_of(exchange);
    CHECK_STATUS(exchange_end(exchange), TRUNK_OK);
    check_field(fields, name, expected);
    cJSON_Delete(fields);
    exchange_free(exchange);
}
