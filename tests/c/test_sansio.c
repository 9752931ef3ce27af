/* Connections without a socket, over one of the test's own to the test server, however the bytes are cut. */
#include "engine_talk.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXCHANGES = 6, BODY = 20000 };

static char *uri_of(const struct server *server, const char *path)
{
    static char uri[100];
    snprintf(uri, sizeof uri, "http://127.0.0.1:%d%s", server_port(server, "http"), path);
    return uri;
}

static void flushed(void *user_data, bool written)
{
    *(int *)user_data += written ? 1 : 100;
}

/* Asks everything at once, and reads and writes `step` bytes at once. */
static void converse(const struct server *server, size_t step, struct told *told)
{
    static const char *const paths[EXCHANGES] = {"/bytes/3000", "/status/404", "/echo", "/trailers", "/chunked/70000",
                                                 "/trailers"};
    struct told connection = {0};
    struct told *exchanges[EXCHANGES];
    trunk_engine *engine = NULL;
    int pongs = 0, flushes = 0, rooms = 0, destroyed = 0;
    CHECK_OK(trunk_http2_new(NULL, &told_connection, &connection, &engine));
    for (int index = 0; index < EXCHANGES; index++) {
        trunk_upload *upload = NULL;
        bool has_body = index == 2 || index == 5;
        exchanges[index] = &told[index];
        CHECK_OK(talk_request(engine, has_body ? "POST" : "GET", uri_of(server, paths[index]), &told[index],
                              has_body ? &upload : NULL));
        if (!has_body)
            continue;
        char body[BODY];
        size_t room = 0;
        for (int byte = 0; byte < BODY; byte++)
            body[byte] = (char)('a' + byte % 26);
        CHECK_OK(trunk_upload_write(upload, trunk_bytes(body, BODY / 2)));
        CHECK_OK(trunk_upload_write(upload, trunk_bytes(body + BODY / 2, BODY / 2)));
        CHECK_OK(trunk_upload_room(upload, &room));
        CHECK(room == 256 * 1024 - BODY);
        CHECK_OK(trunk_upload_flush(upload, flushed, &flushes, NULL));
        CHECK_OK(trunk_upload_on_room(upload, told_wake, &rooms, NULL));
        trunk_header trailer = {trunk_text("X-Check"), trunk_text("done")};
        CHECK_OK(trunk_upload_close(upload, &trailer, index == 5));
        CHECK_STATUS(trunk_upload_write(upload, trunk_text("more")), TRUNK_ERROR_INVALID_STATE);
        CHECK_OK(trunk_upload_close(upload, NULL, 0));
        CHECK_OK(trunk_upload_free(upload));
    }
    CHECK_OK(trunk_http2_ping(engine, trunk_text("12345678"), told_wake, &pongs, count_destroy));
    CHECK_OK(trunk_http2_ping(engine, trunk_text(NULL), told_wake, &pongs, NULL));
    int descriptor = talk_connect(server_port(server, "http"));
    talk_pump(engine, descriptor, step, exchanges, EXCHANGES);
    CHECK_OK(trunk_http2_shutdown(engine));
    talk_pump(engine, descriptor, step, NULL, -1);
    /* Two answers, and the destruction of one. */
    CHECK(pongs == 3 && flushes == 2 && rooms == 2);
    trunk_write_operation operation = {0};
    CHECK_OK(trunk_engine_next_write_operation(engine, &operation));
    CHECK(operation.operation == TRUNK_OPERATION_CLOSE && operation.unsent == 0);
    trunk_operation next = 0;
    CHECK_OK(trunk_engine_next_read_operation(engine, &next));
    CHECK(next == TRUNK_OPERATION_CLOSE);
    CHECK_STATUS(talk_request(engine, "GET", "http://a/", &connection, NULL), TRUNK_ERROR_CLOSED);
    CHECK_STATUS(trunk_http2_ping(engine, trunk_text(NULL), told_wake, &pongs, count_destroy), TRUNK_ERROR_CLOSED);
    CHECK(pongs == 3);
    CHECK_OK(trunk_engine_yield_reader(engine, told_wake, &rooms, count_destroy));
    CHECK_OK(trunk_engine_yield_writer(engine, told_wake, &rooms, count_destroy));
    CHECK(rooms == 6 && destroyed == 0);
    for (int index = 0; index < EXCHANGES; index++) {
        CHECK(told[index].ended == 1 && told[index].destroyed == 1);
        CHECK_OK(trunk_answer_free(told[index].answer));
    }
    CHECK(connection.text[0] == '\0' && connection.destroyed == 1);
    CHECK_OK(trunk_engine_free(engine));
    close(descriptor);
}

