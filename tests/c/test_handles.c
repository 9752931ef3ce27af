/* Promise 10: NULL, dead and wrong handles answer an error; out-parameters are written on success only. */
#include "engine_talk.h"
#include "handles.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static void keep_resolve(void *user_data, trunk_resolve *resolve)
{
    atomic_store((_Atomic(trunk_resolve *) *)user_data, resolve);
}

/* Lets a manager with a resolver of its own look up a name. */
static trunk_resolve *make_resolve(trunk_manager *manager, trunk_request **waiting,
                                   _Atomic(trunk_resolve *) *asked)
{
    trunk_request_options *options = NULL;
    const trunk_part *part = NULL;
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text("http://name.test/"), &options));
    CHECK_OK(trunk_manager_submit_recv(manager, options, waiting));
    CHECK_OK(trunk_request_options_free(options));
    for (int64_t end = now_ms() + slow(5000); atomic_load(asked) == NULL && now_ms() < end;)
        CHECK_STATUS(trunk_request_recv(*waiting, 1, &part), TRUNK_ERROR_TIMEOUT);
    return atomic_load(asked);
}

static trunk_flow on_frame(void *user_data, const trunk_message *message)
{
    (void)user_data;
    (void)message;
    return TRUNK_FLOW_CONTINUE;
}

static void on_closed(void *user_data, trunk_status status, uint16_t code, trunk_view message)
{
    (void)user_data;
    (void)status;
    (void)code;
    (void)message;
}

static const trunk_websocket_handlers never_called = {
    .size = sizeof never_called, .frame = on_frame, .closed = on_closed};

/* An engine in the middle of an exchange, and others. */
static void make_engine(struct handles *handles)
{
    static struct told told = {.unread = true};
    static const uint8_t ok[] = {0x88};
    uint8_t frames[100];
    trunk_engine *engine = NULL;
    trunk_upload *upload = NULL;
    CHECK_OK(trunk_http2_new(NULL, &told_connection, &told, &engine));
    CHECK_OK(talk_request(engine, "POST", "http://a/", &told, &upload));
    CHECK_OK(trunk_engine_next_write_operation(engine, &(trunk_write_operation){0}));
    size_t size = frame_put(frames, 0, SETTINGS, 0, 0, NULL, 0);
    size = frame_put(frames, size, HEADERS, END_HEADERS, 1, ok, sizeof ok);
    CHECK(talk_feed(engine, frames, size, SIZE_MAX) == size);
    CHECK(told.answer != NULL);
    CHECK_OK(trunk_handshake_new(NULL, 0, true, (trunk_handshake **)(void *)&handles->handshake));
    CHECK_OK(trunk_http1_new(0, 0, &told_connection, &told, (trunk_engine **)(void *)&handles->http1));
    CHECK_OK(trunk_websocket_engine_new(NULL, NULL, &never_called, NULL, (trunk_engine **)(void *)&handles->websocket));
    handles->engine = engine;
    handles->upload = upload;
    handles->answer = told.answer;
}

struct handles handles_make(const struct server *server, const char *path, bool is_inline)
{
    static _Atomic(trunk_resolve *) asked;
    struct handles handles = {0};
    char url[100];
    asked = NULL;
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server_port(server, "http"), path);
    trunk_manager_options *options = manager_options(is_inline);
    trunk_manager *manager = NULL;
    trunk_request_options *request_options = NULL;
    trunk_request *request = NULL;
    trunk_statistics *statistics = NULL;
    trunk_cookie_jar *cookie_jar = NULL;
    trunk_url *url_pieces = NULL;
    trunk_multipart *multipart = NULL;
    trunk_lines *lines = NULL;
    trunk_sse *sse = NULL;
    trunk_har *har = NULL;
    trunk_text_decoder *text_decoder = NULL;
    const trunk_part *part = NULL;
    CHECK_OK(trunk_cookie_jar_new(&cookie_jar));
    CHECK_OK(trunk_url_new(trunk_text(NULL), trunk_text(url), &url_pieces));
    CHECK_OK(trunk_multipart_new(&multipart));
    CHECK_OK(trunk_lines_new(100, false, &lines));
    CHECK_OK(trunk_sse_new(100, &sse));
    CHECK_OK(trunk_har_new(false, &har));
    CHECK_OK(trunk_text_decoder_new(trunk_text("utf-8"), &text_decoder));
    CHECK_OK(trunk_manager_options_set_resolver(options, keep_resolve, &asked, NULL));
    CHECK_OK(trunk_manager_new(options, &manager));
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
    handles.har = har;
    handles.text_decoder = text_decoder;
    make_engine(&handles);
    handles.resolve = make_resolve(manager, &handles.waiting, &asked);
    return handles;
}

