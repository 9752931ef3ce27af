/* WebSockets: reconnects, back pressure, silence, answers that refuse. */
#define _GNU_SOURCE
#include "websockets.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "socket_peer.h"

static void refuse(struct peer *peer, int descriptor, int number)
{
    char head[2000];
    (void)peer;
    (void)number;
    if (peer_read_head(descriptor, head, sizeof head))
        peer_say(descriptor, "HTTP/1.1 403 Forbidden\r\nx-why: mood\r\ncontent-length: 6\r\n\r\nnot so");
}

static void refused(enum delivery delivery, bool is_inline)
{
    struct peer peer;
    peer_start(&peer, refuse, NULL);
    trunk_manager *manager = manager_make(manager_options(is_inline));
    trunk_request_options *options = websocket_options(peer.port);
    struct exchange *exchange = exchange_new(manager, delivery);
    CHECK_OK(exchange_submit(exchange, options));
    exchanges_run(&exchange, 1, is_inline, PATIENCE);
    const struct record *head = exchange_find(exchange, TRUNK_PART_HEAD);
    const struct record *data = exchange_find(exchange, TRUNK_PART_DATA);
    CHECK(head != NULL && head->status == 403 && cJSON_GetArraySize(head->headers) == 2);
    CHECK(data != NULL && data->size == 6 && memcmp(data->data, "not so", 6) == 0);
    CHECK_STATUS(exchange_end(exchange), TRUNK_ERROR_WEBSOCKET_REJECTED);
    exchange_free(exchange);
    CHECK_OK(trunk_request_options_free(options));
    CHECK_OK(trunk_manager_free(manager));
    peer_stop(&peer);
}

/* ---- Peers that fall silent ---- */

/* Accepts, and reads nothing until the client has gone, or the test ends: behind what is not read its end does not come. */
static void sleep_on(struct peer *peer, int descriptor, int number)
{
    char head[2000];
    (void)number;
    if (!socket_accept(descriptor, head, sizeof head))
        return;
    struct pollfd ends[] = {{.fd = descriptor, .events = POLLRDHUP}, {.fd = peer->listener, .events = POLLRDHUP}};
    poll(ends, 2, -1);
}

static void silent(bool is_inline)
{
    struct peer peer;
    peer_start(&peer, sleep_on, NULL);
    trunk_manager_options *options = manager_options(is_inline);
    CHECK_OK(trunk_manager_options_set_websocket_close_timeout(options, 50));
    CHECK_OK(trunk_manager_options_set_websocket_ping_timeout(options, 50));
    trunk_manager *manager = manager_make(options);
    trunk_request *socket = websocket_open(manager, peer.port);
    CHECK_OK(trunk_websocket_close(socket, 0, trunk_text(NULL)));
    const trunk_part *part = websocket_next(socket, TRUNK_PART_ERROR);
    CHECK(trunk_part_error(part) == TRUNK_ERROR_CONNECTION_CLOSED);
    CHECK_OK(trunk_request_free(socket));
    trunk_request_options *request = websocket_options(peer.port);
    CHECK_OK(trunk_request_options_set_websocket_ping_interval(request, 20));
    socket = websocket_open_with(manager, request);
    part = websocket_next(socket, TRUNK_PART_ERROR);
    CHECK(trunk_part_error(part) == TRUNK_ERROR_IDLE_TIMEOUT);
    CHECK_OK(trunk_request_free(socket));
    CHECK_OK(trunk_manager_free(manager));
    peer_stop(&peer);
}

/* Messages of 16 MiB to a peer that does not read: few are taken, and another socket goes on. */
static void back_pressure(const struct server *server, bool is_inline)
{
    enum { LARGE = 16 << 20, MOST = 4 };
    struct peer peer;
    peer_start(&peer, sleep_on, NULL);
    trunk_manager *manager = manager_make(manager_options(is_inline));
    trunk_request *stuck = websocket_open(manager, peer.port);
    trunk_request *other = websocket_open(manager, server_port(server, "http"));
    uint8_t *large = calloc(1, LARGE);
    trunk_message message = {.kind = TRUNK_FRAME_BINARY, .payload = trunk_bytes(large, LARGE)};
    int taken = 0;
    for (int round = 0; round < 20; round++) {
        size_t count = 0;
        trunk_status status = trunk_websocket_send_many(stuck, &message, 1, &count);
        taken += status == TRUNK_OK;
        if (status != TRUNK_OK)
            CHECK_STATUS(status, TRUNK_ERROR_AGAIN);
        trunk_message echo = websocket_text("still here");
        CHECK_OK(trunk_websocket_send_many(other, &echo, 1, &count));
        CHECK_OK(trunk_websocket_recv_many(other, slow(PATIENCE), &echo, 1, &count));
        CHECK(count == 1 && view_is(echo.payload, "still here"));
    }
    CHECK(taken >= 1 && taken <= MOST);
    free(large);
    CHECK_OK(trunk_request_free(stuck));
    websocket_close_all(other, manager);
    peer_stop(&peer);
}

