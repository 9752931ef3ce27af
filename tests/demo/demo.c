/*
 * What Trunkline does, in C.
 *
 *   demo URL CA_FILE     a tour of the test server at URL: 100 resources over one connection, a large body both ways, a
 *                        WebSocket, requests cancelled midway
 *   demo [--url] URL     fetches URL, whose certificate the system must trust, and says how that went
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <trunkline.h>

#define MIB (1024 * 1024)

/* Ends the program when a call fails, with what the library says about it. */
#define TRY(call) try_status(call, #call)

static void try_status(trunk_status status, const char *call)
{
    if (status == TRUNK_OK)
        return;
    trunk_view name = trunk_status_name(status), message = trunk_last_error_message();
    fprintf(stderr, "%s: %.*s: %.*s\n", call, (int)name.size, (const char *)name.data, (int)message.size,
            (const char *)message.data);
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A request and what it has delivered; its address is the user data. */
struct exchange {
    trunk_request *request;
    void (*on_part)(struct exchange *exchange, const trunk_part *part);
    int status;
    uint64_t received, sent;
    int waits;
    int lines;
    double asked;
    trunk_status end;
};

static trunk_manager *manager;

/* Submits a request; with `streamed` its body is written later. */
static void submit(struct exchange *exchange, const char *method, const char *url, bool streamed)
{
    trunk_request_options *options = NULL;
    TRY(trunk_request_options_new(trunk_text(method), trunk_text(url), &options));
    if (streamed)
        TRY(trunk_request_options_set_streamed_body(options, -1));
    TRY(trunk_manager_submit_queue(manager, options, exchange, &exchange->request));
    TRY(trunk_request_options_free(options));
}

/* Takes parts until `count` requests have ended. */
static void run(int count)
{
    const trunk_part *parts[64];
    while (count > 0) {
        size_t taken = 0;
        TRY(trunk_manager_poll(manager, parts, 64, -1, &taken));
        for (size_t index = 0; index < taken; index++) {
            const trunk_part *part = parts[index];
            struct exchange *exchange = trunk_part_user_data(part);
            if (trunk_part_kind(part) == TRUNK_PART_HEAD)
                exchange->status = trunk_part_status(part);
            if (trunk_part_kind(part) == TRUNK_PART_DATA)
                exchange->received += trunk_part_data(part).size;
            if (exchange->on_part != NULL)
                exchange->on_part(exchange, part);
            if (trunk_part_is_terminal(part)) {
                exchange->end = trunk_part_error(part);
                TRY(trunk_request_free(exchange->request));
                count--;
            }
        }
    }
}

static uint64_t statistic(trunk_statistic which)
{
    trunk_statistics *statistics = NULL;
    uint64_t value = 0;
    TRY(trunk_manager_statistics(manager, &statistics));
    TRY(trunk_statistics_get(statistics, which, &value));
    TRY(trunk_statistics_free(statistics));
    return value;
}

/* ---- One page ---- */

static double milliseconds(const trunk_part *part, trunk_timing which)
{
    return (double)trunk_part_timing(part, which) / 1e6;
}

static void describe(struct exchange *exchange, const trunk_part *part)
{
    static const char *const protocols[] = {"none", "HTTP/1.1", "HTTP/2", "WebSocket"};
    if (trunk_part_kind(part) == TRUNK_PART_ERROR) {
        trunk_view name = trunk_status_name(trunk_part_error(part)), message = trunk_part_error_message(part);
        printf("failed     %.*s: %.*s\n", (int)name.size, (const char *)name.data, (int)message.size,
               (const char *)message.data);
    }
    if (trunk_part_kind(part) != TRUNK_PART_DONE)
        return;
    trunk_view tls = trunk_part_tls(part), peer = trunk_part_remote_address(part);
    printf("status     %d\n", exchange->status);
    printf("protocol   %s\n", protocols[trunk_part_protocol(part)]);
    printf("TLS        %.*s\n", tls.data == NULL ? 4 : (int)tls.size, tls.data == NULL ? "none" : (const char *)tls.data);
    printf("peer       %.*s\n", (int)peer.size, (const char *)peer.data);
    printf("size       %" PRIu64 " bytes\n", exchange->received);
    printf("timings    resolved %.1f ms, connected %.1f, secured %.1f, first byte %.1f, all %.1f\n",
           milliseconds(part, TRUNK_TIMING_RESOLVED), milliseconds(part, TRUNK_TIMING_CONNECTED),
           milliseconds(part, TRUNK_TIMING_SECURED), milliseconds(part, TRUNK_TIMING_FIRST_BYTE),
           milliseconds(part, TRUNK_TIMING_TOTAL));
}

static int fetch(const char *url)
{
    struct exchange exchange = {.on_part = describe};
    submit(&exchange, "GET", url, false);
    run(1);
    return exchange.end == TRUNK_OK ? 0 : 1;
}

/* ---- The tour ---- */

static char url_buffer[500];

static const char *url_of(const char *base, const char *path)
{
    snprintf(url_buffer, sizeof url_buffer, "%s%s", base, path);
    return url_buffer;
}

static bool resources(const char *base)
{
    enum { COUNT = 100 };
    static struct exchange exchanges[COUNT];
    double start = now();
    for (int index = 0; index < COUNT; index++) {
        char path[40];
        snprintf(path, sizeof path, "/resource/%d", index);
        submit(&exchanges[index], "GET", url_of(base, path), false);
    }
    run(COUNT);
    int good = 0;
    uint64_t bytes = 0;
    for (int index = 0; index < COUNT; index++) {
        good += exchanges[index].end == TRUNK_OK && exchanges[index].status == 200;
        bytes += exchanges[index].received;
    }
    printf("resources  %d of %d fetched at once, %" PRIu64 " bytes in %.1f ms, over %" PRIu64
           " connection, %" PRIu64 " HTTP/2 streams\n",
           good, COUNT, bytes, (now() - start) * 1e3, statistic(TRUNK_STATISTIC_CONNECTIONS_OPENED),
           statistic(TRUNK_STATISTIC_STREAMS_OPENED));
    return good == COUNT;
}

enum { LARGE = 64 * MIB };
static uint8_t pattern[65536];

/* Writes until the library says that it has enough, and goes on when it says that there is room. */
static void write_more(struct exchange *exchange)
{
    while (exchange->sent < LARGE) {
        trunk_status status = trunk_request_write(exchange->request, trunk_bytes(pattern, sizeof pattern));
        if (status == TRUNK_ERROR_AGAIN) {
            exchange->waits++;
            return;
        }
        TRY(status);
        exchange->sent += sizeof pattern;
    }
    TRY(trunk_request_finish(exchange->request, NULL, 0));
}

static bool broken;

static void both_ways(struct exchange *exchange, const trunk_part *part)
{
    if (trunk_part_kind(part) == TRUNK_PART_WRITABLE)
        write_more(exchange);
    if (trunk_part_kind(part) != TRUNK_PART_DATA)
        return;
    trunk_view data = trunk_part_data(part);
    uint64_t place = exchange->received - data.size;
    for (size_t index = 0; index < data.size; index++)
        broken |= data.data[index] != pattern[(place + index) % sizeof pattern];
}

static bool large_body(const char *base)
{
    struct exchange exchange = {.on_part = both_ways};
    for (size_t index = 0; index < sizeof pattern; index++)
        pattern[index] = (uint8_t)(index * 31 + index / 251);
    double start = now();
    submit(&exchange, "POST", url_of(base, "/echo"), true);
    write_more(&exchange);
    run(1);
    double seconds = now() - start;
    bool good = exchange.end == TRUNK_OK && exchange.received == LARGE && !broken;
    printf("large body %d MiB up and %" PRIu64 " MiB back in %.2f s (%.0f MiB/s each way), %s; it had to wait for room "
           "%d times\n",
           LARGE / MIB, exchange.received / MIB, seconds, LARGE / MIB / seconds,
           good ? "nothing lost or changed" : "BROKEN", exchange.waits);
    return good;
}

static const char *const lines[] = {"Hello, is anybody there?", "Do you repeat everything?", "Everything?", "Good-bye."};
enum { LINES = sizeof lines / sizeof *lines };

static void converse(struct exchange *exchange, const trunk_part *part)
{
    trunk_kind kind = trunk_part_kind(part);
    trunk_view said = trunk_part_data(part);
    if (kind == TRUNK_PART_FRAME && trunk_part_frame_kind(part) == TRUNK_FRAME_TEXT)
        printf("           \"%.*s\" after %.2f ms\n", (int)said.size, (const char *)said.data,
               (now() - exchange->asked) * 1e3);
    else if (kind == TRUNK_PART_FRAME && trunk_part_frame_kind(part) == TRUNK_FRAME_CLOSE)
        printf("           closed with code %d\n", trunk_part_close_code(part));
    else if (kind != TRUNK_PART_HEAD || exchange->status != 101)
        return;
    if (kind == TRUNK_PART_FRAME && trunk_part_frame_kind(part) != TRUNK_FRAME_TEXT)
        return;
    exchange->asked = now();
    if (exchange->lines < LINES)
        TRY(trunk_websocket_send(exchange->request, TRUNK_FRAME_TEXT, trunk_text(lines[exchange->lines++])));
    else
        TRY(trunk_websocket_close(exchange->request, 1000, trunk_text("enough")));
}

static bool websocket(const char *base)
{
    struct exchange exchange = {.on_part = converse};
    char url[500];
    /* http becomes ws, https becomes wss. */
    snprintf(url, sizeof url, "ws%s/ws", base + 4);
    printf("websocket  %s\n", url);
    submit(&exchange, "GET", url, false);
    run(1);
    if (exchange.end != TRUNK_OK) {
        trunk_view name = trunk_status_name(exchange.end);
        printf("           ended with %.*s\n", (int)name.size, (const char *)name.data);
    }
    return exchange.end == TRUNK_OK && exchange.lines == LINES;
}

static void cancel_midway(struct exchange *exchange, const trunk_part *part)
{
    if (trunk_part_kind(part) == TRUNK_PART_DATA && exchange->received >= 3)
        TRY(trunk_request_cancel(exchange->request));
}

static bool cancelling(const char *base)
{
    enum { COUNT = 20 };
    struct exchange exchanges[COUNT] = {{0}};
    double start = now();
    for (int index = 0; index < COUNT; index++) {
        bool cancelled = index % 2 == 0;
        if (cancelled)
            exchanges[index].on_part = cancel_midway;
        submit(&exchanges[index], "GET", url_of(base, cancelled ? "/drip/10000/10" : "/drip/10/10"), false);
    }
    run(COUNT);
    int cancelled = 0, whole = 0;
    for (int index = 0; index < COUNT; index++) {
        cancelled += exchanges[index].end == TRUNK_ERROR_CANCELLED;
        whole += exchanges[index].end == TRUNK_OK && exchanges[index].received == 10;
    }
    printf("cancelled  %d requests midway in %.0f ms; their %d neighbours on the connection came whole\n", cancelled,
           (now() - start) * 1e3, whole);
    return cancelled == COUNT / 2 && whole == COUNT / 2;
}

static void account(void)
{
    printf("in all     %" PRIu64 " requests (%" PRIu64 " done, %" PRIu64 " not), %" PRIu64 " connections, %" PRIu64
           " streams, %.1f MiB received, %.1f MiB sent",
           statistic(TRUNK_STATISTIC_REQUESTS_SUBMITTED), statistic(TRUNK_STATISTIC_REQUESTS_COMPLETED),
           statistic(TRUNK_STATISTIC_REQUESTS_FAILED), statistic(TRUNK_STATISTIC_CONNECTIONS_OPENED),
           statistic(TRUNK_STATISTIC_STREAMS_OPENED), (double)statistic(TRUNK_STATISTIC_BYTES_RECEIVED) / MIB,
           (double)statistic(TRUNK_STATISTIC_BYTES_SENT) / MIB);
    uint64_t ping = statistic(TRUNK_STATISTIC_PING_ROUND_TRIP);
    if (ping > 0)
        printf(", ping %.2f ms", (double)ping / 1e6);
    printf("\n");
}

int main(int argc, char **argv)
{
    int first = argc > 1 && strcmp(argv[1], "--url") == 0 ? 2 : 1;
    if (argc != first + 1 && argc != first + 2) {
        fprintf(stderr, "usage: %s [--url] URL [CA_FILE]\n", argv[0]);
        return 2;
    }
    const char *ca = argv[first + 1];
    char base[400];
    snprintf(base, sizeof base, "%s", argv[first]);

    trunk_manager_options *options = NULL;
    TRY(trunk_manager_options_new(&options));
    if (ca != NULL)
        TRY(trunk_manager_options_set_tls_ca_file(options, trunk_text(ca)));
    TRY(trunk_manager_options_set_http2_ping_interval(options, 50));
    TRY(trunk_manager_new(options, &manager));
    TRY(trunk_manager_options_free(options));

    int result;
    if (first == 2 || ca == NULL) {
        result = fetch(argv[first]);
    } else {
        size_t length = strlen(base);
        if (length > 0 && base[length - 1] == '/')
            base[length - 1] = '\0';
        bool good = resources(base);
        good &= large_body(base);
        good &= websocket(base);
        good &= cancelling(base);
        account();
        result = good ? 0 : 1;
    }
    bool all_ended = false;
    TRY(trunk_manager_shutdown(manager, 5000, &all_ended));
    TRY(trunk_manager_free(manager));
    return result;
}
