/* What is shown of the inside: statistics as text, archives of exchanges. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_openmetrics(void)
{
    trunk_manager *manager = manager_make(manager_options(false));
    trunk_statistics *statistics = NULL;
    trunk_view text = {NULL, 0}, again = {NULL, 0};
    CHECK_OK(trunk_manager_statistics(manager, &statistics));
    CHECK_STATUS(trunk_statistics_openmetrics(statistics, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_OK(trunk_statistics_openmetrics(statistics, &text));
    CHECK_OK(trunk_statistics_openmetrics(statistics, &again));
    CHECK(text.data == again.data && text.size == again.size);
    CHECK(text.size > 100 && memcmp(text.data + text.size - 6, "# EOF\n", 6) == 0);
    char *copy = strndup((const char *)text.data, text.size);
    CHECK(copy != NULL && strstr(copy, "\ntrunkline_requests_submitted_total ") != NULL);
    free(copy);
    CHECK_OK(trunk_statistics_free(statistics));
    CHECK_OK(trunk_manager_free(manager));
}

/* Fetches with a manager of its own that records there; once it is freed, the record is whole. */
static void record(const struct server *server, const trunk_har *har, bool is_inline)
{
    char url[100];
    trunk_request_options *request = NULL;
    trunk_manager_options *options = manager_options(is_inline);
    CHECK_OK(trunk_manager_options_set_har(options, har));
    trunk_manager *manager = manager_make(options);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/headers", server_port(server, "http"));
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text(url), &request));
    CHECK_OK(trunk_request_options_set_auth_bearer(request, trunk_text("secret")));
    struct exchange *exchange = exchange_new(manager, QUEUE);
    CHECK_OK(exchange_submit(exchange, request));
    CHECK_OK(trunk_request_options_free(request));
    exchanges_run(&exchange, 1, is_inline, 10000);
    CHECK(exchange_status(exchange) == 200);
    exchange_free(exchange);
    CHECK_OK(trunk_manager_free(manager));
}

/* How many exchanges the archive holds; each must be that of `record`, with this as its field `authorization`. */
static int entries_of(trunk_har *har, const char *authorization)
{
    trunk_view text = {NULL, 0};
    CHECK_OK(trunk_har_json(har, &text));
    cJSON *archive = cJSON_ParseWithLength((const char *)text.data, text.size);
    const cJSON *log = cJSON_GetObjectItemCaseSensitive(archive, "log"), *entry, *field;
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(log, "version");
    const cJSON *entries = cJSON_GetObjectItemCaseSensitive(log, "entries");
    CHECK(cJSON_IsString(version) && strcmp(version->valuestring, "1.2") == 0 && cJSON_IsArray(entries));
    cJSON_ArrayForEach(entry, entries)
    {
        const cJSON *request = cJSON_GetObjectItemCaseSensitive(entry, "request");
        const cJSON *response = cJSON_GetObjectItemCaseSensitive(entry, "response");
        const cJSON *status = cJSON_GetObjectItemCaseSensitive(response, "status");
        CHECK(cJSON_IsNumber(status) && status->valueint == 200);
        bool found = false;
        cJSON_ArrayForEach(field, cJSON_GetObjectItemCaseSensitive(request, "headers"))
        {
            const cJSON *value = cJSON_GetObjectItemCaseSensitive(field, "value");
            if (strcmp(cJSON_GetObjectItemCaseSensitive(field, "name")->valuestring, "authorization") == 0)
                found = strcmp(value->valuestring, authorization) == 0;
        }
        CHECK(found);
    }
    int count = cJSON_GetArraySize(entries);
    cJSON_Delete(archive);
    return count;
}

static void test_archive(const struct server *server, bool is_inline)
{
    trunk_har *har = NULL, *open = NULL;
    CHECK_STATUS(trunk_har_new(false, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_OK(trunk_har_new(false, &har));
    CHECK_STATUS(trunk_har_json(har, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK(entries_of(har, "") == 0);
    record(server, har, is_inline);
    CHECK(entries_of(har, "[masked]") == 1);
    CHECK_OK(trunk_har_set_recording(har, false));
    record(server, har, is_inline);
    CHECK(entries_of(har, "[masked]") == 1);
    CHECK_OK(trunk_har_set_recording(har, true));
    record(server, har, is_inline);
    CHECK(entries_of(har, "[masked]") == 2);
    CHECK_OK(trunk_har_clear(har));
    CHECK(entries_of(har, "") == 0);
    record(server, NULL, is_inline);
    CHECK(entries_of(har, "") == 0);
    CHECK_OK(trunk_har_new(true, &open));
    record(server, open, is_inline);
    CHECK(entries_of(open, "Bearer secret") == 1);
    CHECK_OK(trunk_har_free(open));
    CHECK_OK(trunk_har_free(har));
}

/* A manager keeps the record that it was made with, whatever becomes of the handles. */
static void test_archive_is_freed(const struct server *server)
{
    trunk_har *har = NULL;
    trunk_manager_options *options = manager_options(false);
    CHECK_OK(trunk_har_new(false, &har));
    CHECK_OK(trunk_manager_options_set_har(options, har));
    CHECK_STATUS(trunk_manager_options_set_har(options, (void *)options), TRUNK_ERROR_INVALID_HANDLE);
    trunk_manager *manager = manager_make(options);
    CHECK_OK(trunk_har_free(har));
    CHECK_STATUS(trunk_har_clear(har), TRUNK_ERROR_INVALID_HANDLE);
    char url[100];
    trunk_request_options *request = NULL;
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", server_port(server, "http"));
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text(url), &request));
    struct exchange *exchange = exchange_new(manager, RECV);
    CHECK_OK(exchange_submit(exchange, request));
    CHECK_OK(trunk_request_options_free(request));
    exchanges_run(&exchange, 1, false, 10000);
    CHECK(exchange_status(exchange) == 200);
    exchange_free(exchange);
    CHECK_OK(trunk_manager_free(manager));
}

static void test_archive_file(const struct server *server)
{
    char folder[] = "/tmp/trunkline-test-XXXXXX", path[100];
    struct stat status;
    trunk_view text = {NULL, 0};
    trunk_har *har = NULL;
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/session.har", folder);
    CHECK_OK(trunk_har_new(false, &har));
    record(server, har, false);
    CHECK_OK(trunk_har_save(har, trunk_text(path)));
    CHECK_OK(trunk_har_json(har, &text));
    CHECK(stat(path, &status) == 0 && (status.st_mode & 0777) == 0600 && (size_t)status.st_size == text.size);
    CHECK_STATUS(trunk_har_save(har, trunk_text(folder)), TRUNK_ERROR_IO);
    CHECK_OK(trunk_har_free(har));
    unlink(path);
    rmdir(folder);
}

void test_insight(const struct server *server)
{
    test_begin("insight: statistics as text");
    test_openmetrics();
    test_end();
    for (int is_inline = 0; is_inline < 2; is_inline++) {
        test_begin(is_inline ? "insight: archives, inline" : "insight: archives, threads");
        test_archive(server, is_inline);
        test_end();
    }
    test_begin("insight: an archive is freed before its manager");
    test_archive_is_freed(server);
    test_end();
    test_begin("insight: an archive in a file");
    test_archive_file(server);
    test_end();
}
