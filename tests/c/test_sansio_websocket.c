/* HTTP/1.1 and WebSockets without a socket: the upgrade by one engine, the messages by another, over one transport. */
#include "engine_talk.h"

#include <string.h>
#include <unistd.h>

struct socket_told {
    char text[1000];
    uint64_t bytes;
    int ended, destroyed, rooms;
    trunk_flow flow;
    /* What came behind the 101. */
    uint8_t rest[1000];
    size_t rest_size;
    trunk_handshake *handshake;
};

static void note(struct socket_told *told, const char *what, int number)
{
    size_t size = strlen(told->text);
    snprintf(told->text + size, sizeof told->text - size, "%s %d;", what, number);
}

static trunk_flow on_frame(void *user_data, const trunk_message *message)
{
    struct socket_told *told = user_data;
    static const char *const kinds[] = {[TRUNK_FRAME_TEXT] = "text", [TRUNK_FRAME_BINARY] = "binary",
                                        [TRUNK_FRAME_CLOSE] = "close", [TRUNK_FRAME_PING] = "ping",
                                        [TRUNK_FRAME_PONG] = "pong"};
    note(told, kinds[message->kind], message->kind == TRUNK_FRAME_CLOSE ? message->code : (int)message->payload.size);
    told->bytes += message->payload.size;
    return told->flow;
}

static void on_closed(void *user_data, trunk_status status, uint16_t code, trunk_view message)
{
    struct socket_told *told = user_data;
    CHECK((status == TRUNK_OK) == (message.size == 0));
    note(told, status == TRUNK_OK ? "closed" : "failed", status == TRUNK_OK ? code : status);
    told->ended++;
}

static void on_destroy(void *user_data)
{
    ((struct socket_told *)user_data)->destroyed++;
}

static void on_room(void *user_data)
{
    ((struct socket_told *)user_data)->rooms++;
}

static const trunk_websocket_handlers handlers = {
    .size = sizeof handlers, .frame = on_frame, .closed = on_closed, .destroy = on_destroy};

static void on_upgraded(void *user_data, uint16_t status, const trunk_header *fields, size_t count, trunk_view rest)
{
    struct socket_told *told = ((struct told *)user_data)->context;
    CHECK_OK(trunk_handshake_check(told->handshake, status, fields, count));
    CHECK(rest.size <= sizeof told->rest);
    memcpy(told->rest, rest.data, rest.size);
    told->rest_size = rest.size;
    ((struct told *)user_data)->ended++;
}

/* Asks for a WebSocket over HTTP/1.1; the engine of the WebSocket. */
static trunk_engine *upgrade(const struct server *server, int descriptor, size_t step, const trunk_deflate *deflate,
                             struct socket_told *socket_told)
{
    struct told connection = {0}, told = {.context = socket_told};
    struct told *const all[] = {&told};
    trunk_exchange_handlers exchange = told_handlers;
    trunk_header fields[10];
    size_t count = 0;
    char uri[100];
    trunk_engine *engine = NULL;
    exchange.upgraded = on_upgraded;
    CHECK_OK(trunk_handshake_new_deflate(NULL, 0, deflate, &socket_told->handshake));
    CHECK_STATUS(trunk_websocket_engine_new(socket_told->handshake, NULL, &handlers, socket_told, &engine),
                 TRUNK_ERROR_INVALID_STATE);
    do
        CHECK_OK(trunk_handshake_field(socket_told->handshake, count, &fields[count]));
    while (fields[count].name.data != NULL && ++count < 10);
    CHECK(count == (deflate == NULL ? 4 : 5));
    snprintf(uri, sizeof uri, "http://127.0.0.1:%d/ws", server_port(server, "http"));
    trunk_request_head request = {sizeof request, trunk_text("GET"), trunk_text(uri), fields, count};
    CHECK_OK(trunk_http1_new(0, 0, &told_connection, &connection, &engine));
    CHECK_OK(trunk_engine_request(engine, &request, &exchange, &told, NULL));
    talk_pump(engine, descriptor, step, all, 1);
    CHECK(told.text[0] == '\0' && told.destroyed == 1 && connection.text[0] == '\0');
    CHECK_OK(trunk_engine_free(engine));
    CHECK_OK(trunk_websocket_engine_new(socket_told->handshake, NULL, &handlers, socket_told, &engine));
    CHECK_OK(trunk_handshake_free(socket_told->handshake));
    CHECK(talk_feed(engine, socket_told->rest, socket_told->rest_size, step) == socket_told->rest_size);
    return engine;
}

