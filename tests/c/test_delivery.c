/* The three deliveries on both drives: one end, order, bounded, deadlines, cancelling, shutting down. */
#define _GNU_SOURCE
#include "harness.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static const struct server *server;

static trunk_request_options *get(const char *port, const char *path)
{
    char url[200];
    snprintf(url, sizeof url, "%s://localhost:%d%s", strncmp(port, "https", 5) == 0 ? "https" : "http",
             server_port(server, port), path);
    trunk_request_options *options = NULL;
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text(url), &options));
    return options;
}

/* Submits one request and runs it to its end. */
static struct exchange *fetch(trunk_manager *manager, enum delivery delivery, bool is_inline,
                              trunk_request_options *options)
{
    struct exchange *exchange = exchange_new(manager, delivery);
    CHECK_OK(exchange_submit(exchange, options));
    CHECK_OK(trunk_request_options_free(options));
    exchanges_run(&exchange, 1, is_inline, 10000);
    return exchange;
}

static void test_get(enum delivery delivery, bool is_inline)
{
    trunk_manager_options *options = manager_options(is_inline);
    CHECK_OK(trunk_manager_options_set_tls_ca_file(options, trunk_text(server_file(server, "ca"))));
    trunk_manager *manager = manager_make(options);

    struct exchange *exchange = fetch(manager, delivery, is_inline, get("http", "/bytes/100000"));
    CHECK(exchange_status(exchange) == 200 && exchange->bytes == 100000);
    const struct record *done = exchange_find(exchange, TRUNK_PART_DONE);
    CHECK(done != NULL && done->protocol == TRUNK_PROTOCOL_HTTP_1 && done->attempts == 1 && !done->reused);
    CHECK(done != NULL && done->received == 100000 && done->total_ns > 0 && done->tls[0] == '\0');
    bool ended = false;
    uint64_t id = 0;
    void *user_data = NULL;
    CHECK_OK(trunk_request_has_ended(exchange->request, &ended));
    CHECK_OK(trunk_request_id(exchange->request, &id));
    CHECK_OK(trunk_request_user_data(exchange->request, &user_data));
    CHECK(ended && id == 1 && user_data == (delivery == RECV ? NULL : (void *)exchange));
    CHECK_OK(trunk_request_cancel(exchange->request));
    if (delivery == RECV) {
        const trunk_part *part;
        CHECK_STATUS(trunk_request_recv(exchange->request, 0, &part), TRUNK_ERROR_END_OF_PARTS);
    }
    exchange_free(exchange);

    exchange = fetch(manager, delivery, is_inline, get("https", "/trailers"));
    CHECK(exchange_status(exchange) == 200);
    const struct record *head = exchange_find(exchange, TRUNK_PART_HEAD);
    CHECK(head != NULL && head->version == 20);
    const struct record *trailers = exchange_find(exchange, TRUNK_PART_TRAILERS);
    CHECK(trailers != NULL && cJSON_HasObjectItem(trailers->headers, "x-sum"));
    done = exchange_find(exchange, TRUNK_PART_DONE);
    CHECK(done != NULL && done->protocol == TRUNK_PROTOCOL_HTTP_2 && strncmp(done->tls, "TLSv1.3", 7) == 0);
    exchange_free(exchange);
    CHECK_OK(trunk_manager_free(manager));
}

static void test_many(enum delivery delivery, bool is_inline)
{
    trunk_manager_options *options = manager_options(is_inline);
    CHECK_OK(trunk_manager_options_set_tls_ca_file(options, trunk_text(server_file(server, "ca"))));
    trunk_manager *manager = manager_make(options);
    enum { COUNT = 50 };
    struct exchange *exchanges[COUNT];
    for (int index = 0; index < COUNT; index++) {
        char path[40];
        snprintf(path, sizeof path, "/resource/%d", index);
        trunk_request_options *request = get(index % 2 == 0 ? "https" : "http", path);
        exchanges[index] = exchange_new(manager, delivery);
        CHECK_OK(exchange_submit(exchanges[index], request));
        CHECK_OK(trunk_request_options_free(request));
    }
    exchanges_run(exchanges, COUNT, is_inline, 20000);
    for (int index = 0; index < COUNT; index++) {
        char start[40];
        snprintf(start, sizeof start, "{\"id\":\"%d\"", index);
        const struct record *data = exchange_find(exchanges[index], TRUNK_PART_DATA);
        CHECK(data != NULL && memmem(data->data, data->size, start + 1, strlen(start) - 1) != NULL);
        exchange_free(exchanges[index]);
    }
    CHECK_OK(trunk_manager_free(manager));
}