static void test_pump(const struct server *server)
{
    static const size_t steps[] = {1, 2, 7, 100, 4096};
    struct told whole[EXCHANGES] = {0};
    converse(server, SIZE_MAX, whole);
    CHECK(strcmp(whole[0].text, "head 200;data;end;") == 0 && whole[0].bytes == 3000);
    CHECK(strcmp(whole[1].text, "head 404;data;end;") == 0 || strcmp(whole[1].text, "head 404;end;") == 0);
    CHECK(strcmp(whole[2].text, "head 200;data;end;") == 0 && whole[2].bytes == BODY);
    CHECK(strstr(whole[3].text, "trailers;trailer x-") != NULL);
    CHECK(strcmp(whole[4].text, "head 200;data;end;") == 0 && whole[4].bytes == 70000);
    CHECK(strstr(whole[5].text, "head 200;") == whole[5].text && strstr(whole[5].text, "end;") != NULL);
    for (size_t step = 0; step < sizeof steps / sizeof *steps; step++) {
        struct told cut[EXCHANGES] = {0};
        converse(server, steps[step], cut);
        for (int index = 0; index < EXCHANGES; index++) {
            CHECK(strcmp(cut[index].text, whole[index].text) == 0);
            CHECK(cut[index].bytes == whole[index].bytes && cut[index].sum == whole[index].sum);
        }
    }
}

static void resume_later(struct told *told)
{
    CHECK_OK(trunk_answer_read(told->answer));
    CHECK_STATUS(trunk_answer_read(told->answer), TRUNK_ERROR_INVALID_STATE);
    told->unread = true;
}

/* A body that is paused stops its own stream only. */
static void test_pause(const struct server *server)
{
    struct told connection = {0}, slow = {.flow = TRUNK_FLOW_PAUSE, .on_head = resume_later}, other = {0};
    struct told *const both[] = {&other};
    struct told *const paused[] = {&slow};
    trunk_http2_settings settings;
    trunk_engine *engine = NULL;
    CHECK_OK(trunk_http2_settings_init(&settings, sizeof settings));
    settings.stream_window = 5000;
    CHECK_OK(trunk_http2_new(&settings, &told_connection, &connection, &engine));
    CHECK_OK(talk_request(engine, "GET", uri_of(server, "/bytes/30000"), &slow, NULL));
    CHECK_OK(talk_request(engine, "GET", uri_of(server, "/bytes/100000"), &other, NULL));
    int descriptor = talk_connect(server_port(server, "http"));
    talk_pump(engine, descriptor, SIZE_MAX, both, 1);
    CHECK(other.bytes == 100000);
    CHECK(slow.ended == 0 && slow.bytes > 0 && slow.bytes <= 5000);
    uint64_t before = slow.bytes;
    CHECK_OK(trunk_answer_resume(slow.answer));
    CHECK(slow.bytes >= before && slow.ended == 0);
    slow.flow = TRUNK_FLOW_CONTINUE;
    CHECK_OK(trunk_answer_resume(slow.answer));
    talk_pump(engine, descriptor, SIZE_MAX, paused, 1);
    CHECK(slow.bytes == 30000 && slow.ended == 1);
    CHECK_OK(trunk_answer_free(slow.answer));
    CHECK_OK(trunk_answer_free(other.answer));
    CHECK_OK(trunk_engine_free(engine));
    CHECK(connection.destroyed == 1 && connection.text[0] == '\0');
    close(descriptor);
}

void test_sansio(const struct server *server)
{
    test_begin("sans-I/O: HTTP/2 however the bytes are cut");
    test_pump(server);
    test_end();
    test_begin("sans-I/O: a pause stops one stream");
    test_pause(server);
    test_end();
    test_sansio_frames();
    test_sansio_websocket(server);
    test_sansio_uploads(server);
    test_sansio_example(server);
}
