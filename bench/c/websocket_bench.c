/* libtrunkline doing the WebSocket jobs: --in-flight messages of --size bytes are sent at the start, then one for each that
 * comes back; batches are taken with trunk_websocket_recv_many and sent with trunk_websocket_send_many.
 *
 * --engine threads is the default drive, one background thread; --engine inline runs the reactor inside the receive. */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trunkline.h>

enum { BATCH = 512, PATIENCE_MS = 10000 };

static void must(trunk_status status, const char *what)
{
    if (status == TRUNK_OK)
        return;
    trunk_view message = trunk_last_error_message();
    fprintf(stderr, "%s: %.*s\n", what, (int)message.size, (const char *)message.data);
    exit(1);
}

static trunk_manager *manager_new(const struct arguments *arguments)
{
    trunk_manager_options *options = NULL;
    trunk_manager *manager = NULL;
    must(trunk_manager_options_new(&options), "options");
    if (strcmp(arguments->engine, "inline") == 0)
        must(trunk_manager_options_set_drive_inline(options), "drive");
    else if (strcmp(arguments->engine, "threads") != 0)
        must(TRUNK_ERROR_INVALID_ARGUMENT, "--engine must be threads or inline");
    must(trunk_manager_new(options, &manager), "manager");
    trunk_manager_options_free(options);
    return manager;
}

/* Takes a part that is no message: the head, or room to send; anything else is a failure. */
static void other_part(trunk_request *socket)
{
    const trunk_part *part = NULL;
    must(trunk_request_recv(socket, PATIENCE_MS, &part), "part");
    trunk_kind kind = trunk_part_kind(part);
    if (kind == TRUNK_PART_WRITABLE || (kind == TRUNK_PART_HEAD && trunk_part_status(part) == 101))
        return;
    trunk_view message = trunk_part_error_message(part);
    fprintf(stderr, "trunkline: part %d, status %u, %.*s\n", kind, trunk_part_status(part), (int)message.size,
            (const char *)message.data);
    exit(1);
}

/* Sends `count` messages; returns how many of them the queue had no room for. */
static size_t send_messages(trunk_request *socket, const trunk_message *messages, size_t count)
{
    while (count > 0) {
        size_t sent = 0;
        size_t wanted = count < BATCH ? count : BATCH;
        trunk_status status = trunk_websocket_send_many(socket, messages, wanted, &sent);
        if (status == TRUNK_ERROR_AGAIN)
            break;
        must(status, "send");
        count -= sent;
    }
    return count;
}

int main(int argc, char **argv)
{
    struct arguments arguments = arguments_parse(argc, argv);
    if (*arguments.engine == '\0')
        arguments.engine = "threads";
    size_t size = (size_t)arguments.body;
    uint8_t *payload = calloc(1, size + 1);
    if (payload == NULL)
        abort();
    trunk_message messages[BATCH];
    trunk_message received[BATCH];
    for (size_t i = 0; i < BATCH; i++)
        messages[i] = (trunk_message){.kind = TRUNK_FRAME_BINARY, .payload = trunk_bytes(payload, size)};

    trunk_manager *manager = manager_new(&arguments);
    trunk_request_options *options = NULL;
    trunk_request *socket = NULL;
    must(trunk_request_options_new(trunk_text("GET"), trunk_text(arguments.url), &options), "request");
    must(trunk_manager_submit_recv(manager, options, &socket), "submit");
    other_part(socket);

    struct result result = {.client = "trunkline"};
    size_t owed = send_messages(socket, messages, (size_t)arguments.in_flight);
    bool measured = false;
    double cpu = 0;
    double start = 0;
    double end = clock_now() + arguments.warmup;
    for (;;) {
        size_t count = 0;
        must(trunk_websocket_recv_many(socket, PATIENCE_MS, received, BATCH, &count), "receive");
        if (count == 0)
            other_part(socket);
        for (size_t i = 0; i < count; i++) {
            result.requests++;
            result.bytes += (int64_t)received[i].payload.size;
            result.errors += received[i].kind != TRUNK_FRAME_BINARY || received[i].payload.size != size;
        }
        owed = send_messages(socket, messages, owed + count);
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

    trunk_request_free(socket);
    trunk_request_options_free(options);
    trunk_manager_free(manager);
    free(payload);
    return 0;
}