static void cancel_at_data(struct exchange *exchange, const trunk_part *part)
{
    (void)exchange;
    if (trunk_part_kind(part) == TRUNK_PART_DATA)
        CHECK_OK(trunk_request_cancel(trunk_part_request(part)));
}

static void test_cancel(enum delivery delivery, bool is_inline)
{
    trunk_manager *manager = manager_make(manager_options(is_inline));
    /* Before anything has come. */
    trunk_request_options *request = get("http", "/hang");
    struct exchange *first = exchange_new(manager, delivery);
    CHECK_OK(exchange_submit(first, request));
    CHECK_OK(trunk_request_cancel(first->request));
    exchanges_run(&first, 1, is_inline, 5000);
    CHECK_STATUS(exchange_end(first), TRUNK_ERROR_CANCELLED);
    CHECK(first->count == 1);
    exchange_free(first);
    CHECK_OK(trunk_request_options_free(request));
    /* In the middle of the body, with a neighbour that goes on. */
    struct exchange *both[2] = {exchange_new(manager, delivery), exchange_new(manager, delivery)};
    request = get("http", "/drip/1000/20");
    both[0]->on_part = cancel_at_data;
    CHECK_OK(exchange_submit(both[0], request));
    CHECK_OK(trunk_request_options_free(request));
    request = get("http", "/drip/5/20");
    CHECK_OK(exchange_submit(both[1], request));
    CHECK_OK(trunk_request_options_free(request));
    exchanges_run(both, 2, is_inline, 5000);
    CHECK_STATUS(exchange_end(both[0]), TRUNK_ERROR_CANCELLED);
    CHECK_STATUS(exchange_end(both[1]), TRUNK_OK);
    CHECK(both[1]->bytes == 5);
    exchange_free(both[0]);
    exchange_free(both[1]);
    CHECK_OK(trunk_manager_free(manager));
}

static void test_deadlines(enum delivery delivery, bool is_inline)
{
    trunk_manager *manager = manager_make(manager_options(is_inline));
    trunk_request_options *request = get("http", "/hang");
    CHECK_OK(trunk_request_options_set_first_byte_timeout(request, (uint64_t)slow(50)));
    struct exchange *exchange = fetch(manager, delivery, is_inline, request);
    CHECK_STATUS(exchange_end(exchange), TRUNK_ERROR_FIRST_BYTE_TIMEOUT);
    const struct record *error = exchange_find(exchange, TRUNK_PART_ERROR);
    CHECK(error != NULL && error->phase == TRUNK_PHASE_FIRST_BYTE && error->message[0] != '\0');
    exchange_free(exchange);

    request = get("http", "/drip/3/60000");
    CHECK_OK(trunk_request_options_set_idle_timeout(request, (uint64_t)slow(50)));
    exchange = fetch(manager, delivery, is_inline, request);
    CHECK_STATUS(exchange_end(exchange), TRUNK_ERROR_IDLE_TIMEOUT);
    CHECK(exchange->bytes == 1);
    exchange_free(exchange);

    request = get("http", "/drip/1000/20");
    CHECK_OK(trunk_request_options_set_total_timeout(request, (uint64_t)slow(100)));
    exchange = fetch(manager, delivery, is_inline, request);
    CHECK_STATUS(exchange_end(exchange), TRUNK_ERROR_TOTAL_TIMEOUT);
    exchange_free(exchange);

    /* Nobody listens on the discard port. */
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text("http://127.0.0.1:9/"), &request));
    exchange = fetch(manager, delivery, is_inline, request);
    CHECK_STATUS(exchange_end(exchange), TRUNK_ERROR_CONNECT_FAILED);
    error = exchange_find(exchange, TRUNK_PART_ERROR);
    CHECK(error != NULL && error->phase == TRUNK_PHASE_CONNECT);
    exchange_free(exchange);
    CHECK_OK(trunk_manager_free(manager));
}

