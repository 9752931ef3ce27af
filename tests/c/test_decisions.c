/* What functions of the caller's decide: retries, their pauses, credentials; and what becomes of their user data. */
#include "harness.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* What a function saw and is to answer. */
struct scene {
    trunk_manager *manager;
    atomic_int calls, destroyed;
    trunk_decision answers[4];
    trunk_status last_status;
    uint16_t seen_status[4];
    trunk_status seen_error[4];
    const trunk_attempt *attempt;
    const trunk_auth_request *request;
    trunk_request_options *credentials;
    int kind;
};

static void destroyed(void *user_data)
{
    struct scene *scene = user_data;
    scene->destroyed++;
}

static trunk_request_options *get(const struct server *server, const char *path)
{
    char url[200];
    trunk_request_options *options = NULL;
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server_port(server, "http"), path);
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text(url), &options));
    return options;
}

static struct exchange *fetch(trunk_manager *manager, bool is_inline, trunk_request_options *options)
{
    struct exchange *exchange = exchange_new(manager, QUEUE);
    CHECK_OK(exchange_submit(exchange, options));
    CHECK_OK(trunk_request_options_free(options));
    exchanges_run(&exchange, 1, is_inline, 10000);
    return exchange;
}

/* ---- Retries ---- */

static trunk_decision decide(void *user_data, const trunk_attempt *attempt)
{
    struct scene *scene = user_data;
    int call = scene->calls++;
    const trunk_part *parts[1];
    size_t count;
    CHECK(trunk_attempt_number(attempt) == (uint32_t)call + 1);
    CHECK(view_is(trunk_attempt_method(attempt), "GET"));
    trunk_view url = trunk_attempt_url(attempt);
    CHECK(url.size > 7 && memcmp(url.data, "http://", 7) == 0);
    scene->seen_status[call] = trunk_attempt_status(attempt);
    scene->seen_error[call] = trunk_attempt_error(attempt);
    bool failed = scene->seen_error[call] != TRUNK_OK;
    CHECK((trunk_attempt_error_message(attempt).size > 0) == failed);
    CHECK(failed || view_is(trunk_attempt_header(attempt, trunk_text("Content-Type")), "text/plain; charset=utf-8"));
    CHECK(trunk_attempt_header(attempt, trunk_text("x-none")).data == NULL);
    CHECK_STATUS(trunk_manager_poll(scene->manager, parts, 1, -1, &count), TRUNK_ERROR_BUSY);
    scene->attempt = attempt;
    return scene->answers[call];
}

static uint64_t no_delay(void *user_data, uint32_t number)
{
    struct scene *scene = user_data;
    scene->seen_status[number] = (uint16_t)number;
    scene->calls++;
    return 0;
}

static void test_retry(const struct server *server, bool is_inline)
{
    struct scene scene = {.answers = {0, TRUNK_DECISION_AGAIN, TRUNK_DECISION_STOP}}, pauses = {.calls = 0};
    scene.manager = manager_make(manager_options(is_inline));
    trunk_request_options *options = get(server, "/status/503");
    CHECK_OK(trunk_request_options_set_retry_callback(options, decide, &scene, destroyed));
    CHECK_OK(trunk_request_options_set_retry_delay(options, no_delay, &pauses, destroyed));
    struct exchange *exchange = fetch(scene.manager, is_inline, options);
    CHECK(exchange_status(exchange) == 503);
    CHECK(scene.calls == 3 && scene.seen_status[2] == 503 && scene.seen_error[0] == TRUNK_OK);
    /* The first pause is the decision's own. */
    CHECK(pauses.calls == 1 && pauses.seen_status[2] == 2);
    CHECK(trunk_attempt_status(scene.attempt) == 0);
    CHECK(strstr(last_message(), "live trunk_attempt") != NULL);
    trunk_statistics *statistics = NULL;
    uint64_t retries = 0;
    CHECK_OK(trunk_manager_statistics(scene.manager, &statistics));
    CHECK_OK(trunk_statistics_get(statistics, TRUNK_STATISTIC_RETRIES, &retries));
    CHECK(retries == 2);
    CHECK_OK(trunk_statistics_free(statistics));
    exchange_free(exchange);
    CHECK_OK(trunk_manager_free(scene.manager));
    CHECK(scene.destroyed == 1 && pauses.destroyed == 1);
}

