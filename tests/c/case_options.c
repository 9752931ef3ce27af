/* The options of cases, by name. */
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const cJSON *item(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

const char *text_of(const cJSON *object, const char *name, const char *otherwise)
{
    const cJSON *value = item(object, name);
    return cJSON_IsString(value) ? value->valuestring : otherwise;
}

#define MANAGER_OPTIONS(X)                                                                                           \
    X(pool_timeout) X(resolve_timeout) X(connect_timeout) X(tls_timeout) X(write_timeout) X(first_byte_timeout)      \
    X(idle_timeout) X(total_timeout) X(http2_ping_interval) X(idle_connection_timeout)                               \
    X(max_connections_per_origin) X(max_connections) X(credit) X(upload_buffer) X(max_header_bytes) X(max_headers)   \
    X(max_body_bytes) X(http2_max_concurrent_streams) X(http2_stream_window) X(websocket_max_frame_bytes)            \
    X(websocket_max_message_bytes) X(websocket_send_buffer)

#define REQUEST_OPTIONS(X)                                                                                           \
    X(pool_timeout) X(resolve_timeout) X(connect_timeout) X(tls_timeout) X(write_timeout) X(first_byte_timeout)      \
    X(idle_timeout) X(total_timeout) X(credit)

/* ---- Options that a manager and a request have alike ---- */

#define POLICY_OPTIONS(X)                                                                                            \
    X(follow_redirects, cJSON_IsTrue(value))                                                                         \
    X(max_redirects, (uint32_t)value->valuedouble)                                                                   \
    X(redirect_trusted, cJSON_IsTrue(value))                                                                         \
    X(redirect_downgrade, cJSON_IsTrue(value))                                                                       \
    X(retry, retry_rule(value->valuestring))                                                                         \
    X(max_retries, (uint32_t)value->valuedouble)                                                                     \
    X(status_errors, cJSON_IsTrue(value))                                                                            \
    X(decode, cJSON_IsTrue(value))                                                                                   \
    X(max_decoded_bytes, (uint64_t)value->valuedouble)                                                               \
    X(max_decode_ratio, (uint32_t)value->valuedouble)                                                                \
    X(cookies, cJSON_IsTrue(value))                                                                                  \
    X(expect_continue, (uint64_t)value->valuedouble)

static trunk_retry retry_rule(const char *name)
{
    return strcmp(name, "transient") == 0        ? TRUNK_RETRY_TRANSIENT
           : strcmp(name, "safe_transient") == 0 ? TRUNK_RETRY_SAFE_TRANSIENT
                                                 : TRUNK_RETRY_OFF;
}

static uint64_t same_delay(void *user_data, uint32_t number)
{
    (void)number;
    return *(uint64_t *)user_data;
}

static bool set_request_policy(trunk_request_options *options, const char *name, const cJSON *value);

/* Chooses what the case says. */
static trunk_status choose(void *user_data, const trunk_auth_request *request, trunk_request_options *credentials)
{
    const cJSON *chosen = user_data;
    (void)request;
    return set_request_policy(credentials, chosen->string, chosen) ? TRUNK_OK : TRUNK_ERROR_INVALID_ARGUMENT;
}

/* A file beside those of the cases. */
static const char *file_named(const char *name, char *path, size_t room)
{
    const char *folder = getenv("TRUNKLINE_TEST_CASES");
    snprintf(path, room, "%s/%s", folder == NULL ? "tests/cases" : folder, name);
    return path;
}

static trunk_view text_at(const cJSON *array, int index)
{
    return trunk_text(cJSON_GetArrayItem(array, index)->valuestring);
}

static uint64_t *kept_delay(const cJSON *value)
{
    uint64_t *delay = malloc(sizeof *delay);
    if (delay == NULL)
        abort();
    *delay = (uint64_t)value->valuedouble;
    return delay;
}

#define SET_POLICY(option, of_value)                                                                                 \
    if (strcmp(name, #option) == 0) {                                                                                \
        CHECK_OK(POLICY_SETTER(option)(options, of_value));                                                          \
        return true;                                                                                                 \
    }

#define SET_OTHER_POLICIES                                                                                           \
    if (strcmp(name, "retry_delay") == 0) {                                                                          \
        CHECK_OK(POLICY_SETTER(retry_delay)(options, same_delay, kept_delay(value), free));                          \
        return true;                                                                                                 \
    }                                                                                                                \
    if (strcmp(name, "auth_basic") == 0) {                                                                           \
        CHECK_OK(POLICY_SETTER(auth_basic)(options, text_at(value, 0), text_at(value, 1)));                          \
        return true;                                                                                                 \
    }                                                                                                                \
    if (strcmp(name, "auth_digest") == 0) {                                                                          \
        CHECK_OK(POLICY_SETTER(auth_digest)(options, text_at(value, 0), text_at(value, 1)));                         \
        return true;                                                                                                 \
    }                                                                                                                \
    if (strcmp(name, "auth_bearer") == 0) {                                                                          \
        CHECK_OK(POLICY_SETTER(auth_bearer)(options, trunk_text(value->valuestring)));                               \
        return true;                                                                                                 \
    }                                                                                                                \
    if (strcmp(name, "auth_literal") == 0) {                                                                         \
        CHECK_OK(POLICY_SETTER(auth_literal)(options, trunk_text(value->valuestring)));                              \
        return true;                                                                                                 \
    }                                                                                                                \
    if (strcmp(name, "auth_netrc") == 0) {                                                                           \
        char path[2000];                                                                                             \
        CHECK_OK(POLICY_SETTER(auth_netrc)(options, trunk_text(file_named(value->valuestring, path, sizeof path)))); \
        return true;                                                                                                 \
    }                                                                                                                \
    if (strcmp(name, "auth_aws_sigv4") == 0) {                                                                       \
        CHECK_OK(POLICY_SETTER(auth_aws_sigv4)(options, text_at(value, 0), text_at(value, 1), text_at(value, 2),     \
                                               text_at(value, 3), text_at(value, 4)));                               \
        return true;                                                                                                 \
    }                                                                                                                \
    if (strcmp(name, "aws_sigv4_date") == 0) {                                                                       \
        CHECK_OK(POLICY_SETTER(aws_sigv4_date)(options, (int64_t)value->valuedouble));                               \
        return true;                                                                                                 \
    }                                                                                                                \
    if (strcmp(name, "aws_sigv4_payload") == 0) {                                                                    \
        bool is_signed = strcmp(value->valuestring, "signed") == 0;                                                  \
        CHECK_OK(POLICY_SETTER(aws_sigv4_payload)(options, is_signed ? TRUNK_AWS_PAYLOAD_SIGNED                      \
                                                                     : TRUNK_AWS_PAYLOAD_UNSIGNED));                 \
        return true;                                                                                                 \
    }                                                                                                                \
    if (strcmp(name, "auth_callback") == 0) {                                                                        \
        CHECK_OK(POLICY_SETTER(auth_callback)(options, choose, value->child, NULL));                                 \
        return true;                                                                                                 \
    }                                                                                                                \
    return false;

static bool set_manager_policy(trunk_manager_options *options, const char *name, const cJSON *value)
{
#define POLICY_SETTER(option) trunk_manager_options_set_##option
    POLICY_OPTIONS(SET_POLICY)
    SET_OTHER_POLICIES
#undef POLICY_SETTER
}

static bool set_request_policy(trunk_request_options *options, const char *name, const cJSON *value)
{
#define POLICY_SETTER(option) trunk_request_options_set_##option
    POLICY_OPTIONS(SET_POLICY)
    SET_OTHER_POLICIES
#undef POLICY_SETTER
}

void set_manager_option(trunk_manager_options *options, const char *name, const cJSON *value)
{
#define SET(option)                                                                                                  \
    if (strcmp(name, #option) == 0) {                                                                                \
        CHECK_OK(trunk_manager_options_set_##option(options, (uint32_t)value->valuedouble));                         \
        return;                                                                                                      \
    }
    MANAGER_OPTIONS(SET)
#undef SET
    if (strcmp(name, "user_agent") == 0)
        CHECK_OK(trunk_manager_options_set_user_agent(options, trunk_text(value->valuestring)));
    else if (!set_manager_policy(options, name, value))
        test_fail(__FILE__, __LINE__, "there is no manager option %s", name);
}

void set_request_option(trunk_request_options *options, const char *name, const cJSON *value)
{
#define SET(option)                                                                                                  \
    if (strcmp(name, #option) == 0) {                                                                                \
        CHECK_OK(trunk_request_options_set_##option(options, (uint32_t)value->valuedouble));                         \
        return;                                                                                                      \
    }
    REQUEST_OPTIONS(SET)
#undef SET
    if (strcmp(name, "replay") == 0)
        CHECK_OK(trunk_request_options_set_replay(options, cJSON_IsTrue(value)));
    else if (!set_request_policy(options, name, value))
        test_fail(__FILE__, __LINE__, "there is no request option %s", name);
}
