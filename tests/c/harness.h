/* What the C tests share: counting checks, starting the test server, running requests in any delivery. */
#ifndef HARNESS_H
#define HARNESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <cjson/cJSON.h>
#include <trunkline.h>

/* ---- Checks ---- */

/* Begins a test; `check` failures count against it. */
void test_begin(const char *name);
/* Ends it, and counts it as passed or failed. */
void test_end(void);
/* Counts the test that runs as failed and says why. */
void test_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool test_failed(void);
extern int tests_passed, tests_failed;

#define CHECK(condition)                                                                                             \
    do {                                                                                                             \
        if (!(condition))                                                                                            \
            test_fail(__FILE__, __LINE__, "%s", #condition);                                                         \
    } while (0)

#define CHECK_STATUS(call, expected)                                                                                 \
    do {                                                                                                             \
        trunk_status got_ = (call), wanted_ = (expected);                                                            \
        if (got_ != wanted_)                                                                                         \
            test_fail(__FILE__, __LINE__, "%s: %s (%s), not %s", #call, status_name(got_), last_message(),           \
                      status_name(wanted_));                                                                         \
    } while (0)

#define CHECK_OK(call) CHECK_STATUS(call, TRUNK_OK)

const char *status_name(trunk_status status);
/* The last error's message, zero-terminated; one buffer for each thread. */
const char *last_message(void);
bool view_is(trunk_view view, const char *text);
/* Milliseconds, stretched by TRUNKLINE_TEST_SLOW. */
int64_t slow(int64_t milliseconds);
int64_t now_ms(void);
void pause_ms(int milliseconds);
/* Stops the process when nothing has happened for too long: a hang is a failure, too. */
void watchdog(int seconds);

/* ---- The server ---- */

struct server {
    pid_t pid;
    int input;
    cJSON *places;
};

/* Starts `trunkline-test-server ARGUMENT...`, up to the line that says where it is. */
bool server_start(struct server *server, const char *mode, const char *argument);
void server_stop(struct server *server);
int server_port(const struct server *server, const char *name);
const char *server_file(const struct server *server, const char *name);

/* ---- Managers ---- */

trunk_manager_options *manager_options(bool is_inline);
/* Makes a manager and frees the options. */
trunk_manager *manager_make(trunk_manager_options *options);

/* ---- Exchanges ---- */

enum delivery { RECV, QUEUE, CALLBACK };
extern const char *const delivery_names[];

/* What a request delivered of one kind in a row. */
struct record {
    trunk_kind kind;
    int status;
    int version;
    char url[300];
    cJSON *headers;
    uint8_t *data;
    size_t size, room;
    int frame_kind;
    int close_code;
    trunk_status error;
    trunk_phase phase;
    char message[200];
    bool reused;
    unsigned attempts;
    trunk_protocol protocol;
    uint64_t received, sent, total_ns;
    char tls[80];
};

/* A request under way, and all that it delivered. */
struct exchange {
    trunk_manager *manager;
    enum delivery delivery;
    trunk_request *request;
    /* Called with each part, before it is recorded, without the lock. */
    void (*on_part)(struct exchange *exchange, const trunk_part *part);
    void *context;
    /* Bodies of data parts are counted but not kept. */
    bool discard;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct record *records;
    size_t count;
    uint64_t bytes;
    size_t parts;
    bool ended;
    int terminals;
    bool broken_order;
    int destroyed;
};

struct exchange *exchange_new(trunk_manager *manager, enum delivery delivery);
trunk_status exchange_submit(struct exchange *exchange, const trunk_request_options *options);
/* Runs the manager until all of these have ended, and a little longer for the callbacks' destroy hooks. */
bool exchanges_run(struct exchange **exchanges, size_t count, bool is_inline, int64_t timeout_ms);
void exchange_free(struct exchange *exchange);
const struct record *exchange_find(const struct exchange *exchange, trunk_kind kind);
/* The status of the head, or 0. */
int exchange_status(const struct exchange *exchange);
/* How it ended: TRUNK_OK for done, -1 while it has not. */
trunk_status exchange_end(const struct exchange *exchange);

/* ---- The groups of tests ---- */

void test_handles(const struct server *server);
void test_delivery(const struct server *server);
void test_callbacks(const struct server *server);
void test_decisions(const struct server *server);
void test_pieces(const struct server *server);
void test_resolver(const struct server *server);
void test_insight(const struct server *server);
void test_urls(const struct server *server);
void test_fields(const struct server *server);
void test_handshakes(const struct server *server);
void test_text(const struct server *server);
void test_connections(const struct server *server);
void test_streams(const struct server *server);
void test_websockets(const struct server *server);
void test_websocket_ends(const struct server *server);
void test_tunnels(const struct server *server);
void test_sansio(const struct server *server);
void test_sansio_frames(void);
void test_sansio_websocket(const struct server *server);
void test_sansio_uploads(const struct server *server);
void test_sansio_example(const struct server *server);
void test_process(const struct server *server);
void test_cases(const char *folder, const char *only);

#endif
