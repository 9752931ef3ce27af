/* libcurl's multi interface as the peer of the C jobs.
 *
 * Driven as its documentation recommends: one multi handle, easy handles reused for every request, connections kept in
 * the multi handle's pool; for HTTP/2 one connection, CURLMOPT_PIPELINING with CURLPIPE_MULTIPLEX and CURLOPT_PIPEWAIT.
 * --engine poll is curl_multi_perform with curl_multi_poll, --engine socket is curl_multi_socket_action on epoll. */
#include "common.h"
#include "curl_engines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct transfer {
    CURL *easy;
    const struct arguments *arguments;
    int64_t bytes;
    double resume_at; /* > 0 while the consumer stalls */
    bool stalled;     /* it has stalled already */
};

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    (void)data;
    struct transfer *transfer = user;
    const struct arguments *arguments = transfer->arguments;
    if (arguments->stall > 0 && !transfer->stalled && transfer->bytes >= arguments->stall_at) {
        transfer->stalled = true;
        transfer->resume_at = clock_now() + arguments->stall;
        return CURL_WRITEFUNC_PAUSE;
    }
    transfer->bytes += (int64_t)(size * count);
    return size * count;
}

static void transfer_init(struct transfer *transfer, const struct arguments *arguments)
{
    CURL *easy = curl_easy_init();
    *transfer = (struct transfer){.easy = easy, .arguments = arguments};
    curl_easy_setopt(easy, CURLOPT_URL, arguments->url);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    if (arguments->ca != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, arguments->ca);
    if (arguments->http == 2) {
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
        curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    }
    if (arguments->download) /* the largest there is: fewest calls of the callback */
        curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)CURL_MAX_READ_SIZE);
}

/* Whether the answer was complete, 200, and of the HTTP version asked for. */
static bool transfer_ok(const struct transfer *transfer, CURLcode code)
{
    long status = 0;
    long version = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_VERSION, &version);
    long wanted = transfer->arguments->http == 2 ? (long)CURL_HTTP_VERSION_2_0 : (long)CURL_HTTP_VERSION_1_1;
    bool ok = code == CURLE_OK && status == 200 && version == wanted && transfer->bytes == transfer->arguments->body;
    static bool told;
    if (!ok && !told) {
        told = true;
        fprintf(stderr, "curl: %s, status %ld, version %ld, %lld bytes\n", curl_easy_strerror(code), status, version,
                (long long)transfer->bytes);
    }
    return ok;
}

/* Counts what is done and, when asked to, starts it again. Returns how many are done. */
static int reap(CURLM *multi, struct result *result, bool again)
{
    int done = 0;
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct transfer *transfer = NULL;
        CURLcode code = message->data.result;
        CURL *easy = message->easy_handle;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
        result->requests++;
        result->bytes += transfer->bytes;
        if (!transfer_ok(transfer, code))
            result->errors++;
        transfer->bytes = 0;
        curl_multi_remove_handle(multi, easy);
        if (again)
            curl_multi_add_handle(multi, easy);
        done++;
    }
    return done;
}

static void run_requests(CURLM *multi, struct engine *engine, const struct arguments *arguments, struct result *result)
{
    struct transfer *transfers = calloc((size_t)arguments->in_flight, sizeof *transfers);
    if (transfers == NULL)
        abort();
    for (int i = 0; i < arguments->in_flight; i++) {
        transfer_init(&transfers[i], arguments);
        curl_multi_add_handle(multi, transfers[i].easy);
    }
    struct result warm = {0};
    double end = clock_now() + arguments->warmup;
    int done = arguments->in_flight;
    while (clock_now() < end) {
        engine_step(engine, done > 0, 100);
        done = reap(multi, &warm, true);
    }
    result->errors = warm.errors;
    double cpu = cpu_now();
    double start = clock_now();
    end = start + arguments->seconds;
    while (clock_now() < end) {
        engine_step(engine, done > 0, 100);
        done = reap(multi, result, true);
    }
    result->seconds = clock_now() - start;
    result->cpu_seconds = cpu_now() - cpu;
    for (int i = 0; i < arguments->in_flight; i++) {
        curl_multi_remove_handle(multi, transfers[i].easy);
        curl_easy_cleanup(transfers[i].easy);
    }
    free(transfers);
}

static void run_download(CURLM *multi, struct engine *engine, const struct arguments *arguments, struct result *result)
{
    struct transfer transfer;
    transfer_init(&transfer, arguments);
    memory_reset_peak();
    result->base_rss_kib = memory_kib("VmRSS");
    bool running = true;
    bool resumed = true;
    double cpu = cpu_now();
    double start = clock_now();
    curl_multi_add_handle(multi, transfer.easy);
    while (running) {
        double now = clock_now();
        if (now > start + arguments->stall + 60) {
            fprintf(stderr, "curl: the download takes too long\n");
            result->errors++;
            break;
        }
        if (transfer.resume_at > 0 && now >= transfer.resume_at) {
            transfer.resume_at = 0;
            curl_easy_pause(transfer.easy, CURLPAUSE_CONT);
            resumed = true;
        }
        engine_step(engine, resumed, 100);
        resumed = false;
        running = reap(multi, result, false) == 0;
    }
    result->seconds = clock_now() - start;
    result->cpu_seconds = cpu_now() - cpu;
    if (running)
        curl_multi_remove_handle(multi, transfer.easy);
    curl_easy_cleanup(transfer.easy);
}

int main(int argc, char **argv)
{
    struct arguments arguments = arguments_parse(argc, argv);
    if (*arguments.engine == '\0')
        arguments.engine = "poll";
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM *multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    if (arguments.http == 2)
        curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
    struct engine *engine = engine_new(multi, arguments.engine);

    char client[64];
    snprintf(client, sizeof client, "libcurl %s", curl_version_info(CURLVERSION_NOW)->version);
    struct result result = {.client = client};
    if (arguments.download)
        run_download(multi, engine, &arguments, &result);
    else
        run_requests(multi, engine, &arguments, &result);
    result_print(&arguments, &result);

    curl_multi_cleanup(multi);
    engine_free(engine);
    curl_global_cleanup();
    return 0;
}
