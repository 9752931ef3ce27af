/* libtrunkline's engine without a socket over a blocking one of this program: --in-flight streams of HTTP/2 in clear text, each
 * asked anew when it has its answer. */
#include "common.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <trunkline.h>

enum { BUFFER = 64 * 1024 };

static trunk_engine *engine;
static trunk_request_head request;
static struct result result;
static int64_t expected;

/* One of the streams. */
struct slot {
    int64_t bytes;
    uint16_t status;
};

static void must(trunk_status status, const char *what)
{
    if (status == TRUNK_OK)
        return;
    trunk_view message = trunk_last_error_message();
    fprintf(stderr, "%s: %.*s\n", what, (int)message.size, (const char *)message.data);
    exit(1);
}

static void ask(struct slot *slot);

static void on_head(void *user_data, trunk_answer *answer, uint16_t status, const trunk_header *fields, size_t count)
{
    struct slot *slot = user_data;
    (void)fields;
    (void)count;
    slot->status = status;
    slot->bytes = 0;
    must(trunk_answer_read(answer), "read");
    must(trunk_answer_free(answer), "free");
}

static trunk_flow on_data(void *user_data, trunk_view data)
{
    struct slot *slot = user_data;
    slot->bytes += (int64_t)data.size;
    return TRUNK_FLOW_CONTINUE;
}

static void on_end(void *user_data)
{
    struct slot *slot = user_data;
    result.requests++;
    result.bytes += slot->bytes;
    result.errors += slot->status != 200 || slot->bytes != expected;
    ask(slot);
}

static void on_error(void *user_data, const trunk_engine_error *error)
{
    (void)user_data;
    fprintf(stderr, "trunkline: %.*s\n", (int)error->message.size, (const char *)error->message.data);
    exit(1);
}

static const trunk_exchange_handlers exchange = {
    .size = sizeof exchange, .head = on_head, .error = on_error, .data = on_data, .end = on_end};
static const trunk_connection_handlers connection = {.size = sizeof connection, .error = on_error};

static void ask(struct slot *slot)
{
    must(trunk_engine_request(engine, &request, &exchange, slot, NULL), "request");
}

static int dial(const char *url)
{
    char host[200], port[10];
    struct addrinfo *address, hints = {.ai_socktype = SOCK_STREAM};
    if (sscanf(url, "http://%199[^:/]:%9[0-9]", host, port) != 2 || getaddrinfo(host, port, &hints, &address) != 0) {
        fprintf(stderr, "no address in %s\n", url);
        exit(1);
    }
    int descriptor = socket(address->ai_family, SOCK_STREAM, 0), on = 1;
    if (descriptor < 0 || connect(descriptor, address->ai_addr, address->ai_addrlen) != 0) {
        perror("connect");
        exit(1);
    }
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    freeaddrinfo(address);
    return descriptor;
}

/* Writes all there is, then reads once. */
static void turn(int descriptor, uint8_t *buffer)
{
    trunk_write_operation next;
    for (;;) {
        must(trunk_engine_next_write_operation(engine, &next), "next write");
        if (next.operation != TRUNK_OPERATION_WRITE)
            break;
        ssize_t written = writev(descriptor, (const struct iovec *)(const void *)next.vectors, (int)next.count);
        must(trunk_engine_report_write_result(engine, written), "report");
    }
    ssize_t got = read(descriptor, buffer, BUFFER);
    if (got <= 0) {
        fprintf(stderr, "the server has closed\n");
        exit(1);
    }
    for (size_t taken = 0; taken < (size_t)got;) {
        size_t consumed = 0;
        must(trunk_engine_read(engine, trunk_bytes(buffer + taken, (size_t)got - taken), &consumed), "read");
        if (consumed == 0)
            break; /* No peer of this bench lets what is to be written pile up. */
        taken += consumed;
    }
}

int main(int argc, char **argv)
{
    struct arguments arguments = arguments_parse(argc, argv);
    struct slot *slots = calloc((size_t)arguments.in_flight, sizeof *slots);
    uint8_t *buffer = malloc(BUFFER);
    if (slots == NULL || buffer == NULL)
        abort();
    expected = arguments.body;
    request = (trunk_request_head){sizeof request, trunk_text("GET"), trunk_text(arguments.url), NULL, 0};
    int descriptor = dial(arguments.url);
    must(trunk_http2_new(NULL, &connection, NULL, &engine), "engine");
    for (int index = 0; index < arguments.in_flight; index++)
        ask(&slots[index]);

    bool measured = false;
    double cpu = 0, start = 0, end = clock_now() + arguments.warmup;
    for (;;) {
        turn(descriptor, buffer);
        double now = clock_now();
        if (now < end)
            continue;
        if (measured) {
            result.seconds = now - start;
            result.cpu_seconds = cpu_now() - cpu;
            break;
        }
        measured = true;
        result = (struct result){.client = "trunkline"};
        cpu = cpu_now();
        start = clock_now();
        end = start + arguments.seconds;
    }
    result_print(&arguments, &result);
    trunk_engine_free(engine);
    free(buffer);
    free(slots);
    return 0;
}
