/* WebSockets: batches, fragments, pings, reconnects, back pressure, answers that refuse. */
#define _GNU_SOURCE
#include "harness.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "socket_peer.h"

enum { PATIENCE = 10000, MANY = 300, FIN = 0x80, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

static trunk_request_options *get(int port)
{
    char url[100];
    trunk_request_options *options = NULL;
    snprintf(url, sizeof url, "ws://127.0.0.1:%d/ws", port);
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text(url), &options));
    return options;
}

/* Opens one and takes its head. */
static trunk_request *open_with(trunk_manager *manager, trunk_request_options *options)
{
    trunk_request *socket = NULL;
    const trunk_part *part = NULL;
    trunk_message message;
    size_t count = 7;
    CHECK_OK(trunk_manager_submit_recv(manager, options, &socket));
    CHECK_OK(trunk_request_options_free(options));
    /* The head is no message: it is left to trunk_request_recv. */
    CHECK_OK(trunk_websocket_recv_many(socket, slow(PATIENCE), &message, 1, &count));
    CHECK(count == 0);
    CHECK_OK(trunk_request_recv(socket, 0, &part));
    CHECK(trunk_part_kind(part) == TRUNK_PART_HEAD && trunk_part_status(part) == 101);
    return socket;
}

static trunk_request *open_at(trunk_manager *manager, int port)
{
    return open_with(manager, get(port));
}

/* Takes the next part, which is of this kind. */
static const trunk_part *next(trunk_request *socket, trunk_kind kind)
{
    const trunk_part *part = NULL;
    CHECK_OK(trunk_request_recv(socket, slow(PATIENCE), &part));
    if (part != NULL && trunk_part_kind(part) != kind) {
        trunk_view message = trunk_part_error_message(part);
        test_fail(__FILE__, __LINE__, "a part of kind %d, not %d: %.*s", trunk_part_kind(part), kind,
                  (int)message.size, (const char *)message.data);
    }
    return part;
}

static trunk_message text(const char *payload)
{
    return (trunk_message){.kind = TRUNK_FRAME_TEXT, .payload = trunk_text(payload)};
}

/* Closes and takes what is left, to the end. */
static void close_all(trunk_request *socket, trunk_manager *manager)
{
    trunk_message message;
    size_t count = 0;
    CHECK_OK(trunk_websocket_close(socket, 1000, trunk_text("enough")));
    CHECK_OK(trunk_websocket_recv_many(socket, slow(PATIENCE), &message, 1, &count));
    CHECK(count == 1 && message.kind == TRUNK_FRAME_CLOSE && message.code == 1000 && !message.more);
    CHECK_OK(trunk_websocket_recv_many(socket, slow(PATIENCE), &message, 1, &count));
    CHECK(count == 0);
    next(socket, TRUNK_PART_DONE);
    CHECK_STATUS(trunk_websocket_recv_many(socket, -1, &message, 1, &count), TRUNK_ERROR_END_OF_PARTS);
    CHECK_OK(trunk_request_free(socket));
    CHECK_OK(trunk_manager_free(manager));
}

/* ---- Batches ---- */

static const size_t sizes[] = {0, 1, 125, 126, 127, 1000, 65535, 65536, 65537, 200000};

static size_t size_of(size_t index)
{
    return index % 20 == 0 ? sizes[index / 20 % (sizeof sizes / sizeof *sizes)] : index;
}

