/* Connections without a socket against peers made of frames by hand: promises, errors, upgrades, who is called when. */
#include "engine_talk.h"

#include <string.h>

/* `:status: 200` of the static table, and `content-length` without compression (RFC 7541, 6.1 and 6.2.2). */
static const uint8_t ok[] = {0x88};
static const uint8_t ok_of_5[] = {0x88, 0x0f, 0x0d, 1, '5'};
/* GET http://a/p (RFC 7541: static indices 2, 6, 1 and 4). */
static const uint8_t promised[] = {0, 0, 0, 2, 0x82, 0x86, 0x01, 1, 'a', 0x04, 2, '/', 'p'};
static const uint8_t cancelled[] = {0, 0, 0, 8};

static trunk_engine *engine_make(struct told *connection)
{
    trunk_engine *engine = NULL;
    CHECK_OK(trunk_http2_new(NULL, &told_connection, connection, &engine));
    return engine;
}

/* SETTINGS, and an answer on each of the first streams that is not complete yet. */
static size_t begin(uint8_t *frames, int streams)
{
    size_t size = frame_put(frames, 0, SETTINGS, 0, 0, NULL, 0);
    for (int index = 0; index < streams; index++)
        size = frame_put(frames, size, HEADERS, END_HEADERS, (uint32_t)(2 * index + 1), ok, sizeof ok);
    return size;
}

/* Every kind of error, with the same words at every cut. */
static void test_errors(size_t step)
{
    struct told connection = {0}, told[4] = {0};
    uint8_t frames[1000];
    trunk_engine *engine = engine_make(&connection);
    for (int index = 0; index < 4; index++)
        CHECK_OK(talk_request(engine, "GET", "http://a/", &told[index], NULL));
    (void)talk_written(engine, step, frames, sizeof frames);
    size_t size = frame_put(frames, 0, SETTINGS, 0, 0, NULL, 0);
    /* `:status` is missing; too short a body; RST_STREAM; GOAWAY. */
    size = frame_put(frames, size, HEADERS, END_HEADERS | END_STREAM, 1, "\x00\x01x\x01y", 5);
    size = frame_put(frames, size, HEADERS, END_HEADERS, 3, ok_of_5, sizeof ok_of_5);
    size = frame_put(frames, size, DATA, END_STREAM, 3, "abc", 3);
    size = frame_put(frames, size, RST_STREAM, 0, 5, "\0\0\0\x0b", 4);
    size = frame_put(frames, size, GOAWAY, 0, 0, "\0\0\0\x05\0\0\0\x0b", 8);
    CHECK(talk_feed(engine, frames, size, step) == size);
    CHECK_OK(trunk_engine_read_eof(engine));
    CHECK(strcmp(told[0].text, "malformed;") == 0);
    CHECK(strcmp(told[1].text, "head 200;length 3 of 5;") == 0);
    CHECK(strcmp(told[2].text, "protocol 11 received;") == 0);
    CHECK(strcmp(told[3].text, "protocol 11 received;") == 0);
    CHECK(strcmp(connection.text, "protocol 11 received;") == 0);
    CHECK_STATUS(talk_request(engine, "GET", "http://a/", &connection, NULL), TRUNK_ERROR_CLOSED);
    for (int index = 0; index < 4; index++)
        CHECK(told[index].destroyed == 1);
    CHECK(connection.destroyed == 1);
    CHECK_OK(trunk_answer_free(told[1].answer));
    CHECK_OK(trunk_engine_free(engine));
}

