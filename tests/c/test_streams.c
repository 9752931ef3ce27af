/* Streams both ways: uploads with back pressure, trailers, giving up; WebSockets. */
#define _GNU_SOURCE
#include "harness.h"

#include <stdlib.h>
#include <string.h>

/* What is sent, and how far it has got. */
struct source {
    pthread_mutex_t lock;
    uint64_t size, written;
    int refused, writable;
    bool finished, trailers;
    /* For WebSockets. */
    int messages, sent;
};

static const char block[16384];

/* Writes until it is refused or all is written. */
static void pump(struct source *source, trunk_request *request)
{
    pthread_mutex_lock(&source->lock);
    while (!source->finished) {
        uint64_t left = source->size - source->written;
        if (left == 0) {
            trunk_header trailer = {trunk_text("x-check"), trunk_text("done")};
            CHECK_OK(trunk_request_finish(request, source->trailers ? &trailer : NULL, source->trailers));
            source->finished = true;
            CHECK_STATUS(trunk_request_write(request, trunk_text("more")), TRUNK_ERROR_INVALID_STATE);
            break;
        }
        size_t size = left < sizeof block ? (size_t)left : sizeof block;
        trunk_status status = trunk_request_write(request, trunk_bytes(block, size));
        if (status == TRUNK_ERROR_AGAIN) {
            source->refused++;
            break;
        }
        CHECK_OK(status);
        if (status != TRUNK_OK)
            break;
        source->written += size;
    }
    pthread_mutex_unlock(&source->lock);
}

static void at_part(struct exchange *exchange, const trunk_part *part)
{
    struct source *source = exchange->context;
    if (trunk_part_kind(part) == TRUNK_PART_WRITABLE) {
        source->writable++;
        pump(source, trunk_part_request(part));
    }
}

static trunk_request_options *post(const struct server *server, const char *port, const char *path)
{
    char url[100];
    trunk_request_options *options = NULL;
    snprintf(url, sizeof url, "%s://localhost:%d%s", strncmp(port, "https", 5) == 0 ? "https" : "http",
             server_port(server, port), path);
    CHECK_OK(trunk_request_options_new(trunk_text("POST"), trunk_text(url), &options));
    return options;
}

static void upload(const struct server *server, enum delivery delivery, bool is_inline, const char *port)
{
    trunk_manager_options *options = manager_options(is_inline);
    CHECK_OK(trunk_manager_options_set_tls_ca_file(options, trunk_text(server_file(server, "ca"))));
    CHECK_OK(trunk_manager_options_set_upload_buffer(options, 65536));
    trunk_manager *manager = manager_make(options);
    trunk_request_options *request = post(server, port, "/echo");
    struct source source = {.lock = PTHREAD_MUTEX_INITIALIZER, .size = 4000000};
    CHECK_OK(trunk_request_options_set_streamed_body(request, delivery == QUEUE ? (int64_t)source.size : -1));
    CHECK_OK(trunk_request_options_set_credit(request, 100000));
    struct exchange *exchange = exchange_new(manager, delivery);
    exchange->context = &source;
    exchange->on_part = at_part;
    exchange->discard = true;
    CHECK_OK(exchange_submit(exchange, request));
    pump(&source, exchange->request);
    CHECK(source.refused > 0);
    exchanges_run(&exchange, 1, is_inline, 20000);
    CHECK_STATUS(exchange_end(exchange), TRUNK_OK);
    CHECK(source.finished && exchange->bytes == source.size && source.writable >= source.refused);
    const struct record *done = exchange_find(exchange, TRUNK_PART_DONE);
    CHECK(done != NULL && done->sent == source.size && done->received == source.size);
    exchange_free(exchange);
    CHECK_OK(trunk_request_options_free(request));
    CHECK_OK(trunk_manager_free(manager));
}

static void small_uploads(const struct server *server, bool is_inline)
{
    trunk_manager *manager = manager_make(manager_options(is_inline));
    /* Whole, submitted twice. */
    trunk_request_options *request = post(server, "http", "/echo");
    CHECK_OK(trunk_request_options_set_body(request, trunk_text("hello")));
    CHECK_OK(trunk_request_options_add_header(request, trunk_text("Content-Type"), trunk_text("text/plain")));
    for (int round = 0; round < 2; round++) {
        struct exchange *exchange = exchange_new(manager, RECV);
        CHECK_OK(exchange_submit(exchange, request));
        exchanges_run(&exchange, 1, is_inline, 5000);
        const struct record *data = exchange_find(exchange, TRUNK_PART_DATA);
        CHECK(data != NULL && data->size == 5 && memcmp(data->data, "hello", 5) == 0);
        const struct record *done = exchange_find(exchange, TRUNK_PART_DONE);
        CHECK(done != NULL && done->reused == (round == 1));
        exchange_free(exchange);
    }
    CHECK_OK(trunk_request_options_free(request));
    /* Trailers, announced as HTTP/1.1 wants it. */
    request = post(server, "http", "/trailers");
    CHECK_OK(trunk_request_options_add_header(request, trunk_text("trailer"), trunk_text("x-check")));
    CHECK_OK(trunk_request_options_set_streamed_body(request, -1));
    struct source source = {.lock = PTHREAD_MUTEX_INITIALIZER, .size = 100, .trailers = true};
    struct exchange *exchange = exchange_new(manager, RECV);
    CHECK_OK(exchange_submit(exchange, request));
    trunk_header bad = {trunk_text("x y"), trunk_text("")};
    CHECK_STATUS(trunk_request_finish(exchange->request, &bad, 1), TRUNK_ERROR_INVALID_HEADER);
    pump(&source, exchange->request);
    exchanges_run(&exchange, 1, is_inline, 5000);
    const struct record *data = exchange_find(exchange, TRUNK_PART_DATA);
    CHECK(data != NULL && memmem(data->data, data->size, "x-check", 7) != NULL);
    exchange_free(exchange);
    /* Giving up. */
    exchange = exchange_new(manager, RECV);
    CHECK_OK(exchange_submit(exchange, request));
    CHECK_OK(trunk_request_write(exchange->request, trunk_text("half")));
    CHECK_OK(trunk_request_fail(exchange->request, trunk_text("the disk is gone")));
    exchanges_run(&exchange, 1, is_inline, 5000);
    CHECK_STATUS(exchange_end(exchange), TRUNK_ERROR_UPLOAD_FAILED);
    const struct record *error = exchange_find(exchange, TRUNK_PART_ERROR);
    CHECK(error != NULL && strstr(error->message, "the disk is gone") != NULL);
    exchange_free(exchange);
    CHECK_OK(trunk_request_options_free(request));
    CHECK_OK(trunk_manager_free(manager));
}

