/* Connections without a socket: requests that are given up before their answers, bodies that are written in place, and what
 * HTTP/1.1 does not send or not take. */
#include "engine_talk.h"

#include <stdio.h>
#include <string.h>

static const uint8_t cancelled[] = {0, 0, 0, 8};
static const uint8_t refused[] = {0, 0, 0, 7};

/* What a handle of a request without a body is good for. */
static void check_handle(trunk_upload *upload)
{
    size_t room = 1;
    uint8_t *place = NULL;
    CHECK_STATUS(trunk_upload_write(upload, trunk_text("body")), TRUNK_ERROR_INVALID_STATE);
    CHECK_STATUS(trunk_upload_reserve(upload, 1, &place), TRUNK_ERROR_INVALID_STATE);
    CHECK_STATUS(trunk_upload_commit(upload, 0), TRUNK_ERROR_INVALID_STATE);
    CHECK_OK(trunk_upload_room(upload, &room));
    CHECK(room == 0 && place == NULL);
    CHECK_OK(trunk_upload_close(upload, NULL, 0));
}

static void test_http2(void)
{
    struct told connection = {0}, told[3] = {0};
    trunk_upload *uploads[3] = {NULL};
    uint8_t frames[2000];
    trunk_engine *engine = NULL;
    CHECK_OK(trunk_http2_new(NULL, &told_connection, &connection, &engine));
    for (int index = 0; index < 3; index++)
        CHECK_OK(talk_get(engine, "http://a/", &told[index], &uploads[index]));
    CHECK_OK(talk_get(engine, "http://a/", &connection, NULL));
    (void)talk_written(engine, SIZE_MAX, frames, sizeof frames);
    check_handle(uploads[0]);
    CHECK_OK(trunk_upload_cancel(uploads[0], 8));
    CHECK_OK(trunk_upload_cancel(uploads[0], 8));
    CHECK_OK(trunk_upload_cancel(uploads[1], 7));
    /* That changes nothing. */
    CHECK_OK(trunk_upload_free(uploads[2]));
    size_t size = talk_written(engine, SIZE_MAX, frames, sizeof frames);
    CHECK(frame_among(frames, size, RST_STREAM, 1, cancelled, 4));
    CHECK(frame_among(frames, size, RST_STREAM, 3, refused, 4));
    CHECK(!frame_among(frames, size, RST_STREAM, 5, NULL, 0));
    CHECK(told[0].ended == 0 && told[0].destroyed == 1 && told[1].destroyed == 1 && told[2].destroyed == 0);
    size = frame_put(frames, 0, SETTINGS, 0, 0, NULL, 0);
    size = frame_put(frames, size, HEADERS, END_HEADERS | END_STREAM, 5, "\x88", 1);
    CHECK(talk_feed(engine, frames, size, 1) == size);
    CHECK(strcmp(told[2].text, "head 200;end;") == 0);
    CHECK_OK(trunk_answer_free(told[2].answer));
    CHECK_OK(trunk_engine_free(engine));
    /* The handle outlives its engine. */
    CHECK_OK(trunk_upload_cancel(uploads[1], 7));
    CHECK_OK(trunk_upload_free(uploads[0]));
    CHECK_OK(trunk_upload_free(uploads[1]));
}

static void test_http1(void)
{
    struct told connection = {0}, told[3] = {0};
    trunk_upload *uploads[3] = {NULL};
    uint8_t bytes[1000];
    bool closed = true;
    trunk_engine *engine = NULL;
    CHECK_OK(trunk_http1_new(0, 0, &told_connection, &connection, &engine));
    for (int index = 0; index < 3; index++)
        CHECK_OK(talk_get(engine, "http://a/", &told[index], &uploads[index]));
    (void)talk_written(engine, SIZE_MAX, bytes, sizeof bytes);
    check_handle(uploads[1]);
    /* One that waits for its turn is only taken out. */
    CHECK_OK(trunk_upload_cancel(uploads[1], 8));
    CHECK_OK(trunk_engine_is_closed(engine, &closed));
    CHECK(!closed);
    static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";
    CHECK(talk_feed(engine, answer, sizeof answer - 1, 1) == sizeof answer - 1);
    CHECK(strcmp(told[0].text, "head 204;end;") == 0);
    CHECK(told[1].ended == 0 && told[1].destroyed == 1);
    CHECK(talk_written(engine, SIZE_MAX, bytes, sizeof bytes) > 0);
    CHECK_OK(trunk_upload_cancel(uploads[2], 8));
    CHECK_OK(trunk_engine_is_closed(engine, &closed));
    CHECK(closed && told[2].ended == 0 && told[2].destroyed == 1 && connection.text[0] == '\0');
    for (int index = 0; index < 3; index++)
        CHECK_OK(trunk_upload_free(uploads[index]));
    CHECK_OK(trunk_answer_free(told[0].answer));
    CHECK_OK(trunk_engine_free(engine));
}