static void test_shutdown(enum delivery delivery, bool is_inline)
{
    for (int by_deadline = 0; by_deadline < 2; by_deadline++) {
        trunk_manager *manager = manager_make(manager_options(is_inline));
        trunk_request_options *request = get("http", by_deadline ? "/hang" : "/delay/50");
        struct exchange *exchange = exchange_new(manager, delivery);
        CHECK_OK(exchange_submit(exchange, request));
        bool all_ended = by_deadline;
        CHECK_OK(trunk_manager_shutdown(manager, by_deadline ? slow(100) : slow(5000), &all_ended));
        CHECK(all_ended == !by_deadline);
        trunk_request *refused = NULL;
        CHECK_STATUS(trunk_manager_submit_recv(manager, request, &refused), TRUNK_ERROR_CLOSED);
        CHECK(refused == NULL);
        exchanges_run(&exchange, 1, is_inline, 5000);
        CHECK_STATUS(exchange_end(exchange), by_deadline ? TRUNK_ERROR_SHUTDOWN : TRUNK_OK);
        CHECK_OK(trunk_manager_shutdown(manager, 0, &all_ended));
        exchange_free(exchange);
        CHECK_OK(trunk_request_options_free(request));
        CHECK_OK(trunk_manager_free(manager));
    }
}

/* Freeing the manager first: whoever still listens hears the end. */
static void test_manager_first(enum delivery delivery, bool is_inline)
{
    trunk_manager *manager = manager_make(manager_options(is_inline));
    trunk_request_options *request = get("http", "/hang");
    struct exchange *exchange = exchange_new(manager, delivery);
    CHECK_OK(exchange_submit(exchange, request));
    CHECK_OK(trunk_request_options_free(request));
    pause_ms(20);
    CHECK_OK(trunk_manager_free(manager));
    if (delivery == RECV) {
        const trunk_part *part = NULL;
        CHECK_OK(trunk_request_recv(exchange->request, slow(5000), &part));
        CHECK(trunk_part_error(part) == TRUNK_ERROR_SHUTDOWN);
    } else if (delivery == CALLBACK) {
        for (int64_t end = now_ms() + slow(5000); exchange->destroyed == 0 && now_ms() < end;)
            pause_ms(1);
        CHECK(exchange->destroyed == 1 && exchange->terminals == 1);
        CHECK_STATUS(exchange_end(exchange), TRUNK_ERROR_SHUTDOWN);
    }
    exchange_free(exchange);
}

static void test_credit(enum delivery delivery, bool is_inline)
{
    enum { CREDIT = 20000, SIZE = 3000000 };
    trunk_manager *manager = manager_make(manager_options(is_inline));
    trunk_request_options *request = get("http", "/bytes/3000000");
    CHECK_OK(trunk_request_options_set_credit(request, CREDIT));
    CHECK_OK(trunk_request_options_set_manual_release(request, true));
    struct exchange *exchange = exchange_new(manager, delivery);
    exchange->discard = true;
    CHECK_OK(exchange_submit(exchange, request));
    CHECK_OK(trunk_request_options_free(request));
    uint64_t total = 0, held = 0;
    bool ended = false;
    for (int64_t end = now_ms() + slow(20000); !ended && now_ms() < end;) {
        const trunk_part *parts[8];
        size_t count = 0;
        trunk_status status = TRUNK_OK;
        if (delivery == RECV) {
            status = trunk_request_recv(exchange->request, 30, &parts[0]);
            count = status == TRUNK_OK;
        } else {
            status = trunk_manager_poll(manager, parts, 8, 30, &count);
        }
        for (size_t index = 0; index < count; index++) {
            held += trunk_part_data(parts[index]).size;
            total += trunk_part_data(parts[index]).size;
            ended |= trunk_part_is_terminal(parts[index]);
        }
        /* One read beyond the credit is allowed; no read is larger than this. */
        CHECK(held <= CREDIT + 1024 * 1024);
        if (count == 0 && held > 0) {
            CHECK(held >= CREDIT);
            CHECK_OK(trunk_request_release(exchange->request, held));
            held = 0;
        }
    }
    CHECK(ended && total == SIZE);
    exchange_free(exchange);
    CHECK_OK(trunk_manager_free(manager));
}

