/* Raw streams: connections that become the caller's by an upgrade or a CONNECT. */
#define _GNU_SOURCE
#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"

#define SWITCH "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n"

enum { PIECE = 1000, SIZE = 300000 };

/* What is written to a raw stream, and when it is given up. */
struct talk {
    pthread_mutex_t lock;
    size_t written, received;
    int refused;
    bool finished, cancel;
};

static void pump(struct talk *talk, trunk_request *request)
{
    static const char piece[PIECE] = "piece";
    while (talk->written < SIZE) {
        trunk_status status = trunk_request_write(request, trunk_bytes(piece, sizeof piece));
        if (status == TRUNK_ERROR_AGAIN) {
            talk->refused++;
            return;
        }
        CHECK_OK(status);
        if (status != TRUNK_OK)
            return;
        talk->written += PIECE;
    }
}

/* Ends its own direction once all has come back, or cancels at the first bytes. */
static void at_part(struct exchange *exchange, const trunk_part *part)
{
    struct talk *talk = exchange->context;
    trunk_request *request = trunk_part_request(part);
    pthread_mutex_lock(&talk->lock);
    talk->received += trunk_part_data(part).size;
    if (talk->cancel && talk->received > 0) {
        CHECK_OK(trunk_request_cancel(request));
    } else if (!talk->cancel && !talk->finished && !trunk_part_is_terminal(part)) {
        pump(talk, request);
        if (talk->received == strlen("hello") + SIZE) {
            CHECK_OK(trunk_request_finish(request, NULL, 0));
            CHECK_STATUS(trunk_request_write(request, trunk_text("more")), TRUNK_ERROR_INVALID_STATE);
            talk->finished = true;
        }
    }
    pthread_mutex_unlock(&talk->lock);
}

static trunk_request_options *upgrade(int port)
{
    char url[100];
    trunk_request_options *options = NULL;
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", port);
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text(url), &options));
    CHECK_OK(trunk_request_options_set_upgrade(options, trunk_text("echo")));
    return options;
}

/* Submits the options and frees them, and lets the exchange come to its end. */
static struct exchange *run(trunk_manager *manager, enum delivery delivery, bool is_inline,
                            trunk_request_options *options, struct talk *talk)
{
    struct exchange *exchange = exchange_new(manager, delivery);
    exchange->context = talk;
    exchange->on_part = talk == NULL ? NULL : at_part;
    CHECK_OK(exchange_submit(exchange, options));
    CHECK_OK(trunk_request_options_free(options));
    exchanges_run(&exchange, 1, is_inline, 20000);
    return exchange;
}

/* Says hello in the same write as the head, and sends back what comes, until that ends. */
static void echo(struct peer *peer, int descriptor, int number)
{
    (void)peer, (void)number;
    char head[2000], bytes[4096];
    CHECK(peer_read_head(descriptor, head, sizeof head));
    CHECK(strcasestr(head, "\r\nconnection: upgrade\r\n") != NULL && strcasestr(head, "\r\nupgrade: echo\r\n") != NULL);
    CHECK(peer_say(descriptor, SWITCH "hello"));
    ssize_t size;
    while ((size = read(descriptor, bytes, sizeof bytes)) > 0 && peer_write(descriptor, bytes, (size_t)size))
        ;
    peer_say(descriptor, "bye");
}

static void test_echo(enum delivery delivery, bool is_inline)
{
    struct peer peer;
    struct talk talk = {.lock = PTHREAD_MUTEX_INITIALIZER};
    peer_start(&peer, echo, NULL);
    trunk_manager_options *options = manager_options(is_inline);
    CHECK_OK(trunk_manager_options_set_upload_buffer(options, 16384));
    trunk_manager *manager = manager_make(options);
    struct exchange *exchange = run(manager, delivery, is_inline, upgrade(peer.port), &talk);
    CHECK_STATUS(exchange_end(exchange), TRUNK_OK);
    CHECK(exchange_status(exchange) == 101);
    const struct record *data = exchange_find(exchange, TRUNK_PART_DATA);
    const struct record *done = exchange_find(exchange, TRUNK_PART_DONE);
    CHECK(data != NULL && data->size == 5 + SIZE + 3 && memcmp(data->data, "hellopiece", 11) == 0);
    CHECK(data != NULL && data->size > 3 && memcmp(data->data + data->size - 3, "bye", 3) == 0);
    CHECK(done != NULL && done->sent == SIZE && done->received == 5 + SIZE + 3);
    CHECK(talk.finished && talk.refused > 0);
    CHECK_STATUS(trunk_request_write(exchange->request, trunk_text("late")), TRUNK_ERROR_INVALID_STATE);
    exchange_free(exchange);
    peer_stop(&peer);
    CHECK_OK(trunk_manager_free(manager));
}