/* The transport ends, fails, or the program does. */
static void test_ends(void)
{
    for (int how = 0; how < 3; how++) {
        struct told connection = {0}, told = {0};
        uint8_t frames[1000];
        bool closed = true;
        trunk_write_operation operation = {0};
        trunk_engine *engine = engine_make(&connection);
        CHECK_OK(talk_request(engine, "GET", "http://a/", &told, NULL));
        CHECK_OK(trunk_engine_next_write_operation(engine, &operation));
        if (how == 0) {
            (void)talk_written(engine, SIZE_MAX, frames, sizeof frames);
            size_t size = begin(frames, 1);
            CHECK(talk_feed(engine, frames, size, 1) == size);
            CHECK_OK(trunk_engine_read_eof(engine));
            CHECK(strncmp(told.text, "head 200;exception ", 19) == 0);
            /* The acknowledgement of SETTINGS goes out all the same. */
            CHECK_OK(trunk_engine_is_closed(engine, &closed));
            CHECK(!closed);
            size = talk_written(engine, SIZE_MAX, frames, sizeof frames);
            CHECK(frame_among(frames, size, SETTINGS, 0, NULL, 0));
        } else if (how == 1) {
            uint64_t size = operation.vectors[0].size;
            CHECK_STATUS(trunk_engine_report_write_result(engine, (int64_t)size + 1), TRUNK_ERROR_INVALID_ARGUMENT);
            CHECK_STATUS(trunk_engine_report_write_result(engine, -2), TRUNK_ERROR_INVALID_ARGUMENT);
            CHECK_OK(trunk_engine_report_write_result(engine, 10));
            CHECK_OK(trunk_engine_report_write_result(engine, TRUNK_WRITE_CLOSED));
            CHECK_OK(trunk_engine_next_write_operation(engine, &operation));
            CHECK(operation.operation == TRUNK_OPERATION_CLOSE && operation.unsent == size - 10 && operation.count == 0);
            CHECK(told.ended == 0);
            CHECK_OK(trunk_engine_read_eof(engine));
            CHECK(strncmp(told.text, "exception ", 10) == 0);
        } else {
            CHECK_OK(trunk_engine_report_exn(engine, trunk_text("out of order")));
            CHECK(strcmp(told.text, "exception out of order;") == 0);
            CHECK(strcmp(connection.text, "exception out of order;") == 0);
            size_t size = talk_written(engine, 5, frames, sizeof frames);
            CHECK(frame_among(frames, size, GOAWAY, 0, "\0\0\0\0\0\0\0\2", 8));
        }
        CHECK(told.ended == 1 && told.destroyed == 1);
        CHECK_OK(trunk_engine_is_closed(engine, &closed));
        CHECK(closed);
        CHECK_OK(trunk_answer_free(told.answer));
        CHECK_OK(trunk_engine_free(engine));
        CHECK(connection.destroyed == 1);
    }
}

static const trunk_exchange_handlers *on_promise(void *user_data, const trunk_request_head *request, void **told)
{
    struct told *connection = user_data;
    CHECK(request->size == sizeof *request && view_is(request->method, "GET"));
    told_note(connection, "promised %.*s", (int)request->uri.size, (const char *)request->uri.data);
    *told = connection->context;
    return connection->context == NULL ? NULL : &told_handlers;
}

/* A promise is taken up or refused. */
static void test_pushes(bool accepted, size_t step)
{
    struct told pushed = {0}, connection = {.context = accepted ? &pushed : NULL}, told = {0};
    trunk_connection_handlers handlers = told_connection;
    trunk_engine *engine = NULL;
    uint8_t frames[1000];
    handlers.promise = on_promise;
    CHECK_OK(trunk_http2_new(NULL, &handlers, &connection, &engine));
    CHECK_OK(talk_request(engine, "GET", "http://a/", &told, NULL));
    (void)talk_written(engine, step, frames, sizeof frames);
    size_t size = frame_put(frames, 0, SETTINGS, 0, 0, NULL, 0);
    size = frame_put(frames, size, PUSH_PROMISE, END_HEADERS, 1, promised, sizeof promised);
    size = frame_put(frames, size, HEADERS, END_HEADERS, 2, ok, sizeof ok);
    size = frame_put(frames, size, DATA, END_STREAM, 2, "pushed", 6);
    size = frame_put(frames, size, HEADERS, END_HEADERS | END_STREAM, 1, ok, sizeof ok);
    CHECK(talk_feed(engine, frames, size, step) == size);
    CHECK(strcmp(connection.text, "promised http://a/p;") == 0);
    CHECK(strcmp(told.text, "head 200;end;") == 0);
    size = talk_written(engine, step, frames, sizeof frames);
    CHECK(frame_among(frames, size, RST_STREAM, 2, cancelled, 4) == !accepted);
    if (accepted) {
        CHECK(strcmp(pushed.text, "head 200;data;end;") == 0 && pushed.bytes == 6 && pushed.destroyed == 1);
        CHECK_OK(trunk_answer_free(pushed.answer));
    }
    CHECK_OK(trunk_answer_free(told.answer));
    CHECK_OK(trunk_engine_free(engine));
    CHECK(connection.destroyed == 1 && told.destroyed == 1);
}