/* A host's own epoll loop, which watches the manager's descriptor only. */
static void test_descriptor(enum delivery delivery, bool is_inline)
{
    (void)delivery;
    trunk_manager *manager = manager_make(manager_options(is_inline));
    int descriptor = -1, set = epoll_create1(EPOLL_CLOEXEC);
    CHECK_OK(trunk_manager_descriptor(manager, &descriptor));
    struct epoll_event event = {.events = EPOLLIN};
    CHECK(epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event) == 0);
    int left = 10;
    char token;
    for (int index = 0; index < left; index++) {
        trunk_request_options *request = get("http", index % 2 == 0 ? "/bytes/50000" : "/delay/20");
        /* Nobody owns these. */
        CHECK_OK(trunk_manager_submit_queue(manager, request, &token, NULL));
        CHECK_OK(trunk_request_options_free(request));
    }
    while (left > 0 && !test_failed()) {
        int ready = epoll_wait(set, &event, 1, (int)slow(5000));
        CHECK(ready == 1);
        size_t count;
        do {
            const trunk_part *parts[4];
            count = 0;
            CHECK_OK(trunk_manager_poll(manager, parts, 4, 0, &count));
            for (size_t index = 0; index < count; index++) {
                CHECK(trunk_part_user_data(parts[index]) == &token);
                trunk_request *request = trunk_part_request(parts[index]);
                uint64_t id = 0;
                CHECK_OK(trunk_request_id(request, &id));
                CHECK(id != 0 && id == trunk_part_request_id(parts[index]));
                CHECK_STATUS(trunk_request_free(request), TRUNK_ERROR_INVALID_STATE);
                if (trunk_part_is_terminal(parts[index])) {
                    CHECK(trunk_part_kind(parts[index]) == TRUNK_PART_DONE);
                    left--;
                }
            }
        } while (count > 0);
    }
    close(set);
    CHECK_OK(trunk_manager_free(manager));
}

/* A part dies with the next poll or recv, and with its request. */
static void test_part_life(enum delivery delivery, bool is_inline)
{
    trunk_manager *manager = manager_make(manager_options(is_inline));
    trunk_request_options *request = get("http", "/bytes/10");
    trunk_request *handle = NULL;
    const trunk_part *first = NULL, *second = NULL;
    size_t count = 0;
    if (delivery == RECV) {
        CHECK_OK(trunk_manager_submit_recv(manager, request, &handle));
        CHECK_OK(trunk_request_recv(handle, slow(5000), &first));
        CHECK(trunk_part_status(first) == 200 && trunk_part_request(first) == handle);
        trunk_view length = trunk_part_header(first, trunk_text("Content-Length"));
        CHECK(view_is(length, "10"));
        CHECK(trunk_part_header(first, trunk_text("x-none")).data == NULL);
        CHECK_OK(trunk_request_recv(handle, slow(5000), &second));
        CHECK_STATUS(trunk_part_check(first), TRUNK_ERROR_INVALID_HANDLE);
        CHECK(trunk_part_data(second).size == 10);
        CHECK_OK(trunk_request_free(handle));
        CHECK_STATUS(trunk_part_check(second), TRUNK_ERROR_INVALID_HANDLE);
    } else {
        CHECK_OK(trunk_manager_submit_queue(manager, request, NULL, &handle));
        CHECK_OK(trunk_manager_poll(manager, &first, 1, slow(5000), &count));
        CHECK(count == 1 && trunk_part_request(first) == handle);
        CHECK_OK(trunk_request_free(handle));
        CHECK(trunk_part_request(first) == NULL && trunk_part_status(first) == 200);
        CHECK_STATUS(trunk_request_free(handle), TRUNK_ERROR_INVALID_HANDLE);
        bool done = false;
        while (!done && !test_failed()) {
            CHECK_OK(trunk_manager_poll(manager, &second, 1, slow(5000), &count));
            CHECK(count == 1);
            CHECK_STATUS(trunk_part_check(first), TRUNK_ERROR_INVALID_HANDLE);
            done = count == 1 && trunk_part_is_terminal(second);
        }
        CHECK_OK(trunk_manager_poll(manager, &first, 1, 0, &count));
        CHECK(count == 0);
        CHECK_STATUS(trunk_part_check(second), TRUNK_ERROR_INVALID_HANDLE);
    }
    CHECK_OK(trunk_request_options_free(request));
    CHECK_OK(trunk_manager_free(manager));
}