void handles_free(const struct handles *handles)
{
    CHECK_OK(trunk_resolve_fail(handles->resolve, trunk_text("enough")));
    CHECK_OK(trunk_request_free(handles->waiting));
    CHECK_OK(trunk_handshake_free(handles->handshake));
    CHECK_OK(trunk_engine_free(handles->http1));
    CHECK_OK(trunk_engine_free(handles->websocket));
    CHECK_OK(trunk_answer_free(handles->answer));
    CHECK_OK(trunk_upload_free(handles->upload));
    CHECK_OK(trunk_engine_free(handles->engine));
    CHECK_OK(trunk_text_decoder_free(handles->text_decoder));
    CHECK_OK(trunk_har_free(handles->har));
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

static void never_destroy(void *user_data)
{
    (void)user_data;
    test_fail(__FILE__, __LINE__, "user data was destroyed");
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
    trunk_view text = trunk_text("text"), missing = trunk_bytes(NULL, 5), huge = trunk_bytes("x", SIZE_MAX), latin = trunk_bytes("\xff", 1);
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
    CHECK_STATUS(trunk_request_options_add_header(h.request_options, text, trunk_text("a\r\nb: c")),
                 TRUNK_ERROR_INVALID_HEADER);
    CHECK_STATUS(trunk_request_options_add_header(h.request_options, latin, text), TRUNK_ERROR_INVALID_HEADER);
    CHECK_STATUS(trunk_request_options_add_header(h.request_options, trunk_text("connection"), text),
                 TRUNK_ERROR_INVALID_HEADER);
    CHECK_STATUS(trunk_request_options_set_streamed_body(h.request_options, -2), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_request_options_set_credit(h.request_options, 0), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_request_options_set_http(h.request_options, 99), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_manager_options_set_http(h.manager_options, -1), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_manager_options_set_drive_threads(h.manager_options, 0), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_manager_options_set_max_headers(h.manager_options, 0), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_manager_options_set_tls_identity(h.manager_options, text, trunk_text("")),
                 TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_manager_options_set_tls_ca_file(h.manager_options, trunk_text("/does/not/exist")),
                 TRUNK_ERROR_IO);
    CHECK_STATUS(trunk_manager_options_add_resolve(h.manager_options, text, 1, trunk_text("one")),
                 TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_request_finish(h.request, NULL, 1), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_request_write(h.request, text), TRUNK_ERROR_INVALID_STATE);
    CHECK_STATUS(trunk_request_write(h.request, missing), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_websocket_send(h.request, TRUNK_FRAME_TEXT, text), TRUNK_ERROR_INVALID_STATE);
    CHECK_STATUS(trunk_websocket_send(h.request, 77, text), TRUNK_ERROR_INVALID_ARGUMENT);
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
    test_begin("handles: every function is called");
    check_tables();
    test_end();
    struct handles handles = handles_make(server, "/bytes/10", false);
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
                            .sse = handles.har,
                            .har = handles.resolve,
                            .resolve = handles.text_decoder,
                            .text_decoder = handles.cookie_jar,
                            .engine = handles.upload,
                            .upload = handles.answer,
                            .answer = handles.engine,
                            .handshake = handles.answer,
                            .http1 = handles.handshake,
                            .websocket = handles.handshake};
    call_everything(&wrong, TRUNK_ERROR_INVALID_HANDLE, TRUNK_ERROR_INVALID_HANDLE);
    test_end();

    test_begin("handles: garbage");
    void *garbage = &wrong;
    struct handles random;
    for (size_t index = 0; index < sizeof random / sizeof garbage; index++)
        memcpy((char *)&random + index * sizeof garbage, &garbage, sizeof garbage);
    call_everything(&random, TRUNK_ERROR_INVALID_HANDLE, TRUNK_ERROR_INVALID_HANDLE);
    test_end();

    test_begin("handles: dead");
    CHECK_OK(trunk_part_check(handles.part));
    handles_free(&handles);
    call_everything(&handles, TRUNK_ERROR_INVALID_HANDLE, TRUNK_ERROR_INVALID_HANDLE);
    test_end();

    test_begin("handles: their places are used again, they are not");
    struct handles next = handles_make(server, "/bytes/10", false);
    call_everything(&handles, TRUNK_ERROR_INVALID_HANDLE, TRUNK_ERROR_INVALID_HANDLE);
    CHECK_OK(trunk_part_check(next.part));
    handles_free(&next);
    test_end();
}