/* ---- Reconnects ---- */

struct resumed {
    int destroyed, asked;
    trunk_message messages[2];
};

static size_t say_first(void *user_data, uint16_t status, const trunk_header *headers, size_t count,
                        const trunk_message **messages)
{
    struct resumed *resumed = user_data;
    bool found = false;
    for (size_t i = 0; i < count; i++)
        found |= view_is(headers[i].name, "upgrade") && view_is(headers[i].value, "websocket");
    CHECK(status == 101 && found);
    __atomic_add_fetch(&resumed->asked, 1, __ATOMIC_SEQ_CST);
    *messages = resumed->messages;
    return 2;
}

static void count_destroyed(void *user_data)
{
    __atomic_add_fetch(&((struct resumed *)user_data)->destroyed, 1, __ATOMIC_SEQ_CST);
}

/* Is lost at first, then closes with 4000, then takes what is said first and says goodbye. */
static void come_and_go(struct peer *peer, int descriptor, int number)
{
    char head[2000];
    struct socket_frame frame;
    (void)peer;
    if (!socket_accept(descriptor, head, sizeof head))
        return;
    if (number == 0) {
        peer_reset(descriptor);
        return;
    }
    for (int i = 0; i < 2; i++) {
        CHECK(socket_hear(descriptor, &frame) && frame.first == (FIN | (i == 0 ? TEXT : BINARY)));
        CHECK(frame.size == 5 && memcmp(frame.payload, i == 0 ? "again" : "bytes", 5) == 0);
    }
    uint16_t code = number == 1 ? 4000 : 1000;
    uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    socket_say(descriptor, FIN | CLOSE, payload, 2);
    socket_hear(descriptor, &frame);
}

static void reconnect(enum delivery delivery, bool is_inline)
{
    static const uint16_t codes[] = {1011, 4000};
    struct resumed resumed = {
        .messages = {websocket_text("again"), {.kind = TRUNK_FRAME_BINARY, .payload = trunk_text("bytes")}}};
    struct peer peer;
    peer_start(&peer, come_and_go, NULL);
    trunk_manager *manager = manager_make(manager_options(is_inline));
    trunk_request_options *options = websocket_options(peer.port);
    CHECK_OK(trunk_request_options_set_websocket_reconnect(options, true));
    CHECK_OK(trunk_request_options_set_websocket_reconnect_pauses(options, 1, 5, 3));
    CHECK_OK(trunk_request_options_set_websocket_reconnect_queue(options, 1000));
    CHECK_OK(trunk_request_options_set_websocket_reconnect_codes(options, codes, 2));
    CHECK_STATUS(trunk_request_options_set_websocket_reconnect_codes(options, NULL, 1), TRUNK_ERROR_NULL_POINTER);
    CHECK_OK(trunk_request_options_set_websocket_resume(options, say_first, &resumed, count_destroyed));
    struct exchange *exchange = exchange_new(manager, delivery);
    CHECK_OK(exchange_submit(exchange, options));
    CHECK_OK(trunk_request_options_free(options));
    exchanges_run(&exchange, 1, is_inline, PATIENCE);
    CHECK_STATUS(exchange_end(exchange), TRUNK_OK);
    int again = 0;
    for (size_t i = 0; i < exchange->count; i++)
        again += exchange->records[i].kind == TRUNK_PART_RECONNECTED && exchange->records[i].status == 101;
    CHECK(again == 2 && resumed.asked == 2);
    exchange_free(exchange);
    CHECK_OK(trunk_manager_free(manager));
    CHECK(resumed.destroyed == 1);
    peer_stop(&peer);
}