static void free_all(struct told *told)
{
    CHECK_OK(trunk_answer_free(told->answer));
    told->answer = NULL;
    told->unread = true;
    if (told->context != NULL)
        CHECK_OK(trunk_engine_free(told->context));
}

/* Giving up: each way resets the stream, and nothing more is called. */
static void test_giving_up(void)
{
    struct told connection = {0}, told[4] = {0};
    trunk_upload *uploads[4] = {NULL};
    uint8_t frames[2000];
    trunk_engine *engine = engine_make(&connection);
    told[0].on_head = free_all;
    told[1].unread = true;
    for (int index = 0; index < 4; index++)
        CHECK_OK(talk_request(engine, "POST", "http://a/", &told[index], &uploads[index]));
    (void)talk_written(engine, SIZE_MAX, frames, sizeof frames);
    size_t size = begin(frames, 2);
    CHECK(talk_feed(engine, frames, size, SIZE_MAX) == size);
    CHECK_OK(trunk_answer_cancel(told[1].answer, 5));
    CHECK_STATUS(trunk_answer_read(told[1].answer), TRUNK_ERROR_INVALID_STATE);
    CHECK_OK(trunk_answer_free(told[1].answer));
    CHECK_OK(trunk_upload_free(uploads[2]));
    CHECK_OK(trunk_upload_cancel(uploads[3], 7));
    size = talk_written(engine, SIZE_MAX, frames, sizeof frames);
    CHECK(frame_among(frames, size, RST_STREAM, 1, cancelled, 4));
    CHECK(frame_among(frames, size, RST_STREAM, 3, "\0\0\0\5", 4));
    CHECK(frame_among(frames, size, RST_STREAM, 5, cancelled, 4));
    CHECK(frame_among(frames, size, RST_STREAM, 7, "\0\0\0\7", 4));
    for (int index = 0; index < 4; index++) {
        size_t room = 1;
        CHECK(told[index].ended == 0 && told[index].destroyed == 1);
        if (index == 2)
            continue;
        CHECK_STATUS(trunk_upload_write(uploads[index], trunk_text("more")), TRUNK_ERROR_INVALID_STATE);
        CHECK_OK(trunk_upload_room(uploads[index], &room));
        CHECK(room == 0);
        CHECK_OK(trunk_upload_close(uploads[index], NULL, 0));
        CHECK_OK(trunk_upload_free(uploads[index]));
    }
    CHECK_OK(trunk_engine_free(engine));
    CHECK(connection.destroyed == 1 && connection.text[0] == '\0');
}

/* A function frees everything, the engine that calls it too. */
static void test_freeing_inside(void)
{
    struct told connection = {0}, told = {.on_head = free_all}, other = {0};
    uint8_t frames[1000];
    trunk_engine *engine = engine_make(&connection);
    told.context = engine;
    CHECK_OK(talk_request(engine, "GET", "http://a/", &told, NULL));
    CHECK_OK(talk_request(engine, "GET", "http://a/", &other, NULL));
    (void)talk_written(engine, SIZE_MAX, frames, sizeof frames);
    size_t consumed, size = begin(frames, 1);
    CHECK_OK(trunk_engine_read(engine, trunk_bytes(frames, size), &consumed));
    CHECK_STATUS(trunk_engine_read_eof(engine), TRUNK_ERROR_INVALID_HANDLE);
    CHECK(told.destroyed == 1 && other.destroyed == 1 && other.ended == 0 && connection.destroyed == 1);
}

/* Whoever waits is called once there is something to do. */
static void test_waiting(void)
{
    struct told connection = {0}, told = {0};
    uint8_t frames[1000];
    int woken = 0, destroyed = 0;
    trunk_engine *engine = engine_make(&connection);
    /* The preface is there. */
    CHECK_OK(trunk_engine_yield_writer(engine, told_wake, &woken, NULL));
    CHECK(woken == 1);
    (void)talk_written(engine, SIZE_MAX, frames, sizeof frames);
    CHECK_OK(trunk_engine_yield_writer(engine, told_wake, &destroyed, count_destroy));
    CHECK(destroyed == 0);
    /* One takes the place of the other. */
    CHECK_OK(trunk_engine_yield_writer(engine, told_wake, &woken, NULL));
    CHECK(destroyed == 1 && woken == 1);
    CHECK_OK(talk_request(engine, "GET", "http://a/", &told, NULL));
    CHECK(woken == 2);
    CHECK_OK(trunk_engine_yield_reader(engine, told_wake, &woken, NULL));
    CHECK(woken == 3);
    CHECK_OK(trunk_engine_yield_writer(engine, told_wake, &destroyed, count_destroy));
    CHECK(destroyed == 3);
    CHECK_OK(trunk_engine_free(engine));
    CHECK(told.ended == 0 && told.destroyed == 1);
}