/* That the peer can be stopped while the manager lives shows that the connection is closed. */
static void test_cancel(enum delivery delivery, bool is_inline)
{
    struct peer peer;
    struct talk talk = {.lock = PTHREAD_MUTEX_INITIALIZER, .cancel = true};
    peer_start(&peer, echo, NULL);
    trunk_manager *manager = manager_make(manager_options(is_inline));
    struct exchange *exchange = run(manager, delivery, is_inline, upgrade(peer.port), &talk);
    CHECK_STATUS(exchange_end(exchange), TRUNK_ERROR_CANCELLED);
    CHECK_STATUS(trunk_request_write(exchange->request, trunk_text("late")), TRUNK_ERROR_INVALID_STATE);
    exchange_free(exchange);
    peer_stop(&peer);
    CHECK_OK(trunk_manager_free(manager));
}

/* Refuses, ends after some bytes, or breaks off, connection after connection. */
static void leave(struct peer *peer, int descriptor, int number)
{
    (void)peer;
    char head[2000];
    CHECK(peer_read_head(descriptor, head, sizeof head));
    if (number == 0) {
        peer_say(descriptor, "HTTP/1.1 426 Upgrade Required\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno");
        return;
    }
    peer_say(descriptor, SWITCH "abc");
    if (number == 2) {
        /* Only once the bytes were taken: a reset overtakes what is still on its way. */
        CHECK(peer_read(descriptor, head, 1));
        peer_reset(descriptor);
    }
}

static void answer_once(struct exchange *exchange, const trunk_part *part)
{
    (void)exchange;
    if (trunk_part_kind(part) == TRUNK_PART_DATA)
        CHECK_OK(trunk_request_write(trunk_part_request(part), trunk_text("x")));
}

static void test_ends(enum delivery delivery, bool is_inline)
{
    static const struct {
        int status;
        const char *data;
        trunk_status end;
    } expected[] = {{426, "no", TRUNK_OK}, {101, "abc", TRUNK_OK}, {101, "abc", TRUNK_ERROR_CONNECTION_RESET}};
    struct peer peer;
    peer_start(&peer, leave, NULL);
    trunk_manager *manager = manager_make(manager_options(is_inline));
    for (int number = 0; number < 3; number++) {
        struct exchange *exchange = exchange_new(manager, delivery);
        trunk_request_options *options = upgrade(peer.port);
        exchange->on_part = number == 2 ? answer_once : NULL;
        CHECK_OK(exchange_submit(exchange, options));
        CHECK_OK(trunk_request_options_free(options));
        exchanges_run(&exchange, 1, is_inline, 10000);
        const struct record *data = exchange_find(exchange, TRUNK_PART_DATA);
        CHECK(exchange_status(exchange) == expected[number].status);
        CHECK(data != NULL && data->size == strlen(expected[number].data) &&
              memcmp(data->data, expected[number].data, data->size) == 0);
        CHECK_STATUS(exchange_end(exchange), expected[number].end);
        exchange_free(exchange);
    }
    peer_stop(&peer);
    CHECK_OK(trunk_manager_free(manager));
}

