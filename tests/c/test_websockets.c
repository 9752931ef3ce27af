/* WebSockets: batches, fragments, pings. */
#define _GNU_SOURCE
#include "websockets.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "socket_peer.h"

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
    trunk_request_options *request = websocket_options(server_port(server, "http"));
    CHECK_OK(trunk_request_options_set_credit(request, 100000));
    trunk_request *socket = websocket_open_with(manager, request);
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
            websocket_next(socket, TRUNK_PART_WRITABLE);
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
    websocket_close_all(socket, manager);
}

/* What is wrong with a message stops the batch before it, and is told by the next call. */
static void wrong_messages(const struct server *server, bool is_inline)
{
    trunk_manager *manager = manager_make(manager_options(is_inline));
    trunk_request *socket = websocket_open(manager, server_port(server, "http"));
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
        trunk_message batch[] = {websocket_text("good"), wrong[i], websocket_text("good")};
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
                           websocket_text("inside"),
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
    trunk_message last[] = {websocket_text("last"), {.kind = TRUNK_FRAME_CLOSE, .code = 4000, .payload = trunk_text("so")},
                            websocket_text("too late")};
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
    trunk_request_options *options = websocket_options(server_port(server, "http"));
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
    trunk_request_options *request = websocket_options(peer.port);
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
    trunk_request *socket = websocket_open_with(manager, request);
    static const struct {
        trunk_frame_kind kind;
        bool more;
        const char *payload;
    } wanted[] = {{TRUNK_FRAME_TEXT, true, "\xce"},
                  {TRUNK_FRAME_PING, false, "amid"},
                  {TRUNK_FRAME_CONTINUATION, true, ""},
                  {TRUNK_FRAME_CONTINUATION, false, "\xba"}};
    for (int i = 0; i < 4; i++) {
        const trunk_part *part = websocket_next(socket, TRUNK_PART_FRAME);
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
    const trunk_part *part = websocket_next(socket, TRUNK_PART_LATENCY);
    uint64_t round_trip = trunk_part_round_trip(part);
    CHECK(trunk_part_ping(part) == ping && round_trip > 0);
    CHECK_OK(trunk_websocket_latency(socket, &nanoseconds));
    /* Frames that follow a ping bring other parts with them; those are no frames. */
    CHECK(nanoseconds == round_trip && trunk_part_frame_kind(part) == TRUNK_FRAME_NONE);
    websocket_close_all(socket, manager);
    peer_stop(&peer);
}

/* ---- A mailbox of several ---- */

enum { SEVERAL = 3 };

struct read {
    int heads, frames, closes, others, failures, strangers;
};

/* What a part is to one of them. */
static void read_mail(trunk_request *socket, int index, const trunk_part *part, struct read *read)
{
    trunk_mail mail = -1;
    trunk_message message = {.kind = -1};
    CHECK_OK(trunk_websocket_parse(socket, part, &mail, &message));
    CHECK((mail == TRUNK_MAIL_UNKNOWN) == (trunk_part_request(part) != socket));
    CHECK((mail == TRUNK_MAIL_FRAME) == (message.kind != -1));
    switch (mail) {
    case TRUNK_MAIL_UNKNOWN:
        read->strangers++;
        break;
    case TRUNK_MAIL_ERROR:
        CHECK(trunk_part_error(part) == TRUNK_ERROR_WEBSOCKET_TOO_LARGE);
        read->failures++;
        break;
    case TRUNK_MAIL_FRAME:
        if (message.kind == TRUNK_FRAME_CLOSE) {
            CHECK(message.code == 1000);
            read->closes++;
            break;
        }
        CHECK(message.kind == TRUNK_FRAME_TEXT && message.payload.size == (size_t)index + 1);
        read->frames++;
        /* The first is then sent more than it accepts; the others close. */
        if (index == 0)
            CHECK_OK(trunk_websocket_send(socket, TRUNK_FRAME_TEXT, trunk_text("more than ten bytes")));
        else
            CHECK_OK(trunk_websocket_close(socket, 1000, trunk_text("")));
        break;
    default:
        CHECK(mail == TRUNK_MAIL_OTHER);
        read->others++;
        if (trunk_part_kind(part) == TRUNK_PART_HEAD) {
            read->heads++;
            CHECK_OK(trunk_websocket_send(socket, TRUNK_FRAME_TEXT, trunk_bytes((const uint8_t *)"abc", (size_t)index + 1)));
        }
    }
}

static void mailbox(const struct server *server, bool is_inline)
{
    trunk_manager *manager = manager_make(manager_options(is_inline));
    trunk_request *sockets[SEVERAL];
    struct read reads[SEVERAL] = {0};
    for (int i = 0; i < SEVERAL; i++) {
        trunk_request_options *options = websocket_options(server_port(server, "http"));
        CHECK_OK(trunk_request_options_set_websocket_max_message_bytes(options, 10));
        CHECK_OK(trunk_manager_submit_queue(manager, options, NULL, &sockets[i]));
        CHECK_OK(trunk_request_options_free(options));
    }
    int ended = 0, parts_read = 0;
    while (ended < SEVERAL && !test_failed()) {
        const trunk_part *parts[16];
        size_t count = 0;
        CHECK_OK(trunk_manager_poll(manager, parts, 16, slow(PATIENCE), &count));
        CHECK(count > 0);
        for (size_t part = 0; part < count; part++, parts_read++) {
            for (int i = 0; i < SEVERAL; i++)
                read_mail(sockets[i], i, parts[part], &reads[i]);
            ended += trunk_part_is_terminal(parts[part]);
        }
    }
    for (int i = 0; i < SEVERAL; i++) {
        bool fails = i == 0;
        CHECK(reads[i].heads == 1 && reads[i].frames == 1);
        CHECK(reads[i].failures == fails && reads[i].closes == !fails);
        CHECK(reads[i].strangers == parts_read - reads[i].frames - reads[i].closes - reads[i].others - reads[i].failures);
        CHECK_OK(trunk_request_free(sockets[i]));
    }
    CHECK_OK(trunk_manager_free(manager));
}

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
        RUN("a mailbox of several", mailbox(server, is_inline));
    }
    int is_inline = 1;
    RUN("other deliveries", other_delivery(server));
}