/* The upgrade from HTTP/1.1: the request of the upgrade is answered on stream 1. */
static void test_upgrade(size_t step)
{
    static const char expected[] = "POST /here HTTP/1.1\r\nhost: a:1\r\nconnection: Upgrade, HTTP2-Settings\r\n"
                                   "upgrade: h2c\r\nhttp2-settings: ";
    struct told connection = {0}, told = {0};
    trunk_header field = {trunk_text("x-a"), trunk_text("b")};
    trunk_request_head request = {sizeof request, trunk_text("POST"), trunk_text("http://a:1/here"), &field, 1};
    trunk_view bytes = {NULL, 0};
    trunk_engine *engine = NULL;
    uint8_t frames[1000];
    CHECK_OK(trunk_http2_upgrade_request(&request, trunk_text("body"), NULL, false, &bytes));
    CHECK(bytes.size > sizeof expected && memcmp(bytes.data, expected, sizeof expected - 1) == 0);
    CHECK(memcmp(bytes.data + bytes.size - 8, "\r\n\r\nbody", 8) == 0);
    field.name = trunk_text("Host");
    CHECK_STATUS(trunk_http2_upgrade_request(&request, trunk_text("body"), NULL, false, &bytes),
                 TRUNK_ERROR_INVALID_ARGUMENT);
    field.name = trunk_text("x-a");
    CHECK_OK(trunk_http2_new_after_upgrade(&request, &told_handlers, &told, NULL, &told_connection, &connection,
                                           &engine));
    size_t size = talk_written(engine, step, frames, sizeof frames);
    CHECK(frame_among(frames, size, SETTINGS, 0, NULL, 0) && !frame_among(frames, size, HEADERS, 1, NULL, 0));
    size = begin(frames, 1);
    size = frame_put(frames, size, DATA, END_STREAM, 1, "upgraded", 8);
    CHECK(talk_feed(engine, frames, size, step) == size);
    CHECK(strcmp(told.text, "head 200;data;end;") == 0 && told.bytes == 8 && told.destroyed == 1);
    CHECK_OK(trunk_answer_free(told.answer));
    CHECK_OK(trunk_engine_free(engine));
    CHECK(connection.destroyed == 1);
}

