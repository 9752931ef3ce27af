/* Echoes what Autobahn's fuzzing server sends, and has it write its report.
 *
 *     client --url ws://127.0.0.1:9001 --agent NAME [--mode batches|callback]
 *
 * `batches` takes and sends messages in batches on a manager without threads, `callback` one by one on a manager with one.
 * However a case ends, the server is the judge of it. */
#include <getopt.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trunkline.h>

enum {
    PATIENCE_MS = 120000,
    BATCH = 64,
    /* The echoes of all that may have been delivered fit in, so that no send is refused. */
    SEND_BUFFER = 256 << 20
};

static void must(trunk_status status, const char *what)
{
    if (status == TRUNK_OK)
        return;
    trunk_view message = trunk_last_error_message();
    fprintf(stderr, "%s: %.*s\n", what, (int)message.size, (const char *)message.data);
    exit(1);
}

static trunk_manager *manager_new(bool is_inline)
{
    trunk_manager_options *options = NULL;
    trunk_manager *manager = NULL;
    must(trunk_manager_options_new(&options), "options");
    if (is_inline)
        must(trunk_manager_options_set_drive_inline(options), "drive");
    must(trunk_manager_options_set_websocket_deflate_effort(options, 6, 0), "compression");
    must(trunk_manager_options_set_websocket_send_buffer(options, SEND_BUFFER), "send buffer");
    must(trunk_manager_new(options, &manager), "manager");
    trunk_manager_options_free(options);
    return manager;
}

static trunk_request_options *get(const char *url)
{
    trunk_request_options *options = NULL;
    must(trunk_request_options_new(trunk_text("GET"), trunk_text(url), &options), url);
    return options;
}

static bool is_message(trunk_frame_kind kind)
{
    return kind == TRUNK_FRAME_TEXT || kind == TRUNK_FRAME_BINARY;
}

/* A send may come too late: then the server has closed, which the end tells. */
static void sent(trunk_status status)
{
    if (status != TRUNK_ERROR_INVALID_STATE)
        must(status, "send");
}

/* Takes messages in batches and sends each batch back, until the end. With `text` nothing is sent, and the first message is
 * copied there. */
static void by_batches(trunk_manager *manager, const char *url, char *text, size_t room)
{
    trunk_request_options *options = get(url);
    trunk_request *socket = NULL;
    must(trunk_manager_submit_recv(manager, options, &socket), "submit");
    trunk_request_options_free(options);
    for (;;) {
        trunk_message messages[BATCH];
        size_t count = 0;
        must(trunk_websocket_recv_many(socket, PATIENCE_MS, messages, BATCH, &count), "receive");
        if (count == 0) {
            const trunk_part *part = NULL;
            must(trunk_request_recv(socket, PATIENCE_MS, &part), "receive");
            if (trunk_part_is_terminal(part))
                break;
            continue;
        }
        size_t kept = 0;
        for (size_t i = 0; i < count; i++)
            if (is_message(messages[i].kind))
                messages[kept++] = messages[i];
        if (text != NULL) {
            if (kept > 0 && *text == '\0')
                snprintf(text, room, "%.*s", (int)messages[0].payload.size, (const char *)messages[0].payload.data);
            continue;
        }
        for (size_t done = 0; done < kept;) {
            size_t some = 0;
            trunk_status status = trunk_websocket_send_many(socket, messages + done, kept - done, &some);
            sent(status);
            if (status != TRUNK_OK)
                break;
            done += some;
        }
    }
    trunk_request_free(socket);
}

/* A case under way in the callbacks. */
struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ended;
};

static void echo(void *user_data, const trunk_part *part)
{
    struct waiting *waiting = user_data;
    if (trunk_part_kind(part) == TRUNK_PART_FRAME && is_message(trunk_part_frame_kind(part)))
        sent(trunk_websocket_send(trunk_part_request(part), trunk_part_frame_kind(part), trunk_part_data(part)));
    if (!trunk_part_is_terminal(part))
        return;
    pthread_mutex_lock(&waiting->lock);
    waiting->ended = true;
    pthread_cond_signal(&waiting->changed);
    pthread_mutex_unlock(&waiting->lock);
}

/* Sends each message back from a callback, until the end. */
static void by_callback(trunk_manager *manager, const char *url)
{
    struct waiting waiting = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    trunk_request_options *options = get(url);
    must(trunk_manager_submit_callback(manager, options, echo, &waiting, NULL, NULL), "submit");
    trunk_request_options_free(options);
    pthread_mutex_lock(&waiting.lock);
    while (!waiting.ended)
        pthread_cond_wait(&waiting.changed, &waiting.lock);
    pthread_mutex_unlock(&waiting.lock);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"url", required_argument, NULL, 'u'},
        {"agent", required_argument, NULL, 'a'},
        {"mode", required_argument, NULL, 'm'},
        {NULL, 0, NULL, 0},
    };
    const char *base = NULL;
    const char *agent = NULL;
    const char *mode = "batches";
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'u': base = optarg; break;
        case 'a': agent = optarg; break;
        case 'm': mode = optarg; break;
        default: return 2;
        }
    }
    bool batches = strcmp(mode, "batches") == 0;
    if (base == NULL || agent == NULL || (!batches && strcmp(mode, "callback") != 0)) {
        fprintf(stderr, "usage: client --url URL --agent NAME [--mode batches|callback]\n");
        return 2;
    }
    /* What the server is asked goes by batches in either mode. */
    trunk_manager *asking = manager_new(true);
    trunk_manager *manager = batches ? asking : manager_new(false);
    char url[500];
    char answer[100] = "";
    snprintf(url, sizeof url, "%s/getCaseCount", base);
    by_batches(asking, url, answer, sizeof answer);
    int count = atoi(answer);
    for (int number = 1; number <= count; number++) {
        snprintf(url, sizeof url, "%s/runCase?case=%d&agent=%s", base, number, agent);
        if (batches)
            by_batches(manager, url, NULL, 0);
        else
            by_callback(manager, url);
    }
    snprintf(url, sizeof url, "%s/updateReports?agent=%s", base, agent);
    by_batches(asking, url, answer, sizeof answer);
    printf("%d cases %s\n", count, agent);
    if (manager != asking)
        trunk_manager_free(manager);
    trunk_manager_free(asking);
    return count > 0 ? 0 : 1;
}