/* The request that asked for an upgrade to HTTP/2. */
static void test_upgraded(void)
{
    struct told connection = {0}, told = {0};
    trunk_request_head request = {sizeof request, trunk_text("GET"), trunk_text("http://a/"), NULL, 0};
    trunk_upload *upload = NULL;
    uint8_t frames[1000];
    trunk_engine *engine = NULL, *plain = NULL;
    CHECK_OK(trunk_http2_new(NULL, &told_connection, &connection, &plain));
    CHECK_STATUS(trunk_http2_upgraded_request(plain, &upload), TRUNK_ERROR_INVALID_STATE);
    CHECK(upload == NULL);
    CHECK_OK(trunk_engine_free(plain));
    CHECK_OK(trunk_http2_new_after_upgrade(&request, &told_handlers, &told, NULL, &told_connection, &connection,
                                           &engine));
    CHECK_STATUS(trunk_http2_upgraded_request(engine, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_OK(trunk_http2_upgraded_request(engine, &upload));
    (void)talk_written(engine, SIZE_MAX, frames, sizeof frames);
    check_handle(upload);
    CHECK_OK(trunk_upload_cancel(upload, 8));
    size_t size = talk_written(engine, SIZE_MAX, frames, sizeof frames);
    CHECK(told.destroyed == 1 && told.ended == 0);
    CHECK(frame_among(frames, size, RST_STREAM, 1, cancelled, 4));
    CHECK_OK(trunk_upload_free(upload));
    CHECK_OK(trunk_engine_free(engine));
}

/* Pieces that are written where the library has room for them. */
static void test_in_place(void)
{
    static uint8_t frames[100000];
    struct told connection = {0}, told = {0};
    trunk_upload *upload = NULL;
    trunk_engine *engine = NULL;
    uint8_t *room = NULL;
    size_t there = 0, expected = 0, size;
    CHECK_OK(trunk_http2_new(NULL, &told_connection, &connection, &engine));
    CHECK_OK(talk_request(engine, "POST", "http://a/", &told, &upload));
    (void)talk_written(engine, SIZE_MAX, frames, sizeof frames);
    CHECK_STATUS(trunk_upload_reserve(upload, 0, &room), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_upload_reserve(upload, 256 * 1024 + 1, &room), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_upload_reserve(upload, 1, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_upload_commit(upload, 1), TRUNK_ERROR_INVALID_ARGUMENT);
    /* All of the room, little of it, none of it; and what was reserved before is gone. */
    static const size_t sizes[] = {1, 9000, 10000, 100, 4999, 5000, 0, 10000};
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        CHECK_OK(trunk_upload_reserve(upload, 7, &room));
        CHECK_OK(trunk_upload_reserve(upload, 10000, &room));
        memset(room, (int)('a' + index), sizes[index]);
        CHECK_STATUS(trunk_upload_commit(upload, 10001), TRUNK_ERROR_INVALID_ARGUMENT);
        CHECK_OK(trunk_upload_commit(upload, sizes[index]));
        CHECK_STATUS(trunk_upload_commit(upload, 1), TRUNK_ERROR_INVALID_ARGUMENT);
        expected += sizes[index];
    }
    CHECK_OK(trunk_upload_room(upload, &there));
    CHECK(there == 256 * 1024 - expected);
    CHECK_OK(trunk_upload_close(upload, NULL, 0));
    CHECK_STATUS(trunk_upload_commit(upload, 0), TRUNK_ERROR_INVALID_STATE);
    size = talk_written(engine, SIZE_MAX, frames, sizeof frames);
    size_t place = 0, piece = 0, left = sizes[0];
    bool ended = false;
    while (place + 9 <= size) {
        const uint8_t *frame = frames + place;
        size_t length = (size_t)frame[0] << 16 | (size_t)frame[1] << 8 | frame[2];
        CHECK(frame[3] == DATA && !ended);
        ended = (frame[4] & END_STREAM) != 0;
        for (size_t index = 0; index < length; index++) {
            while (left == 0)
                left = sizes[++piece];
            CHECK(frame[9 + index] == 'a' + piece);
            left--;
            expected--;
        }
        place += 9 + length;
    }
    CHECK(ended && expected == 0);
    CHECK_OK(trunk_upload_free(upload));
    CHECK_OK(trunk_engine_free(engine));
}

static void test_http1_faults(void)
{
    struct told connection = {0}, told = {0}, refused_one = {0};
    const trunk_header coding = {trunk_text("transfer-encoding"), trunk_text("gzip")};
    const trunk_request_head coded = {sizeof coded, trunk_text("POST"), trunk_text("http://a/"), &coding, 1};
    trunk_upload *upload = NULL;
    uint8_t bytes[1000];
    trunk_engine *engine = NULL;
    CHECK_OK(trunk_http1_new(0, 0, &told_connection, &connection, &engine));
    CHECK_STATUS(trunk_engine_request(engine, &coded, &told_handlers, &refused_one, &upload),
                 TRUNK_ERROR_INVALID_ARGUMENT);
    const trunk_view message = trunk_last_error_message();
    char text[200];
    snprintf(text, sizeof text, "%.*s", (int)message.size, (const char *)message.data);
    CHECK(upload == NULL && strstr(text, "transfer-encoding") != NULL);
    CHECK_OK(talk_get(engine, "http://a/", &told, NULL));
    (void)talk_written(engine, SIZE_MAX, bytes, sizeof bytes);
    static const char answer[] = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc";
    CHECK(talk_feed(engine, answer, sizeof answer - 1, 1) == sizeof answer - 1);
    CHECK_OK(trunk_engine_read_eof(engine));
    CHECK(strcmp(told.text, "head 200;data;length 3 of 5;") == 0 && told.bytes == 3);
    CHECK_OK(trunk_answer_free(told.answer));
    CHECK_OK(trunk_engine_free(engine));
}

void test_sansio_uploads(const struct server *server)
{
    (void)server;
    test_begin("sans-I/O: requests are given up before their answers");
    test_http2();
    test_http1();
    test_upgraded();
    test_end();
    test_begin("sans-I/O: bodies written in place");
    test_in_place();
    test_end();
    test_begin("sans-I/O: HTTP/1.1 bodies that are cut off, and codings that cannot be sent");
    test_http1_faults();
    test_end();
}
