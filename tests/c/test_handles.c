/* Promise 10: NULL, dead and wrong handles answer an error; out-parameters are written on success only. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

/* Room for every out-parameter, to see that nothing was written. */
struct outs {
    void *pointer;
    const trunk_part *part;
    const trunk_part *parts[4];
    trunk_header header;
    trunk_view view;
    trunk_sse_event event;
    uint64_t number;
    size_t size;
    int descriptor;
    bool flag;
};

static void never_part(void *user_data, const trunk_part *part)
{
    (void)user_data;
    (void)part;
    test_fail(__FILE__, __LINE__, "a callback was called");
}

static trunk_decision never_retry(void *user_data, const trunk_attempt *attempt)
{
    never_part(user_data, (const trunk_part *)(const void *)attempt);
    return TRUNK_DECISION_STOP;
}

static trunk_status never_auth(void *user_data, const trunk_auth_request *request, trunk_request_options *credentials)
{
    (void)credentials;
    never_part(user_data, (const trunk_part *)(const void *)request);
    return TRUNK_OK;
}

static uint64_t never_delay(void *user_data, uint32_t number)
{
    (void)number;
    never_part(user_data, NULL);
    return 0;
}

static void never_destroy(void *user_data)
{
    (void)user_data;
    test_fail(__FILE__, __LINE__, "user data was destroyed");
}

#define TEXT trunk_text("text")
#define RO live->request_options
#define O(type) ((type *)(void *)&o->pointer)