/* Sends MANY messages through a queue that is too small for them, and takes them back `room` at a time. */
static void batches(const struct server *server, bool is_inline, size_t room)
{
    static uint8_t payload[200001];
    trunk_message all[MANY], taken[MANY];
    size_t sent = 0, received = 0, refused = 0;
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < MANY; i++)
        all[i] = (trunk_message){.kind = TRUNK_FRAME_BINARY, .payload = trunk_bytes(payload + i % 2, size_of(i))};
    trunk_manager_options *options = manager_options(is_inline);
    CHECK_OK(trunk_manager_options_set_websocket_send_buffer(options, 30000));
    trunk_manager *manager = manager_make(options);
    trunk_request_options *request = get(server_port(server, "http"));
    CHECK_OK(trunk_request_options_set_credit(request, 100000));
    trunk_request *socket = open_with(manager, request);
    while (received < MANY && !test_failed()) {
        while (sent < MANY) {
            size_t some = 99999;
            trunk_status status = trunk_websocket_send_many(socket, all + sent, MANY - sent, &some);
            if (status == TRUNK_ERROR_AGAIN) {
                CHECK(some == 99999);
                refused++;
                break;
            }
            CHECK_OK(status);
            CHECK(status == TRUNK_OK && some > 0 && some <= MANY - sent);
            if (test_failed())
                break;
            sent += some;
        }
        size_t count = 0;
        CHECK_OK(trunk_websocket_recv_many(socket, slow(PATIENCE), taken, room, &count));
        CHECK(count <= room);
        if (count == 0)
            next(socket, TRUNK_PART_WRITABLE);
        for (size_t i = 0; i < count; i++, received++) {
            CHECK(taken[i].kind == TRUNK_FRAME_BINARY && taken[i].code == 0 && !taken[i].more);
            CHECK(taken[i].payload.size == size_of(received));
            if (taken[i].payload.size == size_of(received))
                CHECK(memcmp(taken[i].payload.data, payload + received % 2, taken[i].payload.size) == 0);
        }
    }
    /* A thread of the manager's may be fast enough to take all that is queued. */
    CHECK(sent == MANY && received == MANY && (refused > 0 || !is_inline));
    /* Nothing is there, and none are wanted. */
    size_t count = 5;
    CHECK_STATUS(trunk_websocket_recv_many(socket, 1, taken, 1, &count), TRUNK_ERROR_TIMEOUT);
    CHECK(count == 5);
    CHECK_OK(trunk_websocket_recv_many(socket, -1, taken, 0, &count));
    CHECK(count == 0);
    close_all(socket, manager);
}

/* What is wrong with a message stops the batch before it, and is told by the next call. */
static void wrong_messages(const struct server *server, bool is_inline)
{
    trunk_manager *manager = manager_make(manager_options(is_inline));
    trunk_request *socket = open_at(manager, server_port(server, "http"));
    trunk_message wrong[] = {
        {.kind = 77},
        {.kind = TRUNK_FRAME_NONE},
        {.kind = TRUNK_FRAME_TEXT, .payload = trunk_bytes("\xff", 1)},
        {.kind = TRUNK_FRAME_PING, .more = true},
        {.kind = TRUNK_FRAME_CLOSE, .code = 1005},
        {.kind = TRUNK_FRAME_BINARY, .payload = {NULL, 5}},
    };
    size_t sent;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        trunk_message batch[] = {text("good"), wrong[i], text("good")};
        trunk_status why = wrong[i].payload.size == 5 ? TRUNK_ERROR_NULL_POINTER : TRUNK_ERROR_INVALID_ARGUMENT;
        CHECK_OK(trunk_websocket_send_many(socket, batch, 3, &sent));
        CHECK(sent == 1);
        CHECK_STATUS(trunk_websocket_send_many(socket, batch + 1, 2, &sent), why);
        CHECK(sent == 1);
        trunk_message echo;
        CHECK_OK(trunk_websocket_recv_many(socket, slow(PATIENCE), &echo, 1, &sent));
        CHECK(sent == 1 && view_is(echo.payload, "good"));
    }
    CHECK_OK(trunk_websocket_send_many(socket, NULL, 0, &sent));
    CHECK(sent == 0);
    CHECK_STATUS(trunk_websocket_send_many(socket, NULL, 1, &sent), TRUNK_ERROR_NULL_POINTER);
    trunk_message one;
    CHECK_STATUS(trunk_websocket_recv_many(socket, 0, NULL, 1, &sent), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_websocket_recv_many(socket, 0, &one, 1, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_websocket_recv_many(socket, -2, &one, 1, &sent), TRUNK_ERROR_INVALID_ARGUMENT);
    /* Messages do not begin inside others. */
    trunk_message cut[] = {{.kind = TRUNK_FRAME_TEXT, .payload = trunk_text("a"), .more = true},
                           text("inside"),
                           {.kind = TRUNK_FRAME_CONTINUATION, .payload = trunk_text("b"), .more = true},
                           {.kind = TRUNK_FRAME_CONTINUATION, .payload = trunk_text("c")}};
    CHECK_OK(trunk_websocket_send_many(socket, cut, 4, &sent));
    CHECK(sent == 1);
    CHECK_STATUS(trunk_websocket_send_many(socket, cut + 1, 1, &sent), TRUNK_ERROR_INVALID_STATE);
    CHECK_OK(trunk_websocket_send_many(socket, cut + 2, 2, &sent));
    CHECK(sent == 2);
    CHECK_OK(trunk_websocket_recv_many(socket, slow(PATIENCE), &one, 1, &sent));
    CHECK(sent == 1 && one.kind == TRUNK_FRAME_TEXT && view_is(one.payload, "abc"));
    /* A close may be the last of a batch. */
    trunk_message last[] = {text("last"), {.kind = TRUNK_FRAME_CLOSE, .code = 4000, .payload = trunk_text("so")},
                            text("too late")};
    CHECK_OK(trunk_websocket_send_many(socket, last, 3, &sent));
    CHECK(sent == 2);
    CHECK_STATUS(trunk_websocket_send_many(socket, last + 2, 1, &sent), TRUNK_ERROR_INVALID_STATE);
    CHECK_OK(trunk_request_free(socket));
    CHECK_OK(trunk_manager_free(manager));
}