static trunk_status send_message(trunk_engine *engine, trunk_frame_kind kind, const char *payload, size_t size)
{
    trunk_message message = {.kind = kind, .payload = trunk_bytes(payload, size), .code = 0, .more = false};
    return trunk_websocket_engine_send(engine, &message);
}

static void test_messages(const struct server *server, size_t step, const trunk_deflate *deflate)
{
    static char large[70000];
    struct socket_told told = {0};
    int descriptor = talk_connect(server_port(server, "http"));
    trunk_engine *engine = upgrade(server, descriptor, step, deflate, &told);
    CHECK_OK(send_message(engine, TRUNK_FRAME_TEXT, "hello", 5));
    CHECK_OK(send_message(engine, TRUNK_FRAME_BINARY, large, sizeof large));
    CHECK_OK(send_message(engine, TRUNK_FRAME_PING, "are you there", 13));
    trunk_message bye = {.kind = TRUNK_FRAME_CLOSE, .payload = trunk_text("enough"), .code = 1000, .more = false};
    CHECK_OK(trunk_websocket_engine_send(engine, &bye));
    CHECK_STATUS(send_message(engine, TRUNK_FRAME_TEXT, "late", 4), TRUNK_ERROR_INVALID_STATE);
    talk_pump(engine, descriptor, step, NULL, -1);
    CHECK(strstr(told.text, "text 5;binary 70000;") != NULL && strstr(told.text, "pong 13;") != NULL);
    CHECK(strstr(told.text, "close 1000;closed 1000;") != NULL && told.ended == 1 && told.destroyed == 1);
    CHECK_STATUS(trunk_websocket_engine_on_room(engine, on_room, &told, on_destroy), TRUNK_ERROR_CLOSED);
    CHECK_OK(trunk_engine_free(engine));
    CHECK(told.destroyed == 1);
    close(descriptor);
}