/* Nobody listens there: the callback sees an error, and any negative answer stops. */
static void test_retry_after_error(bool is_inline)
{
    struct scene scene = {.answers = {0, -77}};
    trunk_manager_options *defaults = manager_options(is_inline);
    CHECK_OK(trunk_manager_options_set_retry_callback(defaults, decide, &scene, destroyed));
    scene.manager = manager_make(defaults);
    struct server nowhere = {.places = cJSON_Parse("{\"http\": 1}")};
    struct exchange *exchange = fetch(scene.manager, is_inline, get(&nowhere, "/"));
    CHECK_STATUS(exchange_end(exchange), TRUNK_ERROR_CONNECT_FAILED);
    CHECK(scene.calls == 2 && scene.seen_error[1] == TRUNK_ERROR_CONNECT_FAILED && scene.seen_status[1] == 0);
    exchange_free(exchange);
    CHECK(scene.destroyed == 0);
    CHECK_OK(trunk_manager_free(scene.manager));
    CHECK(scene.destroyed == 1);
    cJSON_Delete(nowhere.places);
}

/* ---- Credentials ---- */

static trunk_status choose(void *user_data, const trunk_auth_request *request, trunk_request_options *credentials)
{
    struct scene *scene = user_data;
    scene->calls++;
    CHECK(view_is(trunk_auth_request_method(request), "GET"));
    CHECK(view_is(trunk_auth_request_host(request), "127.0.0.1"));
    CHECK(trunk_auth_request_url(request).size > 7);
    CHECK(view_is(trunk_auth_request_header(request, trunk_text("X-Mine")), "1"));
    CHECK(trunk_auth_request_body(request).size == 0);
    scene->request = request;
    scene->credentials = credentials;
    switch (scene->kind) {
    case 0:
        CHECK_OK(trunk_request_options_set_auth_bearer(credentials, trunk_text("token")));
        return TRUNK_OK;
    case 1:
        return TRUNK_OK;
    case 2:
        return TRUNK_ERROR_UNSUPPORTED;
    case 3:
        return 12345;
    default:
        CHECK_OK(trunk_request_options_set_auth_callback(credentials, choose, scene, NULL));
        return TRUNK_OK;
    }
}

static const char *sent_authorization(const struct exchange *exchange, char *text, size_t room)
{
    const struct record *data = exchange_find(exchange, TRUNK_PART_DATA);
    cJSON *fields = data == NULL ? NULL : cJSON_ParseWithLength((const char *)data->data, data->size);
    const cJSON *field = cJSON_GetObjectItemCaseSensitive(fields, "authorization");
    snprintf(text, room, "%s", cJSON_IsString(field) ? field->valuestring : "none");
    cJSON_Delete(fields);
    return text;
}

static void test_chosen_credentials(const struct server *server, bool is_inline)
{
    static const struct {
        trunk_status end;
        const char *sent;
    } expected[] = {{TRUNK_OK, "Bearer token"},
                    {TRUNK_OK, "none"},
                    {TRUNK_ERROR_UNSUPPORTED, "none"},
                    {TRUNK_ERROR_INVALID_ARGUMENT, "none"},
                    {TRUNK_ERROR_INVALID_ARGUMENT, "none"}};
    for (int kind = 0; kind < (int)(sizeof expected / sizeof *expected); kind++) {
        struct scene scene = {.kind = kind};
        char text[100];
        scene.manager = manager_make(manager_options(is_inline));
        trunk_request_options *options = get(server, "/headers");
        CHECK_OK(trunk_request_options_add_header(options, trunk_text("x-mine"), trunk_text("1")));
        CHECK_OK(trunk_request_options_set_auth_callback(options, choose, &scene, destroyed));
        struct exchange *exchange = fetch(scene.manager, is_inline, options);
        CHECK_STATUS(exchange_end(exchange), expected[kind].end);
        if (strcmp(sent_authorization(exchange, text, sizeof text), expected[kind].sent) != 0)
            test_fail(__FILE__, __LINE__, "kind %d: %s was sent", kind, text);
        CHECK(scene.calls == 1);
        CHECK(trunk_auth_request_url(scene.request).data == NULL);
        CHECK_STATUS(trunk_request_options_set_auth_none(scene.credentials), TRUNK_ERROR_INVALID_HANDLE);
        exchange_free(exchange);
        CHECK_OK(trunk_manager_free(scene.manager));
        CHECK(scene.destroyed == 1);
    }
}