static char message[3000];

/* Sends what is left; after the last echo it closes. */
static void converse(struct exchange *exchange, const trunk_part *part)
{
    struct source *source = exchange->context;
    trunk_request *request = trunk_part_request(part);
    trunk_kind kind = trunk_part_kind(part);
    pthread_mutex_lock(&source->lock);
    if (kind == TRUNK_PART_FRAME && trunk_part_frame_kind(part) == TRUNK_FRAME_BINARY) {
        CHECK(trunk_part_data(part).size == sizeof message);
        if (++source->writable == source->messages)
            CHECK_OK(trunk_websocket_close(request, 1000, trunk_text("enough")));
    }
    bool may_send = kind == TRUNK_PART_HEAD || kind == TRUNK_PART_WRITABLE;
    while (may_send && source->sent < source->messages) {
        trunk_status status = trunk_websocket_send(request, TRUNK_FRAME_BINARY, trunk_bytes(message, sizeof message));
        if (status == TRUNK_ERROR_AGAIN) {
            source->refused++;
            break;
        }
        CHECK_OK(status);
        if (status != TRUNK_OK)
            break;
        source->sent++;
    }
    if (kind == TRUNK_PART_HEAD) {
        CHECK_STATUS(trunk_websocket_send(request, TRUNK_FRAME_TEXT, trunk_bytes("\xff", 1)),
                     TRUNK_ERROR_INVALID_ARGUMENT);
        CHECK_STATUS(trunk_websocket_send(request, TRUNK_FRAME_PING, trunk_bytes(message, 126)),
                     TRUNK_ERROR_INVALID_ARGUMENT);
        CHECK_STATUS(trunk_websocket_close(request, 1005, trunk_text("")), TRUNK_ERROR_INVALID_ARGUMENT);
    }
    pthread_mutex_unlock(&source->lock);
}

static void websocket(const struct server *server, enum delivery delivery, bool is_inline, const char *port)
{
    trunk_manager_options *options = manager_options(is_inline);
    CHECK_OK(trunk_manager_options_set_tls_ca_file(options, trunk_text(server_file(server, "ca"))));
    CHECK_OK(trunk_manager_options_set_websocket_send_buffer(options, 20000));
    trunk_manager *manager = manager_make(options);
    char url[100];
    snprintf(url, sizeof url, "%s://localhost:%d/ws", strncmp(port, "https", 5) == 0 ? "wss" : "ws",
             server_port(server, port));
    trunk_request_options *request = NULL;
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text(url), &request));
    struct source source = {.lock = PTHREAD_MUTEX_INITIALIZER, .messages = 30};
    struct exchange *exchange = exchange_new(manager, delivery);
    exchange->context = &source;
    exchange->on_part = converse;
    CHECK_OK(exchange_submit(exchange, request));
    exchanges_run(&exchange, 1, is_inline, 10000);
    CHECK(exchange_status(exchange) == 101);
    const struct record *error = exchange_find(exchange, TRUNK_PART_ERROR);
    if (error != NULL)
        test_fail(__FILE__, __LINE__, "it ended with %s: %s", status_name(error->error), error->message);
    CHECK(source.sent == 30 && source.writable == 30 && source.refused > 0);
    const struct record *last = exchange->count >= 2 ? &exchange->records[exchange->count - 2] : NULL;
    CHECK(last != NULL && last->frame_kind == TRUNK_FRAME_CLOSE && last->close_code == 1000);
    CHECK_STATUS(trunk_websocket_send(exchange->request, TRUNK_FRAME_PING, trunk_text("")),
                 TRUNK_ERROR_INVALID_STATE);
    exchange_free(exchange);
    CHECK_OK(trunk_request_options_free(request));
    CHECK_OK(trunk_manager_free(manager));
}

void test_streams(const struct server *server)
{
    static const char *const ports[] = {"http", "https", "https1"};
    char name[100];
    for (enum delivery delivery = RECV; delivery <= CALLBACK; delivery++) {
        for (int is_inline = 0; is_inline < 2; is_inline++) {
            const char *drive = is_inline ? "inline" : "threads";
            for (int port = 0; port < 3; port++) {
                snprintf(name, sizeof name, "upload: back pressure over %s by %s, %s", ports[port],
                         delivery_names[delivery], drive);
                test_begin(name);
                upload(server, delivery, is_inline, ports[port]);
                test_end();
            }
            snprintf(name, sizeof name, "websocket: echo by %s, %s", delivery_names[delivery], drive);
            test_begin(name);
            websocket(server, delivery, is_inline, delivery == QUEUE ? "https1" : "http");
            test_end();
        }
    }
    for (int is_inline = 0; is_inline < 2; is_inline++) {
        test_begin(is_inline ? "upload: small ones, inline" : "upload: small ones, threads");
        small_uploads(server, is_inline);
        test_end();
    }
}