/* Each callback that is given up is destroyed, once. */
static void resume_ownership(void)
{
    struct resumed first = {0}, second = {0}, third = {0};
    trunk_manager_options *options = manager_options(true);
    CHECK_OK(trunk_manager_options_set_websocket_resume(options, say_first, &first, count_destroyed));
    CHECK_OK(trunk_manager_options_set_websocket_resume(options, say_first, &second, count_destroyed));
    CHECK(first.destroyed == 1 && second.destroyed == 0);
    CHECK_OK(trunk_manager_options_set_websocket_reconnect_queue(options, 5));
    CHECK_OK(trunk_manager_options_set_websocket_reconnect(options, true));
    CHECK(second.destroyed == 0);
    CHECK_OK(trunk_manager_options_set_websocket_resume(options, NULL, &third, count_destroyed));
    CHECK(second.destroyed == 1 && third.destroyed == 1);
    CHECK_OK(trunk_manager_options_set_websocket_resume(options, say_first, &first, count_destroyed));
    CHECK_OK(trunk_manager_options_set_websocket_reconnect(options, false));
    CHECK(first.destroyed == 2);
    CHECK_OK(trunk_manager_options_free(options));
    CHECK(first.destroyed == 2 && second.destroyed == 1 && third.destroyed == 1);
}

static void too_large(const struct server *server)
{
    trunk_manager *manager = manager_make(manager_options(true));
    trunk_request_options *options = websocket_options(server_port(server, "http"));
    CHECK_STATUS(trunk_request_options_set_websocket_max_message_bytes(options, 0), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_OK(trunk_request_options_set_websocket_max_message_bytes(options, 10));
    trunk_request *socket = websocket_open_with(manager, options);
    CHECK_OK(trunk_websocket_send(socket, TRUNK_FRAME_TEXT, trunk_text("ten bytes.")));
    websocket_next(socket, TRUNK_PART_FRAME);
    CHECK_OK(trunk_websocket_send(socket, TRUNK_FRAME_TEXT, trunk_text("more than that")));
    const trunk_part *part = websocket_next(socket, TRUNK_PART_ERROR);
    CHECK(trunk_part_error(part) == TRUNK_ERROR_WEBSOCKET_TOO_LARGE);
    CHECK_OK(trunk_request_free(socket));
    CHECK_OK(trunk_manager_free(manager));
}

/* Over HTTP/2 or not at all, as the manager says: the server offers no RFC 8441. */
static void over_http2(const struct server *server)
{
    trunk_manager_options *options = manager_options(true);
    CHECK_STATUS(trunk_manager_options_set_websocket_http(options, 7), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_OK(trunk_manager_options_set_websocket_http(options, TRUNK_HTTP_2));
    CHECK_OK(trunk_manager_options_set_tls_ca_file(options, trunk_text(server_file(server, "ca"))));
    trunk_manager *manager = manager_make(options);
    char url[100];
    trunk_request_options *request = NULL;
    snprintf(url, sizeof url, "wss://localhost:%d/ws", server_port(server, "https"));
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text(url), &request));
    struct exchange *exchange = exchange_new(manager, RECV);
    CHECK_OK(exchange_submit(exchange, request));
    exchanges_run(&exchange, 1, true, PATIENCE);
    CHECK_STATUS(exchange_end(exchange), TRUNK_ERROR_PROTOCOL_NOT_NEGOTIATED);
    exchange_free(exchange);
    CHECK_OK(trunk_request_options_free(request));
    CHECK_OK(trunk_manager_free(manager));
}

void test_websocket_ends(const struct server *server)
{
    char title[100], name[60];
    for (int is_inline = 0; is_inline < 2; is_inline++) {
        RUN("silent peers", silent(is_inline));
        RUN("a peer that does not read", back_pressure(server, is_inline));
        for (enum delivery delivery = RECV; delivery <= CALLBACK; delivery++) {
            snprintf(name, sizeof name, "refused by %s", delivery_names[delivery]);
            RUN(name, refused(delivery, is_inline));
            snprintf(name, sizeof name, "opened again by %s", delivery_names[delivery]);
            RUN(name, reconnect(delivery, is_inline));
        }
    }
    int is_inline = 1;
    RUN("the callback of a resume", resume_ownership());
    RUN("too large", too_large(server));
    RUN("HTTP/2 asked for", over_http2(server));
}
