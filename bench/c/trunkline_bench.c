/* libtrunkline doing the C jobs: requests on the manager's queue, parts taken in batches by trunk_manager_poll.
 *
 * --engine threads is the default drive, one background thread; --engine inline runs the reactor inside the poll. */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trunkline.h>

enum { BATCH = 512 };

/* One place of the --in-flight ones; its request has it as user data. */
struct slot {
    uint16_t status;
    uint16_t version;
    int64_t bytes;
};

struct bench {
    const struct arguments *arguments;
    trunk_manager *manager;
    trunk_request_options *options;
    struct slot *slots;
    struct result result;
    bool again; /* whether what ends is submitted again */
    int running;
};

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
    must(trunk_manager_options_set_http(options, arguments->http == 2 ? TRUNK_HTTP_2 : TRUNK_HTTP_1), "http");
    if (arguments->ca != NULL)
        must(trunk_manager_options_set_tls_ca_file(options, trunk_text(arguments->ca)), "ca");
    must(trunk_manager_new(options, &manager), "manager");
    trunk_manager_options_free(options);
    return manager;
}

static void submit(struct bench *bench, struct slot *slot)
{
    *slot = (struct slot){0};
    must(trunk_manager_submit_queue(bench->manager, bench->options, slot, NULL), "submit");
}

/* Counts what has ended; it is wrong unless complete, 200 and of the HTTP version asked for. */
static void ended(struct bench *bench, const trunk_part *part, const struct slot *slot)
{
    static bool told;
    uint16_t version = bench->arguments->http == 2 ? 20 : 11;
    bench->result.requests++;
    bench->result.bytes += slot->bytes;
    if (trunk_part_kind(part) == TRUNK_PART_DONE && slot->status == 200 && slot->version == version &&
        slot->bytes == bench->arguments->body)
        return;
    bench->result.errors++;
    if (told)
        return;
    told = true;
    trunk_view message = trunk_part_error_message(part);
    fprintf(stderr, "trunkline: status %u, version %u, %lld bytes, %.*s\n", slot->status, slot->version,
            (long long)slot->bytes, (int)message.size, (const char *)message.data);
}

/* Polls once and takes what is there. Returns how many bytes of bodies came. */
static size_t step(struct bench *bench, int64_t timeout_ms)
{
    const trunk_part *parts[BATCH];
    size_t count = 0;
    size_t received = 0;
    must(trunk_manager_poll(bench->manager, parts, BATCH, timeout_ms, &count), "poll");
    for (size_t i = 0; i < count; i++) {
        const trunk_part *part = parts[i];
        struct slot *slot = trunk_part_user_data(part);
        switch (trunk_part_kind(part)) {
        case TRUNK_PART_HEAD:
            slot->status = trunk_part_status(part);
            slot->version = trunk_part_version(part);
            break;
        case TRUNK_PART_DATA: {
            size_t size = trunk_part_data(part).size;
            slot->bytes += (int64_t)size;
            received += size;
            break;
        }
        case TRUNK_PART_DONE:
        case TRUNK_PART_ERROR:
            ended(bench, part, slot);
            if (bench->again)
                submit(bench, slot);
            else
                bench->running--;
            break;
        default: break;
        }
    }
    return received;
}

static void run_requests(struct bench *bench)
{
    const struct arguments *arguments = bench->arguments;
    bench->again = true;
    for (int i = 0; i < arguments->in_flight; i++)
        submit(bench, &bench->slots[i]);
    double end = clock_now() + arguments->warmup;
    while (clock_now() < end)
        step(bench, 100);
    bench->result.requests = 0;
    bench->result.bytes = 0;
    double cpu = cpu_now();
    double start = clock_now();
    end = start + arguments->seconds;
    while (clock_now() < end)
        step(bench, 100);
    bench->result.seconds = clock_now() - start;
    bench->result.cpu_seconds = cpu_now() - cpu;
}

/* While the consumer stalls the loop goes on, as a program's would; only the credit is not given back. */
static void run_download(struct bench *bench)
{
    const struct arguments *arguments = bench->arguments;
    bool manual = arguments->stall > 0;
    trunk_request *request = NULL;
    struct slot *slot = bench->slots;
    size_t held = 0;
    double resume_at = 0;
    bool stalled = false;

    if (manual)
        must(trunk_request_options_set_manual_release(bench->options, true), "manual release");
    memory_reset_peak();
    bench->result.base_rss_kib = memory_kib("VmRSS");
    bench->running = 1;
    double cpu = cpu_now();
    double start = clock_now();
    must(trunk_manager_submit_queue(bench->manager, bench->options, slot, &request), "submit");
    while (bench->running > 0) {
        double now = clock_now();
        if (now > start + arguments->stall + 60) {
            fprintf(stderr, "trunkline: the download takes too long\n");
            bench->result.errors++;
            break;
        }
        held += step(bench, 100);
        if (!manual)
            continue;
        if (!stalled && slot->bytes >= arguments->stall_at) {
            stalled = true;
            resume_at = now + arguments->stall;
        }
        if (held > 0 && now >= resume_at) {
            /* an error only says that the request has ended meanwhile */
            (void)trunk_request_release(request, held);
            held = 0;
        }
    }
    bench->result.seconds = clock_now() - start;
    bench->result.cpu_seconds = cpu_now() - cpu;
    trunk_request_free(request);
}

int main(int argc, char **argv)
{
    struct arguments arguments = arguments_parse(argc, argv);
    if (*arguments.engine == '\0')
        arguments.engine = "threads";
    struct bench bench = {.arguments = &arguments, .result = {.client = "trunkline"}};
    bench.manager = manager_new(&arguments);
    bench.slots = calloc((size_t)arguments.in_flight, sizeof *bench.slots);
    if (bench.slots == NULL)
        abort();
    must(trunk_request_options_new(trunk_text("GET"), trunk_text(arguments.url), &bench.options), "request");

    if (arguments.download)
        run_download(&bench);
    else
        run_requests(&bench);
    result_print(&arguments, &bench.result);

    trunk_request_options_free(bench.options);
    trunk_manager_free(bench.manager);
    free(bench.slots);
    return 0;
}