/* Requests that are left behind in every way are freed by the library: the leak checkers look. */
static void test_left_behind(enum delivery delivery, bool is_inline)
{
    trunk_manager *manager = manager_make(manager_options(is_inline));
    for (int index = 0; index < 8; index++) {
        trunk_request_options *request = get("http", index % 2 == 0 ? "/bytes/50000" : "/hang");
        struct exchange *exchange = exchange_new(manager, delivery);
        CHECK_OK(exchange_submit(exchange, request));
        CHECK_OK(trunk_request_options_free(request));
        if (index == 4)
            pause_ms(20);
        if (delivery == CALLBACK) {
            CHECK_OK(trunk_request_cancel(exchange->request));
            exchanges_run(&exchange, 1, is_inline, 5000);
        }
        exchange_free(exchange);
    }
    CHECK_OK(trunk_manager_free(manager));
}

static void test_tls(void)
{
    char certificate[1000], key[1000];
    test_begin("tls: an unknown authority, a client certificate, a unix socket");
    trunk_manager *manager = manager_make(manager_options(true));
    struct exchange *exchange = fetch(manager, RECV, true, get("https", "/bytes/1"));
    CHECK_STATUS(exchange_end(exchange), TRUNK_ERROR_TLS_CERTIFICATE);
    exchange_free(exchange);
    CHECK_OK(trunk_manager_free(manager));

    FILE *file = fopen(server_file(server, "client_cert"), "r");
    size_t certificate_size = file == NULL ? 0 : fread(certificate, 1, sizeof certificate, file);
    if (file != NULL)
        fclose(file);
    file = fopen(server_file(server, "client_key"), "r");
    size_t key_size = file == NULL ? 0 : fread(key, 1, sizeof key, file);
    if (file != NULL)
        fclose(file);
    trunk_manager_options *options = manager_options(true);
    CHECK_OK(trunk_manager_options_set_tls_ca_file(options, trunk_text(server_file(server, "ca"))));
    CHECK_OK(trunk_manager_options_set_tls_identity(options, trunk_bytes(certificate, certificate_size),
                                                    trunk_bytes(key, key_size)));
    CHECK_OK(trunk_manager_options_add_resolve(options, trunk_text("localhost"),
                                               (uint16_t)server_port(server, "mtls"), trunk_text("127.0.0.1")));
    manager = manager_make(options);
    char url[100];
    trunk_request_options *request = NULL;
    snprintf(url, sizeof url, "https://localhost:%d/bytes/1", server_port(server, "mtls"));
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text(url), &request));
    exchange = fetch(manager, RECV, true, request);
    CHECK(exchange_status(exchange) == 200);
    exchange_free(exchange);
    CHECK_OK(trunk_manager_free(manager));

    options = manager_options(true);
    CHECK_OK(trunk_manager_options_set_unix_socket(options, trunk_text(server_file(server, "unix"))));
    CHECK_OK(trunk_manager_options_set_tls_verify(options, false));
    manager = manager_make(options);
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text("http://unix.example/bytes/1"), &request));
    exchange = fetch(manager, RECV, true, request);
    CHECK(exchange_status(exchange) == 200);
    exchange_free(exchange);
    CHECK_OK(trunk_manager_free(manager));
    test_end();
}

void test_delivery(const struct server *embedded)
{
    static const struct {
        const char *name;
        void (*run)(enum delivery delivery, bool is_inline);
        /* The deliveries that it is about. */
        enum delivery first, last;
    } tests[] = {
        {"get", test_get, RECV, CALLBACK},
        {"many", test_many, RECV, CALLBACK},
        {"cancel", test_cancel, RECV, CALLBACK},
        {"deadlines", test_deadlines, RECV, CALLBACK},
        {"shutdown", test_shutdown, RECV, CALLBACK},
        {"manager first", test_manager_first, RECV, CALLBACK},
        {"left behind", test_left_behind, RECV, CALLBACK},
        {"credit", test_credit, RECV, QUEUE},
        {"part life", test_part_life, RECV, QUEUE},
        {"descriptor", test_descriptor, QUEUE, QUEUE},
    };
    server = embedded;
    for (size_t index = 0; index < sizeof tests / sizeof *tests; index++) {
        for (enum delivery delivery = tests[index].first; delivery <= tests[index].last; delivery++) {
            for (int is_inline = 0; is_inline < 2; is_inline++) {
                char name[100];
                snprintf(name, sizeof name, "delivery: %s by %s, %s", tests[index].name, delivery_names[delivery],
                         is_inline ? "inline" : "threads");
                test_begin(name);
                tests[index].run(delivery, is_inline);
                test_end();
            }
        }
    }
    test_tls();
}