/* Settings that a manager and a request have alike: `kind` is `manager` or `request`. */
#define POLICY_CALLS(X, kind)                                                                                        \
    X(trunk_##kind##_options_set_follow_redirects, kind##_options, (h, true))                                        \
    X(trunk_##kind##_options_set_max_redirects, kind##_options, (h, 1))                                              \
    X(trunk_##kind##_options_set_redirect_trusted, kind##_options, (h, true))                                        \
    X(trunk_##kind##_options_set_redirect_downgrade, kind##_options, (h, true))                                      \
    X(trunk_##kind##_options_set_retry, kind##_options, (h, TRUNK_RETRY_OFF))                                        \
    X(trunk_##kind##_options_set_max_retries, kind##_options, (h, 1))                                                \
    X(trunk_##kind##_options_set_retry_callback, kind##_options, (h, never_retry, NULL, never_destroy))              \
    X(trunk_##kind##_options_set_retry_delay, kind##_options, (h, never_delay, NULL, never_destroy))                 \
    X(trunk_##kind##_options_set_status_errors, kind##_options, (h, true))                                           \
    X(trunk_##kind##_options_set_decode, kind##_options, (h, true))                                                  \
    X(trunk_##kind##_options_set_max_decoded_bytes, kind##_options, (h, 1))                                          \
    X(trunk_##kind##_options_set_max_decode_ratio, kind##_options, (h, 1))                                           \
    X(trunk_##kind##_options_set_cookies, kind##_options, (h, true))                                                 \
    X(trunk_##kind##_options_set_expect_continue, kind##_options, (h, 1))                                            \
    X(trunk_##kind##_options_set_auth_none, kind##_options, (h))                                                     \
    X(trunk_##kind##_options_set_auth_basic, kind##_options, (h, TEXT, TEXT))                                        \
    X(trunk_##kind##_options_set_auth_bearer, kind##_options, (h, TEXT))                                             \
    X(trunk_##kind##_options_set_auth_literal, kind##_options, (h, TEXT))                                            \
    X(trunk_##kind##_options_set_auth_digest, kind##_options, (h, TEXT, TEXT))                                       \
    X(trunk_##kind##_options_set_auth_netrc, kind##_options, (h, TEXT))                                              \
    X(trunk_##kind##_options_set_auth_aws_sigv4, kind##_options, (h, TEXT, TEXT, TEXT, TEXT, TEXT))                  \
    X(trunk_##kind##_options_set_auth_callback, kind##_options, (h, never_auth, NULL, never_destroy))

/* Each function, the kind of handle, and the call with handle `h` and out-parameters `o`. */
#define STATUS_CALLS(X)                                                                                              \
    POLICY_CALLS(X, manager)                                                                                         \
    POLICY_CALLS(X, request)                                                                                         \
    X(trunk_manager_options_set_drive_threads, manager_options, (h, 1))                                              \
    X(trunk_manager_options_set_drive_inline, manager_options, (h))                                                  \
    X(trunk_manager_options_set_http, manager_options, (h, TRUNK_HTTP_AUTO))                                         \
    X(trunk_manager_options_set_pool_timeout, manager_options, (h, 1))                                               \
    X(trunk_manager_options_set_resolve_timeout, manager_options, (h, 1))                                            \
    X(trunk_manager_options_set_connect_timeout, manager_options, (h, 1))                                            \
    X(trunk_manager_options_set_tls_timeout, manager_options, (h, 1))                                                \
    X(trunk_manager_options_set_write_timeout, manager_options, (h, 1))                                              \
    X(trunk_manager_options_set_first_byte_timeout, manager_options, (h, 1))                                         \
    X(trunk_manager_options_set_idle_timeout, manager_options, (h, 1))                                               \
    X(trunk_manager_options_set_total_timeout, manager_options, (h, 1))                                              \
    X(trunk_manager_options_add_resolve, manager_options, (h, TEXT, 1, trunk_text("127.0.0.1")))                     \
    X(trunk_manager_options_set_unix_socket, manager_options, (h, TEXT))                                             \
    X(trunk_manager_options_set_user_agent, manager_options, (h, TEXT))                                              \
    X(trunk_manager_options_set_http2_ping_interval, manager_options, (h, 1))                                        \
    X(trunk_manager_options_set_idle_connection_timeout, manager_options, (h, 1))                                    \
    X(trunk_manager_options_set_max_connections_per_origin, manager_options, (h, 1))                                 \
    X(trunk_manager_options_set_max_connections, manager_options, (h, 1))                                            \
    X(trunk_manager_options_set_credit, manager_options, (h, 1))                                                     \
    X(trunk_manager_options_set_upload_buffer, manager_options, (h, 1))                                              \
    X(trunk_manager_options_set_max_header_bytes, manager_options, (h, 1))                                           \
    X(trunk_manager_options_set_max_headers, manager_options, (h, 1))                                                \
    X(trunk_manager_options_set_max_body_bytes, manager_options, (h, 1))                                             \
    X(trunk_manager_options_set_http2_max_concurrent_streams, manager_options, (h, 1))                               \
    X(trunk_manager_options_set_http2_stream_window, manager_options, (h, 1))                                        \
    X(trunk_manager_options_set_websocket_max_frame_bytes, manager_options, (h, 1))                                  \
    X(trunk_manager_options_set_websocket_max_message_bytes, manager_options, (h, 1))                                \
    X(trunk_manager_options_set_websocket_send_buffer, manager_options, (h, 1))                                      \
    X(trunk_manager_options_set_tls_ca, manager_options, (h, TEXT))                                                  \
    X(trunk_manager_options_set_tls_ca_file, manager_options, (h, trunk_text("/dev/null")))                          \
    X(trunk_manager_options_set_tls_verify, manager_options, (h, false))                                             \
    X(trunk_manager_options_set_tls_identity, manager_options, (h, TEXT, TEXT))                                      \
    X(trunk_manager_options_set_tls_hostname, manager_options, (h, TEXT))                                            \
    X(trunk_manager_options_set_tls_key_log, manager_options, (h, TEXT))                                             \
    X(trunk_manager_options_set_http2_connection_window, manager_options, (h, 1))                                    \
    X(trunk_manager_options_set_http2_max_frame_size, manager_options, (h, 16384))                                   \
    X(trunk_manager_options_set_http2_header_table_size, manager_options, (h, 1))                                    \
    X(trunk_manager_options_set_http2_connections_per_origin, manager_options, (h, 1))                               \
    X(trunk_manager_options_set_http2_ping_unused, manager_options, (h, true))                                       \
    X(trunk_manager_options_set_tls_sni, manager_options, (h, TEXT))                                                 \
    X(trunk_manager_options_set_tls_versions, manager_options, (h, TRUNK_TLS_1_2, TRUNK_TLS_1_3))                    \
    X(trunk_manager_options_set_tls_pins, manager_options, (h, TEXT))                                                \
    X(trunk_manager_options_set_tls_resumption, manager_options, (h, true))                                          \
    X(trunk_manager_options_set_proxy, manager_options, (h, TEXT, TEXT, TEXT))                                       \
    X(trunk_manager_options_set_proxy_environment, manager_options, (h))                                             \
    X(trunk_manager_options_set_proxy_tls_ca, manager_options, (h, TEXT))                                            \
    X(trunk_manager_options_set_proxy_tls_verify, manager_options, (h, true))                                        \
    X(trunk_manager_options_set_local_address, manager_options, (h, trunk_text("::1")))                              \
    X(trunk_manager_options_set_interface, manager_options, (h, TEXT))                                               \
    X(trunk_manager_options_set_nodelay, manager_options, (h, true))                                                 \
    X(trunk_manager_options_set_tcp_keep_alive, manager_options, (h, 1, 1, 1))                                       \
    X(trunk_manager_options_add_proxy_header, manager_options, (h, TEXT, TEXT))                                      \
    X(trunk_request_options_set_proxy, request_options, (h, TEXT))                                                   \
    X(trunk_manager_close, manager, (h))                                                                             \
    X(trunk_manager_shutdown, manager, (h, 0, &o->flag))                                                             \
    X(trunk_manager_descriptor, manager, (h, &o->descriptor))                                                        \
    X(trunk_manager_poll, manager, (h, o->parts, 4, 0, &o->size))                                                    \
    X(trunk_manager_statistics, manager, (h, O(trunk_statistics *)))                                                 \
    X(trunk_manager_submit_recv, manager, (h, RO, O(trunk_request *)))                                               \
    X(trunk_manager_submit_queue, manager, (h, RO, NULL, O(trunk_request *)))                                        \
    X(trunk_manager_submit_callback, manager, (h, RO, never_part, NULL, never_destroy, O(trunk_request *)))          \
    X(trunk_request_options_add_header, request_options, (h, TEXT, TEXT))                                            \
    X(trunk_request_options_set_body, request_options, (h, TEXT))                                                    \
    X(trunk_request_options_set_streamed_body, request_options, (h, -1))                                             \
    X(trunk_request_options_set_upgrade, request_options, (h, TEXT))                                                 \
    X(trunk_request_options_set_http, request_options, (h, TRUNK_HTTP_AUTO))                                         \
    X(trunk_request_options_set_pool_timeout, request_options, (h, 1))                                               \
    X(trunk_request_options_set_resolve_timeout, request_options, (h, 1))                                            \
    X(trunk_request_options_set_connect_timeout, request_options, (h, 1))                                            \
    X(trunk_request_options_set_tls_timeout, request_options, (h, 1))                                                \
    X(trunk_request_options_set_write_timeout, request_options, (h, 1))                                              \
    X(trunk_request_options_set_first_byte_timeout, request_options, (h, 1))                                         \
    X(trunk_request_options_set_idle_timeout, request_options, (h, 1))                                               \
    X(trunk_request_options_set_total_timeout, request_options, (h, 1))                                              \
    X(trunk_request_options_set_credit, request_options, (h, 1))                                                     \
    X(trunk_request_options_set_replay, request_options, (h, true))                                                  \
    X(trunk_request_options_set_manual_release, request_options, (h, true))                                          \
    X(trunk_request_recv, request, (h, 0, &o->part))                                                                 \
    X(trunk_request_cancel, request, (h))                                                                            \
    X(trunk_request_release, request, (h, 1))                                                                        \
    X(trunk_request_write, request, (h, TEXT))                                                                       \
    X(trunk_request_finish, request, (h, NULL, 0))                                                                   \
    X(trunk_request_fail, request, (h, TEXT))                                                                        \
    X(trunk_request_id, request, (h, &o->number))                                                                    \
    X(trunk_request_user_data, request, (h, &o->pointer))                                                            \
    X(trunk_request_has_ended, request, (h, &o->flag))                                                               \
    X(trunk_websocket_send, request, (h, TRUNK_FRAME_TEXT, TEXT))                                                    \
    X(trunk_websocket_close, request, (h, 1000, TEXT))                                                               \
    X(trunk_part_check, part, (h))                                                                                   \
    X(trunk_part_header_at, part, (h, 0, &o->header))                                                                \
    X(trunk_statistics_get, statistics, (h, TRUNK_STATISTIC_REPLAYS, &o->number))                                    \
    X(trunk_statistics_errors, statistics, (h, TRUNK_ERROR_CANCELLED, &o->number))                                   \
    X(trunk_statistics_openmetrics, statistics, (h, &o->view))                                                       \
    X(trunk_manager_options_set_cookie_jar, manager_options, (h, NULL))                                              \
    X(trunk_cookie_jar_load, cookie_jar, (h, trunk_text("/dev/null"), &o->size))                                     \
    X(trunk_cookie_jar_save, cookie_jar, (h, trunk_text("/dev/null/none")))                                          \
    X(trunk_cookie_jar_set, cookie_jar, (h, trunk_text("http://a/"), trunk_text("a=b")))                             \
    X(trunk_cookie_jar_clear, cookie_jar, (h))                                                                       \
    X(trunk_cookie_jar_count, cookie_jar, (h, &o->size))                                                             \
    X(trunk_url_set_path_style, url, (h, TRUNK_PATH_COLON))                                                          \
    X(trunk_url_add_path_param, url, (h, TEXT, TEXT))                                                                \
    X(trunk_url_add_param, url, (h, TEXT, TEXT))                                                                     \
    X(trunk_url_build, url, (h, &o->view))                                                                           \
    X(trunk_request_options_set_body_file, request_options, (h, trunk_text("/proc/self/exe"), 0, -1))                \
    X(trunk_request_options_set_body_form, request_options, (h, NULL, 0))                                            \
    X(trunk_request_options_set_body_json, request_options, (h, TEXT))                                               \
    X(trunk_request_options_set_body_multipart, request_options, (h, live->multipart))                               \
    X(trunk_multipart_add_text, multipart, (h, TEXT, TEXT))                                                          \
    X(trunk_multipart_add_bytes, multipart, (h, TEXT, TEXT, TEXT, TEXT))                                             \
    X(trunk_multipart_add_file, multipart, (h, TEXT, trunk_text("/proc/self/exe"), TEXT, TEXT))                      \
    X(trunk_lines_push, lines, (h, TEXT))                                                                            \
    X(trunk_lines_finish, lines, (h))                                                                                \
    X(trunk_lines_next, lines, (h, &o->view))                                                                        \
    X(trunk_sse_push, sse, (h, TEXT))                                                                                \
    X(trunk_sse_finish, sse, (h))                                                                                    \
    X(trunk_sse_next, sse, (h, &o->event))

#define FREE_CALLS(X)                                                                                                \
    X(trunk_manager_options_free, manager_options, (h))                                                              \
    X(trunk_manager_free, manager, (h))                                                                              \
    X(trunk_request_options_free, request_options, (h))                                                              \
    X(trunk_request_free, request, (h))                                                                              \
    X(trunk_statistics_free, statistics, (h))                                                                        \
    X(trunk_cookie_jar_free, cookie_jar, (h))                                                                        \
    X(trunk_url_free, url, (h))                                                                                      \
    X(trunk_multipart_free, multipart, (h))                                                                          \
    X(trunk_lines_free, lines, (h))                                                                                  \
    X(trunk_sse_free, sse, (h))

/* Functions that answer a value, and the neutral one. */
#define NO_VIEW(call) (call.data == NULL)
#define VALUE_CALLS(X)                                                                                               \
    X(trunk_part_kind, trunk_part_kind(h) == TRUNK_PART_NONE)                                                        \
    X(trunk_part_is_terminal, !trunk_part_is_terminal(h))                                                            \
    X(trunk_part_request, trunk_part_request(h) == NULL)                                                             \
    X(trunk_part_request_id, trunk_part_request_id(h) == 0)                                                          \
    X(trunk_part_user_data, trunk_part_user_data(h) == NULL)                                                         \
    X(trunk_part_status, trunk_part_status(h) == 0)                                                                  \
    X(trunk_part_version, trunk_part_version(h) == 0)                                                                \
    X(trunk_part_header_count, trunk_part_header_count(h) == 0)                                                      \
    X(trunk_part_header, NO_VIEW(trunk_part_header(h, TEXT)))                                                        \
    X(trunk_part_data, NO_VIEW(trunk_part_data(h)))                                                                  \
    X(trunk_part_frame_kind, trunk_part_frame_kind(h) == TRUNK_FRAME_NONE)                                           \
    X(trunk_part_close_code, trunk_part_close_code(h) == 0)                                                          \
    X(trunk_part_error, trunk_part_error(h) == TRUNK_OK)                                                             \
    X(trunk_part_error_message, NO_VIEW(trunk_part_error_message(h)))                                                \
    X(trunk_part_error_phase, trunk_part_error_phase(h) == TRUNK_PHASE_NONE)                                         \
    X(trunk_part_error_peer_code, trunk_part_error_peer_code(h) == -1)                                               \
    X(trunk_part_timing, trunk_part_timing(h, TRUNK_TIMING_TOTAL) == 0)                                              \
    X(trunk_part_attempts, trunk_part_attempts(h) == 0)                                                              \
    X(trunk_part_reused, !trunk_part_reused(h))                                                                      \
    X(trunk_part_received, trunk_part_received(h) == 0)                                                              \
    X(trunk_part_sent, trunk_part_sent(h) == 0)                                                                      \
    X(trunk_part_connection_id, trunk_part_connection_id(h) == 0)                                                    \
    X(trunk_part_protocol, trunk_part_protocol(h) == TRUNK_PROTOCOL_NONE)                                            \
    X(trunk_part_tls, NO_VIEW(trunk_part_tls(h)))                                                                    \
    X(trunk_part_remote_address, NO_VIEW(trunk_part_remote_address(h)))                                              \
    X(trunk_part_local_address, NO_VIEW(trunk_part_local_address(h)))                                                \
    X(trunk_part_url, NO_VIEW(trunk_part_url(h)))                                                                    \
    X(trunk_attempt_number, trunk_attempt_number(h) == 0)                                                            \
    X(trunk_attempt_method, NO_VIEW(trunk_attempt_method(h)))                                                        \
    X(trunk_attempt_url, NO_VIEW(trunk_attempt_url(h)))                                                              \
    X(trunk_attempt_status, trunk_attempt_status(h) == 0)                                                            \
    X(trunk_attempt_header, NO_VIEW(trunk_attempt_header(h, TEXT)))                                                  \
    X(trunk_attempt_error, trunk_attempt_error(h) == TRUNK_OK)                                                       \
    X(trunk_attempt_error_message, NO_VIEW(trunk_attempt_error_message(h)))                                          \
    X(trunk_auth_request_method, NO_VIEW(trunk_auth_request_method(h)))                                              \
    X(trunk_auth_request_url, NO_VIEW(trunk_auth_request_url(h)))                                                    \
    X(trunk_auth_request_host, NO_VIEW(trunk_auth_request_host(h)))                                                  \
    X(trunk_auth_request_header, NO_VIEW(trunk_auth_request_header(h, TEXT)))                                        \
    X(trunk_auth_request_body, NO_VIEW(trunk_auth_request_body(h)))

/* Functions that take no handle, so that there is no wrong one. */
static const char *const without_handle[] = {
    "trunk_text",          "trunk_bytes",
    "trunk_abi_version",   "trunk_version",
    "trunk_status_name",   "trunk_status_description",
    "trunk_manager_new",   "trunk_last_error_message",
    "trunk_set_log_callback", "trunk_manager_options_new",
    "trunk_request_options_new", "trunk_request_options_new_connect",
    "trunk_cookie_jar_new",  "trunk_url_new",
    "trunk_multipart_new",   "trunk_lines_new",
    "trunk_sse_new",
};

static const struct handles *live;

#define DEFINE(name, kind, arguments)                                                                                \
    static trunk_status call_##name(void *h, struct outs *o)                                                         \
    {                                                                                                                \
        (void)o;                                                                                                     \
        return name arguments;                                                                                       \
    }
STATUS_CALLS(DEFINE)
FREE_CALLS(DEFINE)

#define DEFINE_VALUE(name, neutral)                                                                                  \
    static bool call_##name(const void *h)                                                                           \
    {                                                                                                                \
        return neutral;                                                                                              \
    }
VALUE_CALLS(DEFINE_VALUE)

struct call {
    const char *name;
    size_t kind;
    trunk_status (*call)(void *handle, struct outs *outs);
};

#define ROW(name, kind, arguments) {#name, offsetof(struct handles, kind), call_##name},
static const struct call status_calls[] = {STATUS_CALLS(ROW)};
static const struct call free_calls[] = {FREE_CALLS(ROW)};

struct value_call {
    const char *name;
    bool (*is_neutral)(const void *handle);
};

#define VALUE_ROW(name, neutral) {#name, call_##name},
static const struct value_call value_calls[] = {VALUE_CALLS(VALUE_ROW)};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void *handle_of(const struct handles *handles, size_t kind)
{
    void *handle;
    memcpy(&handle, (const char *)handles + kind, sizeof handle);
    return handle;
}

static void check_call(const struct call *call, void *handle, trunk_status wanted)
{
    struct outs outs, before;
    memset(&outs, 0xA5, sizeof outs);
    memcpy(&before, &outs, sizeof outs);
    trunk_status got = call->call(handle, &outs);
    if (got != wanted)
        test_fail(__FILE__, __LINE__, "%s: %s, not %s", call->name, status_name(got), status_name(wanted));
    if (memcmp(&before, &outs, sizeof outs) != 0)
        test_fail(__FILE__, __LINE__, "%s: failed, yet an out-parameter was written", call->name);
    if (got != TRUNK_OK && trunk_last_error_message().size == 0)
        test_fail(__FILE__, __LINE__, "%s: no message", call->name);
}

int call_everything(const struct handles *handles, trunk_status status, trunk_status free_status)
{
    live = handles;
    for (size_t index = 0; index < COUNT(status_calls); index++)
        check_call(&status_calls[index], handle_of(handles, status_calls[index].kind), status);
    for (size_t index = 0; index < COUNT(value_calls); index++) {
        if (!value_calls[index].is_neutral(handles->part))
            test_fail(__FILE__, __LINE__, "%s: not neutral", value_calls[index].name);
    }
    for (size_t index = 0; index < COUNT(free_calls); index++)
        check_call(&free_calls[index], handle_of(handles, free_calls[index].kind), free_status);
    return (int)(COUNT(status_calls) + COUNT(value_calls) + COUNT(free_calls));
}

static bool is_known(const char *name)
{
    for (size_t index = 0; index < COUNT(status_calls); index++)
        if (strcmp(status_calls[index].name, name) == 0)
            return true;
    for (size_t index = 0; index < COUNT(free_calls); index++)
        if (strcmp(free_calls[index].name, name) == 0)
            return true;
    for (size_t index = 0; index < COUNT(value_calls); index++)
        if (strcmp(value_calls[index].name, name) == 0)
            return true;
    for (size_t index = 0; index < COUNT(without_handle); index++)
        if (strcmp(without_handle[index], name) == 0)
            return true;
    return false;
}

/* Every function of the header is in one of the tables above. */
static void test_tables(void)
{
    test_begin("handles: every function is called");
    const char *folder = getenv("TRUNKLINE_TEST_CASES");
    char path[1000], line[1000], name[1000];
    snprintf(path, sizeof path, "%s/../../include/trunkline.h", folder == NULL ? "tests/cases" : folder);
    FILE *header = fopen(path, "r");
    CHECK(header != NULL);
    int functions = 0;
    while (header != NULL && fgets(line, sizeof line, header) != NULL) {
        char *paren = strchr(line, '(');
        if (line[0] < 'a' || line[0] > 'z' || paren == NULL || strncmp(line, "typedef", 7) == 0)
            continue;
        *paren = '\0';
        char *start = paren;
        while (start > line && start[-1] != ' ' && start[-1] != '*')
            start--;
        snprintf(name, sizeof name, "%s", start);
        functions++;
        if (!is_known(name))
            test_fail(__FILE__, __LINE__, "%s is not tested", name);
    }
    if (header != NULL)
        fclose(header);
    CHECK(functions == (int)(COUNT(status_calls) + COUNT(free_calls) + COUNT(value_calls) + COUNT(without_handle)));
    test_end();
}

static struct handles make_live(const struct server *server)
{
    struct handles handles = {0};
    char url[100];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/bytes/10", server_port(server, "http"));
    trunk_manager_options *options = NULL;
    trunk_manager *manager = NULL;
    trunk_request_options *request_options = NULL;
    trunk_request *request = NULL;
    trunk_statistics *statistics = NULL;
    trunk_cookie_jar *cookie_jar = NULL;
    trunk_url *url_pieces = NULL;
    trunk_multipart *multipart = NULL;
    trunk_lines *lines = NULL;
    trunk_sse *sse = NULL;
    const trunk_part *part = NULL;
    CHECK_OK(trunk_cookie_jar_new(&cookie_jar));
    CHECK_OK(trunk_url_new(trunk_text(NULL), trunk_text(url), &url_pieces));
    CHECK_OK(trunk_multipart_new(&multipart));
    CHECK_OK(trunk_lines_new(100, false, &lines));
    CHECK_OK(trunk_sse_new(100, &sse));
    CHECK_OK(trunk_manager_options_new(&options));
    CHECK_OK(trunk_manager_new(NULL, &manager));
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text(url), &request_options));
    CHECK_OK(trunk_manager_submit_recv(manager, request_options, &request));
    CHECK_OK(trunk_request_recv(request, slow(5000), &part));
    CHECK(trunk_part_kind(part) == TRUNK_PART_HEAD);
    CHECK_OK(trunk_manager_statistics(manager, &statistics));
    handles.manager_options = options;
    handles.manager = manager;
    handles.request_options = request_options;
    handles.request = request;
    handles.statistics = statistics;
    handles.part = part;
    handles.cookie_jar = cookie_jar;
    handles.url = url_pieces;
    handles.multipart = multipart;
    handles.lines = lines;
    handles.sse = sse;
    return handles;
}

static void free_all(const struct handles *handles)
{
    CHECK_OK(trunk_sse_free(handles->sse));
    CHECK_OK(trunk_lines_free(handles->lines));
    CHECK_OK(trunk_multipart_free(handles->multipart));
    CHECK_OK(trunk_url_free(handles->url));
    CHECK_OK(trunk_cookie_jar_free(handles->cookie_jar));
    CHECK_OK(trunk_statistics_free(handles->statistics));
    CHECK_OK(trunk_request_free(handles->request));
    CHECK_OK(trunk_request_options_free(handles->request_options));
    CHECK_OK(trunk_manager_free(handles->manager));
    CHECK_OK(trunk_manager_options_free(handles->manager_options));
}

static void test_null_out(const struct handles *handles)
{
    test_begin("handles: NULL out-parameters");
    const trunk_part *parts[1];
    size_t count;
    struct handles h = *handles;
    CHECK_STATUS(trunk_manager_options_new(NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_manager_new(NULL, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_request_options_new(trunk_text("GET"), trunk_text("http://a/"), NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_manager_shutdown(h.manager, 0, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_manager_descriptor(h.manager, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_manager_poll(h.manager, NULL, 1, 0, &count), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_manager_poll(h.manager, parts, 1, 0, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_manager_poll(h.manager, parts, 0, 0, &count), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_manager_poll(h.manager, parts, 1, -2, &count), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_manager_statistics(h.manager, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_manager_submit_recv(h.manager, h.request_options, NULL), TRUNK_ERROR_NULL_POINTER);
    trunk_request *request = NULL;
    CHECK_STATUS(trunk_manager_submit_recv(h.manager, NULL, &request), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_manager_submit_recv(h.manager, h.manager, &request), TRUNK_ERROR_INVALID_HANDLE);
    CHECK_STATUS(trunk_manager_submit_callback(h.manager, h.request_options, NULL, NULL, never_destroy, &request),
                 TRUNK_ERROR_NULL_POINTER);
    CHECK(request == NULL);
    CHECK_STATUS(trunk_manager_new(h.manager, (trunk_manager **)(void *)&request), TRUNK_ERROR_INVALID_HANDLE);
    CHECK_STATUS(trunk_request_recv(h.request, 0, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_request_id(h.request, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_request_user_data(h.request, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_request_has_ended(h.request, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_part_header_at(h.part, 0, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_statistics_get(h.statistics, TRUNK_STATISTIC_REPLAYS, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_statistics_errors(h.statistics, TRUNK_ERROR_CANCELLED, NULL), TRUNK_ERROR_NULL_POINTER);
    test_end();
}

static void test_arguments(const struct handles *handles)
{
    test_begin("handles: wrong arguments");
    struct handles h = *handles;
    trunk_view missing = trunk_bytes(NULL, 5), huge = trunk_bytes("x", SIZE_MAX), latin = trunk_bytes("\xff", 1);
    trunk_request_options *options = NULL;
    CHECK_STATUS(trunk_request_options_new(trunk_text("GET"), missing, &options), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_request_options_new(trunk_text("GET"), huge, &options), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_request_options_new(trunk_text("GET"), latin, &options), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_request_options_new(trunk_text(NULL), trunk_text("http://a/"), &options),
                 TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_request_options_new(trunk_text("GET"), trunk_text("nonsense"), &options),
                 TRUNK_ERROR_INVALID_URL);
    CHECK_STATUS(trunk_request_options_new(trunk_text("GET"), trunk_text("ftp://a/"), &options),
                 TRUNK_ERROR_INVALID_URL);
    CHECK(options == NULL);
    CHECK_STATUS(trunk_request_options_add_header(h.request_options, TEXT, trunk_text("a\r\nb: c")),
                 TRUNK_ERROR_INVALID_HEADER);
    CHECK_STATUS(trunk_request_options_add_header(h.request_options, latin, TEXT), TRUNK_ERROR_INVALID_HEADER);
    CHECK_STATUS(trunk_request_options_add_header(h.request_options, trunk_text("connection"), TEXT),
                 TRUNK_ERROR_INVALID_HEADER);
    CHECK_STATUS(trunk_request_options_set_streamed_body(h.request_options, -2), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_request_options_set_credit(h.request_options, 0), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_request_options_set_http(h.request_options, 99), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_manager_options_set_http(h.manager_options, -1), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_manager_options_set_drive_threads(h.manager_options, 0), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_manager_options_set_max_headers(h.manager_options, 0), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_manager_options_set_tls_identity(h.manager_options, TEXT, trunk_text("")),
                 TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_manager_options_set_tls_ca_file(h.manager_options, trunk_text("/does/not/exist")),
                 TRUNK_ERROR_IO);
    CHECK_STATUS(trunk_manager_options_add_resolve(h.manager_options, TEXT, 1, trunk_text("one")),
                 TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_request_finish(h.request, NULL, 1), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_request_write(h.request, TEXT), TRUNK_ERROR_INVALID_STATE);
    CHECK_STATUS(trunk_request_write(h.request, missing), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_websocket_send(h.request, TRUNK_FRAME_TEXT, TEXT), TRUNK_ERROR_INVALID_STATE);
    CHECK_STATUS(trunk_websocket_send(h.request, 77, TEXT), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_set_log_callback(99, NULL, NULL, never_destroy), TRUNK_ERROR_INVALID_ARGUMENT);
    uint64_t number = 7;
    trunk_header header;
    CHECK_STATUS(trunk_statistics_get(h.statistics, 99, &number), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_statistics_errors(h.statistics, 0, &number), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK(number == 7);
    CHECK_STATUS(trunk_part_header_at(h.part, 1000, &header), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK(trunk_part_data(h.part).data == NULL && trunk_part_error(h.part) == TRUNK_OK);
    CHECK(trunk_last_error_message().size > 0);
    CHECK(trunk_status_name(12345).data == NULL && view_is(trunk_status_name(TRUNK_OK), "ok"));
    CHECK(view_is(trunk_status_name(TRUNK_ERROR_AGAIN), "again"));
    CHECK(trunk_status_description(TRUNK_ERROR_AGAIN).size > 10 && trunk_status_description(-1).data == NULL);
    CHECK(trunk_abi_version() == TRUNK_ABI_VERSION && trunk_version().size >= 5);
    test_end();
}

void test_handles(const struct server *server)
{
    test_tables();
    struct handles handles = make_live(server);
    test_null_out(&handles);
    test_arguments(&handles);

    test_begin("handles: NULL");
    struct handles nothing = {0};
    call_everything(&nothing, TRUNK_ERROR_NULL_POINTER, TRUNK_OK);
    test_end();

    test_begin("handles: of another kind");
    struct handles wrong = {.manager_options = handles.manager,
                            .manager = handles.request,
                            .request_options = handles.statistics,
                            .request = (void *)handles.part,
                            .statistics = handles.request_options,
                            .part = handles.manager_options,
                            .cookie_jar = handles.url,
                            .url = handles.multipart,
                            .multipart = handles.lines,
                            .lines = handles.sse,
                            .sse = handles.cookie_jar};
    call_everything(&wrong, TRUNK_ERROR_INVALID_HANDLE, TRUNK_ERROR_INVALID_HANDLE);
    test_end();

    test_begin("handles: garbage");
    void *garbage = &wrong;
    struct handles random = {garbage, garbage, garbage, garbage, garbage, garbage, garbage, garbage, garbage, garbage, garbage};
    call_everything(&random, TRUNK_ERROR_INVALID_HANDLE, TRUNK_ERROR_INVALID_HANDLE);
    test_end();

    test_begin("handles: dead");
    CHECK_OK(trunk_part_check(handles.part));
    free_all(&handles);
    call_everything(&handles, TRUNK_ERROR_INVALID_HANDLE, TRUNK_ERROR_INVALID_HANDLE);
    test_end();

    test_begin("handles: their places are used again, they are not");
    struct handles next = make_live(server);
    call_everything(&handles, TRUNK_ERROR_INVALID_HANDLE, TRUNK_ERROR_INVALID_HANDLE);
    CHECK_OK(trunk_part_check(next.part));
    free_all(&next);
    test_end();
}