static void test_given_credentials(const struct server *server, bool is_inline)
{
    trunk_manager_options *defaults = manager_options(is_inline);
    CHECK_OK(trunk_manager_options_set_auth_basic(defaults, trunk_text("Aladdin"), trunk_text("open sesame")));
    trunk_manager *manager = manager_make(defaults);
    static const char *const expected[] = {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "none", "Bearer b", "Custom value",
                                           "none", "AWS4-HMAC-SHA256 Credential=key/"};
    for (int kind = 0; kind < 6; kind++) {
        char text[300];
        trunk_request_options *options = get(server, "/headers");
        if (kind == 1)
            CHECK_OK(trunk_request_options_set_auth_none(options));
        else if (kind == 2)
            CHECK_OK(trunk_request_options_set_auth_bearer(options, trunk_text("b")));
        else if (kind == 3)
            CHECK_OK(trunk_request_options_set_auth_literal(options, trunk_text("Custom value")));
        else if (kind == 4)
            CHECK_OK(trunk_request_options_set_auth_digest(options, trunk_text("u"), trunk_text("p")));
        else if (kind == 5) {
            CHECK_STATUS(trunk_request_options_set_aws_sigv4_date(options, 0), TRUNK_ERROR_INVALID_STATE);
            CHECK_OK(trunk_request_options_set_auth_aws_sigv4(options, trunk_text("key"), trunk_text("secret"),
                                                              trunk_text(NULL), trunk_text("s3"), trunk_text(NULL)));
            CHECK_STATUS(trunk_request_options_set_aws_sigv4_date(options, -1), TRUNK_ERROR_INVALID_ARGUMENT);
            CHECK_STATUS(trunk_request_options_set_aws_sigv4_payload(options, 9), TRUNK_ERROR_INVALID_ARGUMENT);
        }
        struct exchange *exchange = fetch(manager, is_inline, options);
        CHECK_STATUS(exchange_end(exchange), TRUNK_OK);
        sent_authorization(exchange, text, sizeof text);
        if (strncmp(text, expected[kind], strlen(expected[kind])) != 0)
            test_fail(__FILE__, __LINE__, "kind %d: %s was sent", kind, text);
        CHECK(kind != 5 || strstr(text, "/us-east-1/s3/aws4_request") != NULL);
        exchange_free(exchange);
    }
    CHECK_OK(trunk_manager_free(manager));
}

/* ---- User data ---- */

static void destroy_and_ask(void *user_data)
{
    struct scene *scene = user_data;
    scene->destroyed++;
    /* No lock is held: the options can be changed from here. */
    CHECK_OK(trunk_request_options_set_max_retries(scene->credentials, 1));
}

static void test_user_data(const struct server *server)
{
    struct scene first = {.calls = 0}, second = {.calls = 0}, third = {.calls = 0};
    trunk_request_options *options = get(server, "/");
    first.credentials = options;
    CHECK_OK(trunk_request_options_set_retry_callback(options, decide, &first, destroy_and_ask));
    CHECK_OK(trunk_request_options_set_retry_callback(options, decide, &second, destroyed));
    CHECK(first.destroyed == 1 && second.destroyed == 0);
    CHECK_STATUS(trunk_request_options_set_retry_callback(options, NULL, &third, destroyed), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_request_options_set_auth_callback(options, NULL, &third, destroyed), TRUNK_ERROR_NULL_POINTER);
    CHECK(third.destroyed == 0);
    CHECK_STATUS(trunk_request_options_set_retry(options, 7), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK(second.destroyed == 0);
    CHECK_OK(trunk_request_options_set_retry(options, TRUNK_RETRY_OFF));
    CHECK(second.destroyed == 1);
    CHECK_OK(trunk_request_options_set_retry_delay(options, NULL, &third, destroyed));
    CHECK(third.destroyed == 1);
    CHECK_OK(trunk_request_options_set_retry_delay(options, no_delay, &third, destroyed));
    CHECK_OK(trunk_request_options_free(options));
    CHECK(third.destroyed == 2);
}

void test_decisions(const struct server *server)
{
    for (int is_inline = 0; is_inline < 2; is_inline++) {
        char name[100];
#define RUN(title, call)                                                                                             \
    snprintf(name, sizeof name, "decisions: %s, %s", title, is_inline ? "inline" : "threads");                       \
    test_begin(name);                                                                                                \
    call;                                                                                                            \
    test_end();
        RUN("retries", test_retry(server, is_inline))
        RUN("retries after errors", test_retry_after_error(is_inline))
        RUN("credentials chosen", test_chosen_credentials(server, is_inline))
        RUN("credentials given", test_given_credentials(server, is_inline))
#undef RUN
    }
    test_begin("decisions: user data is destroyed once");
    test_user_data(server);
    test_end();
}