/* Frames by hand, settings, and what is refused. */
static void test_alone(void)
{
    struct socket_told told = {.flow = TRUNK_FLOW_PAUSE};
    struct told other = {0};
    uint8_t bytes[2000];
    trunk_websocket_settings settings = {.size = sizeof settings, .send_buffer = 100, .max_message_bytes = 10};
    trunk_websocket_handlers none = handlers;
    trunk_engine *engine = NULL, *http = NULL;
    trunk_handshake *handshake = NULL;
    none.frame = NULL;
    CHECK_STATUS(trunk_websocket_engine_new(NULL, NULL, &none, &told, &engine), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_websocket_engine_new(NULL, NULL, NULL, &told, &engine), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_websocket_engine_new(NULL, NULL, &handlers, &told, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_OK(trunk_handshake_new(NULL, 0, true, &handshake));
    CHECK_STATUS(trunk_handshake_check(handshake, 200, NULL, 0), TRUNK_ERROR_WEBSOCKET_REJECTED);
    CHECK_STATUS(trunk_handshake_check(handshake, 101, NULL, 0), TRUNK_ERROR_WEBSOCKET_HANDSHAKE);
    CHECK_STATUS(trunk_handshake_check(handshake, 7, NULL, 0), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_websocket_engine_new(handshake, NULL, &handlers, &told, &engine), TRUNK_ERROR_INVALID_STATE);
    CHECK_OK(trunk_handshake_free(handshake));
    CHECK(engine == NULL && told.destroyed == 0);

    CHECK_OK(trunk_websocket_engine_new(NULL, &settings, &handlers, &told, &engine));
    CHECK_STATUS(send_message(engine, 77, "", 0), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_websocket_engine_send(engine, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(send_message(engine, TRUNK_FRAME_TEXT, "\xff", 1), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_OK(send_message(engine, TRUNK_FRAME_BINARY, (const char *)bytes, 1000));
    CHECK_STATUS(send_message(engine, TRUNK_FRAME_TEXT, "more", 4), TRUNK_ERROR_AGAIN);
    CHECK_OK(trunk_websocket_engine_on_room(engine, on_room, &told, NULL));
    CHECK(talk_written(engine, 3, bytes, sizeof bytes) == 1000 + 8 && told.rooms == 1);
    CHECK(talk_feed(engine, "\x81\x01" "a\x81\x01" "b\x82\x0b", 8, 1) == 8);
    CHECK(strcmp(told.text, "text 1;") == 0);
    CHECK_OK(trunk_websocket_engine_resume(engine));
    CHECK(strcmp(told.text, "text 1;text 1;") == 0);
    CHECK_OK(trunk_websocket_engine_resume(engine));
    CHECK(strstr(told.text, "failed ") != NULL && told.ended == 1 && told.destroyed == 1);
    size_t size = talk_written(engine, 1, bytes, sizeof bytes);
    CHECK(size == 8 && bytes[0] == 0x88 && ((bytes[6] ^ bytes[2]) << 8 | (bytes[7] ^ bytes[3])) == 1009);

    /* Each engine speaks one protocol. */
    CHECK_STATUS(trunk_http1_new(0, 100, &told_connection, &other, &http), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_OK(trunk_http1_new(10, 10000, &told_connection, &other, &http));
    CHECK_STATUS(trunk_http2_shutdown(http), TRUNK_ERROR_INVALID_HANDLE);
    CHECK_STATUS(trunk_http2_ping(http, trunk_text(NULL), told_wake, &other, NULL), TRUNK_ERROR_INVALID_HANDLE);
    CHECK_STATUS(send_message(http, TRUNK_FRAME_TEXT, "", 0), TRUNK_ERROR_INVALID_HANDLE);
    CHECK_STATUS(trunk_http1_shutdown(engine), TRUNK_ERROR_INVALID_HANDLE);
    CHECK_STATUS(talk_request(engine, "GET", "http://a/", &other, NULL), TRUNK_ERROR_INVALID_HANDLE);
    CHECK_OK(trunk_engine_free(http));
    CHECK_OK(trunk_engine_free(engine));
    CHECK(other.destroyed == 1 && told.destroyed == 1);
}

/* The value of a field that the request has to have. */
static bool asks_for(const trunk_handshake *handshake, const char *name, const char *value)
{
    trunk_header field;
    for (size_t index = 0;; index++) {
        CHECK_OK(trunk_handshake_field(handshake, index, &field));
        if (field.name.data == NULL)
            return false;
        if (view_is(field.name, name))
            return view_is(field.value, value);
    }
}

/* What is offered of compression. */
static void test_offers(void)
{
    static const char name[] = "sec-websocket-extensions";
    trunk_deflate deflate = {.size = sizeof deflate};
    trunk_handshake *handshake = NULL;
    CHECK_OK(trunk_handshake_new_deflate(NULL, 0, NULL, &handshake));
    CHECK(!asks_for(handshake, name, ""));
    CHECK_OK(trunk_handshake_free(handshake));
    CHECK_OK(trunk_handshake_new_deflate(NULL, 0, &deflate, &handshake));
    CHECK(asks_for(handshake, name, "permessage-deflate; client_max_window_bits"));
    CHECK_OK(trunk_handshake_free(handshake));
    deflate.server_max_window_bits = 10;
    deflate.client_max_window_bits = 9;
    deflate.server_no_context_takeover = true;
    deflate.client_no_context_takeover = true;
    CHECK_OK(trunk_handshake_new_deflate(NULL, 0, &deflate, &handshake));
    CHECK(asks_for(handshake, name,
                   "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                   "server_max_window_bits=10; client_max_window_bits=9"));
    CHECK_OK(trunk_handshake_free(handshake));
    handshake = NULL;
    deflate.level = 10;
    CHECK_STATUS(trunk_handshake_new_deflate(NULL, 0, &deflate, &handshake), TRUNK_ERROR_INVALID_ARGUMENT);
    deflate.level = 1;
    deflate.client_max_window_bits = 8;
    CHECK_STATUS(trunk_handshake_new_deflate(NULL, 0, &deflate, &handshake), TRUNK_ERROR_INVALID_ARGUMENT);
    deflate.size = 0;
    CHECK_STATUS(trunk_handshake_new_deflate(NULL, 0, &deflate, &handshake), TRUNK_ERROR_INVALID_ARGUMENT);
    deflate = (trunk_deflate){.size = sizeof deflate};
    CHECK_STATUS(trunk_handshake_new_deflate(NULL, 0, &deflate, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK(handshake == NULL);
}

/* Exchanges one after the other, the last with an upload and trailers. */
static void test_http1(const struct server *server, size_t step)
{
    struct told connection = {0}, told[3] = {0};
    struct told *const all[] = {&told[0], &told[1], &told[2]};
    char uri[3][100];
    trunk_engine *engine = NULL;
    trunk_upload *upload = NULL;
    static const char *const paths[] = {"/bytes/3000", "/trailers", "/trailers"};
    const trunk_header announced = {trunk_text("trailer"), trunk_text("x-check")};
    const trunk_header trailer = {trunk_text("x-check"), trunk_text("done")};
    for (int index = 0; index < 3; index++)
        snprintf(uri[index], sizeof uri[index], "http://127.0.0.1:%d%s", server_port(server, "http"), paths[index]);
    CHECK_OK(trunk_http1_new(0, 0, &told_connection, &connection, &engine));
    CHECK_OK(talk_request(engine, "GET", uri[0], &told[0], NULL));
    CHECK_OK(talk_request(engine, "GET", uri[1], &told[1], NULL));
    trunk_request_head request = {sizeof request, trunk_text("POST"), trunk_text(uri[2]), &announced, 1};
    CHECK_OK(trunk_engine_request(engine, &request, &told_handlers, &told[2], &upload));
    CHECK_OK(trunk_upload_write(upload, trunk_text("some bytes")));
    CHECK_OK(trunk_upload_close(upload, &trailer, 1));
    CHECK_OK(trunk_upload_free(upload));
    int descriptor = talk_connect(server_port(server, "http"));
    talk_pump(engine, descriptor, step, all, 3);
    CHECK_OK(trunk_http1_shutdown(engine));
    talk_pump(engine, descriptor, step, NULL, -1);
    CHECK(strcmp(told[0].text, "head 200;data;end;") == 0 && told[0].bytes == 3000);
    CHECK(strcmp(told[2].text, "head 200;data;end;") == 0 && told[2].bytes >= strlen("{\"x-check\":\"done\"}"));
    for (int index = 0; index < 3; index++) {
        CHECK(told[index].destroyed == 1);
        CHECK_OK(trunk_answer_free(told[index].answer));
    }
    CHECK(connection.destroyed == 1 && connection.text[0] == '\0');
    CHECK_OK(trunk_engine_free(engine));
    close(descriptor);
}

void test_sansio_websocket(const struct server *server)
{
    test_begin("sans-I/O: HTTP/1.1 however the bytes are cut");
    test_http1(server, 1);
    test_http1(server, SIZE_MAX);
    test_end();
    test_begin("sans-I/O: WebSockets however the bytes are cut");
    static const trunk_deflate offers[] = {
        {.size = sizeof offers[0]},
        {.size = sizeof offers[0], .level = 9, .threshold = 1, .server_max_window_bits = 9,
         .client_max_window_bits = 9, .client_no_context_takeover = true, .server_no_context_takeover = true}};
    for (int index = 0; index < 3; index++) {
        test_messages(server, 1, index == 0 ? NULL : &offers[index - 1]);
        test_messages(server, SIZE_MAX, index == 0 ? NULL : &offers[index - 1]);
    }
    test_offers();
    test_alone();
    test_end();
}