/* Only what is delivered by recv is received so. */
static void other_delivery(const struct server *server)
{
    trunk_manager *manager = manager_make(manager_options(true));
    trunk_request_options *options = get(server_port(server, "http"));
    trunk_request *socket = NULL;
    trunk_message message;
    size_t count = 3;
    CHECK_OK(trunk_manager_submit_queue(manager, options, NULL, &socket));
    CHECK_STATUS(trunk_websocket_recv_many(socket, 0, &message, 1, &count), TRUNK_ERROR_INVALID_STATE);
    CHECK_STATUS(trunk_websocket_send_many(socket, &message, 0, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK(count == 3);
    CHECK_OK(trunk_request_free(socket));
    CHECK_OK(trunk_request_options_free(options));
    CHECK_OK(trunk_manager_free(manager));
}

/* ---- Frames, pings, handshakes ---- */

/* Sends a message in three frames with a ping in between, then answers the ping of the client and its close. */
static void say_fragments(struct peer *peer, int descriptor, int number)
{
    struct socket_frame frame;
    char *head = peer->context;
    (void)number;
    if (!socket_accept(descriptor, head, 2000))
        return;
    socket_say(descriptor, TEXT, "\xce", 1);
    socket_say(descriptor, FIN | PING, "amid", 4);
    socket_say(descriptor, 0, "", 0);
    socket_say(descriptor, FIN, "\xba", 1);
    while (socket_hear(descriptor, &frame)) {
        if (frame.first == (FIN | PING))
            socket_say(descriptor, FIN | PONG, frame.payload, frame.size);
        if (frame.first == (FIN | CLOSE)) {
            socket_say(descriptor, FIN | CLOSE, frame.payload, 2);
            return;
        }
    }
}

static void fragments(bool is_inline)
{
    char head[2000];
    struct peer peer;
    peer_start(&peer, say_fragments, head);
    trunk_manager_options *options = manager_options(is_inline);
    CHECK_OK(trunk_manager_options_set_websocket_deflate(options, true));
    trunk_manager *manager = manager_make(options);
    trunk_request_options *request = get(peer.port);
    trunk_view protocols[] = {trunk_text("chat.v2"), trunk_text("chat.v1")};
    CHECK_OK(trunk_request_options_set_websocket_frames(request, true));
    CHECK_OK(trunk_request_options_set_websocket_protocols(request, protocols, 2));
    protocols[1] = trunk_text("no token");
    CHECK_STATUS(trunk_request_options_set_websocket_protocols(request, protocols, 2), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_request_options_set_websocket_protocols(request, NULL, 2), TRUNK_ERROR_NULL_POINTER);
    CHECK_OK(trunk_request_options_set_websocket_deflate_windows(request, 11, 10));
    CHECK_OK(trunk_request_options_set_websocket_deflate_alone(request, true, false));
    CHECK_STATUS(trunk_request_options_set_websocket_deflate_windows(request, 16, 10), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_request_options_set_websocket_deflate_effort(request, 10, 0), TRUNK_ERROR_INVALID_ARGUMENT);
    trunk_request *socket = open_with(manager, request);
    static const struct {
        trunk_frame_kind kind;
        bool more;
        const char *payload;
    } wanted[] = {{TRUNK_FRAME_TEXT, true, "\xce"},
                  {TRUNK_FRAME_PING, false, "amid"},
                  {TRUNK_FRAME_CONTINUATION, true, ""},
                  {TRUNK_FRAME_CONTINUATION, false, "\xba"}};
    for (int i = 0; i < 4; i++) {
        const trunk_part *part = next(socket, TRUNK_PART_FRAME);
        CHECK(trunk_part_frame_kind(part) == wanted[i].kind && trunk_part_frame_has_more(part) == wanted[i].more);
        CHECK(view_is(trunk_part_data(part), wanted[i].payload));
    }
    CHECK(strstr(head, "sec-websocket-protocol: chat.v2, chat.v1\r\n") != NULL);
    CHECK(strstr(head, "permessage-deflate; server_no_context_takeover") != NULL);
    CHECK(strstr(head, "server_max_window_bits=11") != NULL && strstr(head, "client_max_window_bits=10") != NULL);
    uint64_t ping = 0, nanoseconds = 9;
    CHECK_OK(trunk_websocket_latency(socket, &nanoseconds));
    CHECK(nanoseconds == 0);
    CHECK_OK(trunk_websocket_ping(socket, &ping));
    const trunk_part *part = next(socket, TRUNK_PART_LATENCY);
    uint64_t round_trip = trunk_part_round_trip(part);
    CHECK(trunk_part_ping(part) == ping && round_trip > 0);
    CHECK_OK(trunk_websocket_latency(socket, &nanoseconds));
    /* Frames that follow a ping bring other parts with them; those are no frames. */
    CHECK(nanoseconds == round_trip && trunk_part_frame_kind(part) == TRUNK_FRAME_NONE);
    close_all(socket, manager);
    peer_stop(&peer);
}

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
    trunk_request_options *options = get(peer.port);
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
    trunk_request *socket = open_at(manager, peer.port);
    CHECK_OK(trunk_websocket_close(socket, 0, trunk_text(NULL)));
    const trunk_part *part = next(socket, TRUNK_PART_ERROR);
    CHECK(trunk_part_error(part) == TRUNK_ERROR_CONNECTION_CLOSED);
    CHECK_OK(trunk_request_free(socket));
    trunk_request_options *request = get(peer.port);
    CHECK_OK(trunk_request_options_set_websocket_ping_interval(request, 20));
    socket = open_with(manager, request);
    part = next(socket, TRUNK_PART_ERROR);
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
    trunk_request *stuck = open_at(manager, peer.port);
    trunk_request *other = open_at(manager, server_port(server, "http"));
    uint8_t *large = calloc(1, LARGE);
    trunk_message message = {.kind = TRUNK_FRAME_BINARY, .payload = trunk_bytes(large, LARGE)};
    int taken = 0;
    for (int round = 0; round < 20; round++) {
        size_t count = 0;
        trunk_status status = trunk_websocket_send_many(stuck, &message, 1, &count);
        taken += status == TRUNK_OK;
        if (status != TRUNK_OK)
            CHECK_STATUS(status, TRUNK_ERROR_AGAIN);
        trunk_message echo = text("still here");
        CHECK_OK(trunk_websocket_send_many(other, &echo, 1, &count));
        CHECK_OK(trunk_websocket_recv_many(other, slow(PATIENCE), &echo, 1, &count));
        CHECK(count == 1 && view_is(echo.payload, "still here"));
    }
    CHECK(taken >= 1 && taken <= MOST);
    free(large);
    CHECK_OK(trunk_request_free(stuck));
    close_all(other, manager);
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
        .messages = {text("again"), {.kind = TRUNK_FRAME_BINARY, .payload = trunk_text("bytes")}}};
    struct peer peer;
    peer_start(&peer, come_and_go, NULL);
    trunk_manager *manager = manager_make(manager_options(is_inline));
    trunk_request_options *options = get(peer.port);
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
    trunk_request_options *options = get(server_port(server, "http"));
    CHECK_STATUS(trunk_request_options_set_websocket_max_message_bytes(options, 0), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_OK(trunk_request_options_set_websocket_max_message_bytes(options, 10));
    trunk_request *socket = open_with(manager, options);
    CHECK_OK(trunk_websocket_send(socket, TRUNK_FRAME_TEXT, trunk_text("ten bytes.")));
    next(socket, TRUNK_PART_FRAME);
    CHECK_OK(trunk_websocket_send(socket, TRUNK_FRAME_TEXT, trunk_text("more than that")));
    const trunk_part *part = next(socket, TRUNK_PART_ERROR);
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

#define RUN(name, call)                                                                                              \
    do {                                                                                                             \
        snprintf(title, sizeof title, "websocket: %s, %s", name, is_inline ? "inline" : "threads");                  \
        test_begin(title);                                                                                           \
        call;                                                                                                        \
        test_end();                                                                                                  \
    } while (0)

void test_websockets(const struct server *server)
{
    char title[100], name[60];
    for (int is_inline = 0; is_inline < 2; is_inline++) {
        static const size_t rooms[] = {1, 2, 7, MANY};
        for (int i = 0; i < 4; i++) {
            snprintf(name, sizeof name, "batches of %zu", rooms[i]);
            RUN(name, batches(server, is_inline, rooms[i]));
        }
        RUN("wrong messages", wrong_messages(server, is_inline));
        RUN("fragments, pings and offers", fragments(is_inline));
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
    RUN("other deliveries", other_delivery(server));
    RUN("the callback of a resume", resume_ownership());
    RUN("too large", too_large(server));
    RUN("HTTP/2 asked for", over_http2(server));
}