/* What is refused takes nothing over. */
static void test_refused(void)
{
    struct told connection = {0}, told = {0};
    trunk_engine *engine = NULL, *other = NULL;
    trunk_upload *upload = NULL;
    trunk_http2_settings settings;
    trunk_exchange_handlers handlers = told_handlers;
    trunk_connection_handlers on_connection = told_connection;
    trunk_request_head request = {sizeof request, trunk_text("GET"), trunk_text("http://a/"), NULL, 0};
    trunk_view bytes = {NULL, 0};

    CHECK_STATUS(trunk_http2_settings_init(NULL, sizeof settings), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_http2_settings_init(&settings, sizeof settings - 1), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_OK(trunk_http2_settings_init(&settings, sizeof settings));
    CHECK(settings.size == sizeof settings && settings.connection_window == 0x7fffffff &&
          settings.stream_window == 2 * 1024 * 1024 && settings.upload_buffer == 256 * 1024);
    settings.connection_window = 65534;
    CHECK_STATUS(trunk_http2_new(&settings, &told_connection, &connection, &engine), TRUNK_ERROR_INVALID_ARGUMENT);
    settings.size = 0;
    CHECK_STATUS(trunk_http2_new(&settings, &told_connection, &connection, &engine), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_http2_new(NULL, &told_connection, &connection, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_http2_new(NULL, NULL, &connection, &engine), TRUNK_ERROR_NULL_POINTER);
    on_connection.error = NULL;
    CHECK_STATUS(trunk_http2_new(NULL, &on_connection, &connection, &engine), TRUNK_ERROR_NULL_POINTER);
    on_connection.size = 3;
    CHECK_STATUS(trunk_http2_new(NULL, &on_connection, &connection, &engine), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK(engine == NULL && connection.destroyed == 0);
    engine = engine_make(&connection);

    CHECK_STATUS(trunk_engine_request(engine, NULL, &handlers, &told, &upload), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_engine_request(engine, &request, NULL, &told, &upload), TRUNK_ERROR_NULL_POINTER);
    handlers.head = NULL;
    CHECK_STATUS(trunk_engine_request(engine, &request, &handlers, &told, &upload), TRUNK_ERROR_NULL_POINTER);
    handlers = told_handlers;
    handlers.size = 0;
    CHECK_STATUS(trunk_engine_request(engine, &request, &handlers, &told, &upload), TRUNK_ERROR_INVALID_ARGUMENT);
    request.uri = trunk_text("/relative");
    CHECK_STATUS(trunk_engine_request(engine, &request, &told_handlers, &told, &upload),
                 TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_http2_upgrade_request(&request, trunk_text(NULL), NULL, false, &bytes),
                 TRUNK_ERROR_INVALID_ARGUMENT);
    request.uri = trunk_text("http://[");
    CHECK_STATUS(trunk_engine_request(engine, &request, &told_handlers, &told, &upload), TRUNK_ERROR_INVALID_URL);
    request.method = trunk_text("B D");
    CHECK_STATUS(trunk_engine_request(engine, &request, &told_handlers, &told, NULL), TRUNK_ERROR_INVALID_ARGUMENT);
    trunk_header field = {trunk_text("x\n"), trunk_text("b")};
    request = (trunk_request_head){sizeof request, trunk_text("GET"), trunk_text("http://a/"), &field, 1};
    CHECK_STATUS(trunk_engine_request(engine, &request, &told_handlers, &told, NULL), TRUNK_ERROR_INVALID_HEADER);
    request.fields = NULL;
    CHECK_STATUS(trunk_engine_request(engine, &request, &told_handlers, &told, NULL), TRUNK_ERROR_NULL_POINTER);
    request.size = 7;
    CHECK_STATUS(trunk_engine_request(engine, &request, &told_handlers, &told, NULL), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_http2_new_after_upgrade(&request, &told_handlers, &told, NULL, &told_connection, &told, &other),
                 TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_http2_ping(engine, trunk_text("1234567"), told_wake, &told, told_destroy),
                 TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_http2_ping(engine, trunk_text(NULL), NULL, &told, told_destroy), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_engine_yield_reader(engine, NULL, &told, told_destroy), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_engine_report_exn(engine, trunk_text("\xff")), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK(upload == NULL && other == NULL && told.destroyed == 0 && told.ended == 0);

    /* A program that knows the first members only. */
    handlers = told_handlers;
    handlers.size = offsetof(trunk_exchange_handlers, data);
    request = (trunk_request_head){offsetof(trunk_request_head, fields), trunk_text("GET"), trunk_text("http://a/"),
                                   (const trunk_header *)1, 9};
    CHECK_OK(trunk_engine_request(engine, &request, &handlers, &told, &upload));
    CHECK_OK(trunk_upload_free(upload));
    CHECK(told.destroyed == 0);
    CHECK_OK(trunk_engine_free(engine));
    CHECK(connection.destroyed == 1);
}

void test_sansio_frames(void)
{
    test_begin("sans-I/O: errors of streams and of the connection");
    test_errors(1);
    test_errors(SIZE_MAX);
    test_ends();
    test_end();
    test_begin("sans-I/O: promises are taken up or refused");
    for (size_t step = 1; step < 100; step = step * 2 + 1) {
        test_pushes(true, step);
        test_pushes(false, step);
    }
    test_end();
    test_begin("sans-I/O: giving up");
    test_giving_up();
    test_freeing_inside();
    test_end();
    test_begin("sans-I/O: whoever waits is called");
    test_waiting();
    test_end();
    test_begin("sans-I/O: upgrades from HTTP/1.1");
    test_upgrade(1);
    test_upgrade(SIZE_MAX);
    test_end();
    test_begin("sans-I/O: what is refused takes nothing over");
    test_refused();
    test_end();
}