/* A proxy that knows one host. */
static void mail(struct peer *peer, int descriptor, int number)
{
    (void)peer, (void)number;
    char head[2000], line[6];
    CHECK(peer_read_head(descriptor, head, sizeof head));
    if (strncmp(head, "CONNECT target.example:25 HTTP/1.1\r\n", 36) != 0) {
        peer_say(descriptor, "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
        return;
    }
    CHECK(strcasestr(head, "\r\nhost: target.example:25\r\n") != NULL);
    peer_say(descriptor, "HTTP/1.1 200 Connected\r\n\r\n220 ready\r\n");
    CHECK(peer_read(descriptor, line, sizeof line) && memcmp(line, "QUIT\r\n", 6) == 0);
    peer_say(descriptor, "221 bye\r\n");
}

static void test_connect(enum delivery delivery, bool is_inline)
{
    static const char conversation[] = "220 ready\r\n221 bye\r\n";
    struct peer peer;
    char proxy[100];
    trunk_request_options *options = NULL;
    peer_start(&peer, mail, NULL);
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", peer.port);
    trunk_manager *manager = manager_make(manager_options(is_inline));

    CHECK_OK(trunk_request_options_new_connect(trunk_text(proxy), trunk_text("target.example:25"), &options));
    struct exchange *exchange = exchange_new(manager, delivery);
    CHECK_OK(exchange_submit(exchange, options));
    CHECK_OK(trunk_request_write(exchange->request, trunk_text("QUIT\r\n")));
    exchanges_run(&exchange, 1, is_inline, 10000);
    const struct record *data = exchange_find(exchange, TRUNK_PART_DATA);
    CHECK(exchange_status(exchange) == 200);
    CHECK(data != NULL && data->size == strlen(conversation) && memcmp(data->data, conversation, data->size) == 0);
    CHECK_STATUS(exchange_end(exchange), TRUNK_OK);
    exchange_free(exchange);
    CHECK_OK(trunk_request_options_free(options));

    CHECK_OK(trunk_request_options_new_connect(trunk_text(proxy), trunk_text("other.example:25"), &options));
    exchange = run(manager, delivery, is_inline, options, NULL);
    CHECK(exchange_status(exchange) == 403);
    CHECK_STATUS(exchange_end(exchange), TRUNK_OK);
    exchange_free(exchange);
    peer_stop(&peer);
    CHECK_OK(trunk_manager_free(manager));
}

static void test_arguments(void)
{
    static const char *const authorities[] = {"", "host", "host:", "host:99999", "http://host:1", "host:1/path", "a b:1"};
    trunk_request_options *options = NULL, *socket = NULL, *none = NULL;
    trunk_view proxy = trunk_text("http://proxy:3128/");
    CHECK_OK(trunk_request_options_new(trunk_text("POST"), trunk_text("http://host/"), &options));
    CHECK_STATUS(trunk_request_options_set_upgrade(options, trunk_text("a\r\nb: c")), TRUNK_ERROR_INVALID_HEADER);
    CHECK_OK(trunk_request_options_set_body(options, trunk_text("body")));
    CHECK_STATUS(trunk_request_options_set_upgrade(options, trunk_text("echo")), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_OK(trunk_request_options_free(options));
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text("ws://host/"), &socket));
    CHECK_STATUS(trunk_request_options_set_upgrade(socket, trunk_text("echo")), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_OK(trunk_request_options_free(socket));

    for (size_t index = 0; index < sizeof authorities / sizeof *authorities; index++)
        CHECK_STATUS(trunk_request_options_new_connect(proxy, trunk_text(authorities[index]), &none),
                     TRUNK_ERROR_INVALID_URL);
    CHECK_STATUS(trunk_request_options_new_connect(trunk_text("proxy"), trunk_text("host:1"), &none),
                 TRUNK_ERROR_INVALID_URL);
    CHECK_STATUS(trunk_request_options_new_connect(proxy, trunk_bytes("\xff", 1), &none), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_request_options_new_connect(proxy, trunk_text("host:1"), NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_request_options_new(trunk_text("CONNECT"), proxy, &none), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK(none == NULL);
}

void test_tunnels(const struct server *server)
{
    (void)server;
    static const struct {
        const char *name;
        void (*test)(enum delivery delivery, bool is_inline);
    } tests[] = {{"both ways", test_echo}, {"cancelled", test_cancel}, {"ends", test_ends}, {"CONNECT", test_connect}};
    for (size_t index = 0; index < sizeof tests / sizeof *tests; index++) {
        for (enum delivery delivery = RECV; delivery <= CALLBACK; delivery++) {
            for (int is_inline = 0; is_inline < 2; is_inline++) {
                char name[100];
                snprintf(name, sizeof name, "raw streams: %s by %s, %s", tests[index].name, delivery_names[delivery],
                         is_inline ? "inline" : "threads");
                test_begin(name);
                tests[index].test(delivery, is_inline);
                test_end();
            }
        }
    }
    test_begin("raw streams: wrong arguments");
    test_arguments();
    test_end();
}
