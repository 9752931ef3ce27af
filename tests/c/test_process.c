/* What concerns the whole process: forking, threads, the log, statistics. */
#include "handles.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct server *server;

static trunk_request_options *get(const char *path)
{
    char url[100];
    trunk_request_options *options = NULL;
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server_port(server, "http"), path);
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text(url), &options));
    return options;
}

static void fetch(trunk_manager *manager, trunk_request_options *options, bool is_inline, trunk_status end)
{
    struct exchange *exchange = exchange_new(manager, QUEUE);
    CHECK_OK(exchange_submit(exchange, options));
    exchanges_run(&exchange, 1, is_inline, 10000);
    CHECK_STATUS(exchange_end(exchange), end);
    exchange_free(exchange);
}

/* Promise 11: in the child every handle answers `forked` and can be freed; the parent notices nothing. */
static void test_fork(bool is_inline)
{
    struct handles handles = handles_make(server, "/drip/20/10", is_inline);
    fflush(stdout);
    int verdict[2] = {-1, -1};
    CHECK(pipe(verdict) == 0);
    pid_t child = fork();
    if (child == 0) {
        alarm((unsigned)slow(20));
        call_everything(&handles, TRUNK_ERROR_FORKED, TRUNK_OK);
        call_everything(&handles, TRUNK_ERROR_FORKED, TRUNK_OK);
        /* The child may have a manager of its own. */
        trunk_manager *own = manager_make(manager_options(is_inline));
        trunk_request_options *own_request = get("/bytes/1000");
        fetch(own, own_request, is_inline, TRUNK_OK);
        CHECK_STATUS(trunk_request_options_free(own_request), TRUNK_OK);
        CHECK_STATUS(trunk_manager_free(own), TRUNK_OK);
        CHECK(write(verdict[1], test_failed() ? "bad" : "good", 4) == 4);
        /* No leak checker is to look at what is the parent's: another program takes this process over. */
        execlp("true", "true", (char *)NULL);
        _exit(0);
    }
    char said[5] = "";
    int status = -1;
    close(verdict[1]);
    CHECK(read(verdict[0], said, 4) == 4 && strcmp(said, "good") == 0);
    close(verdict[0]);
    CHECK(waitpid(child, &status, 0) == child);
    const trunk_part *part = handles.part;
    CHECK_OK(trunk_part_check(part));
    size_t bytes = 0;
    while (trunk_part_kind(part) != TRUNK_PART_DONE && !test_failed()) {
        CHECK_OK(trunk_request_recv(handles.request, slow(5000), &part));
        bytes += trunk_part_data(part).size;
    }
    CHECK(bytes == 20);
    fetch(handles.manager, handles.request_options, is_inline, TRUNK_OK);
    handles_free(&handles);
}

static uint64_t statistic(trunk_manager *manager, trunk_statistic which)
{
    trunk_statistics *statistics = NULL;
    uint64_t value = 0;
    CHECK_OK(trunk_manager_statistics(manager, &statistics));
    CHECK_OK(trunk_statistics_get(statistics, which, &value));
    CHECK_OK(trunk_statistics_free(statistics));
    return value;
}

static void test_statistics(bool is_inline)
{
    trunk_manager *manager = manager_make(manager_options(is_inline));
    trunk_request_options *good = get("/bytes/1000"), *bad = get("/hang");
    CHECK_OK(trunk_request_options_set_total_timeout(bad, (uint64_t)slow(50)));
    for (int round = 0; round < 3; round++)
        fetch(manager, good, is_inline, TRUNK_OK);
    fetch(manager, bad, is_inline, TRUNK_ERROR_TOTAL_TIMEOUT);
    CHECK(statistic(manager, TRUNK_STATISTIC_REQUESTS_SUBMITTED) == 4);
    CHECK(statistic(manager, TRUNK_STATISTIC_REQUESTS_COMPLETED) == 3);
    CHECK(statistic(manager, TRUNK_STATISTIC_REQUESTS_FAILED) == 1);
    CHECK(statistic(manager, TRUNK_STATISTIC_REQUESTS_ACTIVE) == 0);
    CHECK(statistic(manager, TRUNK_STATISTIC_CONNECTIONS_OPENED) == 1);
    CHECK(statistic(manager, TRUNK_STATISTIC_BYTES_RECEIVED) > 3000);
    CHECK(statistic(manager, TRUNK_STATISTIC_BYTES_SENT) > 100);
    CHECK(statistic(manager, TRUNK_STATISTIC_STREAMS_OPENED) == 0);
    CHECK(statistic(manager, TRUNK_STATISTIC_REPLAYS) == 0);
    trunk_statistics *statistics = NULL;
    uint64_t count = 99;
    CHECK_OK(trunk_manager_statistics(manager, &statistics));
    CHECK_OK(trunk_statistics_errors(statistics, TRUNK_ERROR_TOTAL_TIMEOUT, &count));
    CHECK(count == 1);
    CHECK_OK(trunk_statistics_errors(statistics, TRUNK_ERROR_CANCELLED, &count));
    CHECK(count == 0);
    for (trunk_statistic which = 1; which <= TRUNK_STATISTIC_PING_ROUND_TRIP; which++)
        CHECK_OK(trunk_statistics_get(statistics, which, &count));
    CHECK_OK(trunk_manager_free(manager));
    CHECK_OK(trunk_statistics_get(statistics, TRUNK_STATISTIC_REQUESTS_SUBMITTED, &count));
    CHECK(count == 4);
    CHECK_OK(trunk_statistics_free(statistics));
    CHECK_OK(trunk_request_options_free(good));
    CHECK_OK(trunk_request_options_free(bad));
}

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static int log_lines, log_wrong, log_destroyed;

static void log_line(void *user_data, trunk_log_level level, trunk_view target, trunk_view message)
{
    (void)user_data;
    pthread_mutex_lock(&log_lock);
    log_lines++;
    if (level < TRUNK_LOG_ERROR || level > TRUNK_LOG_TRACE || target.size == 0 || message.size == 0)
        log_wrong++;
    pthread_mutex_unlock(&log_lock);
}

static void log_destroy(void *user_data)
{
    (void)user_data;
    pthread_mutex_lock(&log_lock);
    log_destroyed++;
    pthread_mutex_unlock(&log_lock);
}

static void test_log(void)
{
    CHECK_OK(trunk_set_log_callback(TRUNK_LOG_TRACE, log_line, NULL, log_destroy));
    trunk_manager *manager = manager_make(manager_options(false));
    trunk_request_options *options = get("/bytes/1000");
    CHECK_OK(trunk_request_options_set_http(options, TRUNK_HTTP_2));
    fetch(manager, options, false, TRUNK_OK);
    CHECK(log_lines > 0 && log_wrong == 0 && log_destroyed == 0);
    CHECK_OK(trunk_set_log_callback(TRUNK_LOG_ERROR, log_line, NULL, log_destroy));
    CHECK_OK(trunk_set_log_callback(TRUNK_LOG_OFF, NULL, NULL, log_destroy));
    pthread_mutex_lock(&log_lock);
    int before = log_lines;
    pthread_mutex_unlock(&log_lock);
    fetch(manager, options, false, TRUNK_OK);
    CHECK(log_lines == before);
    CHECK_OK(trunk_request_options_free(options));
    CHECK_OK(trunk_manager_free(manager));
    for (int64_t end = now_ms() + slow(2000); log_destroyed < 3 && now_ms() < end;)
        pause_ms(1);
    CHECK(log_destroyed == 3);
}

struct worker {
    pthread_t thread;
    trunk_manager *manager;
    trunk_request_options *options;
    int done;
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    for (int round = 0; round < 10; round++) {
        trunk_request *request = NULL;
        const trunk_part *part = NULL;
        if (trunk_manager_submit_recv(worker->manager, worker->options, &request) != TRUNK_OK)
            break;
        while (trunk_request_recv(request, slow(10000), &part) == TRUNK_OK && !trunk_part_is_terminal(part))
            ;
        worker->done += trunk_part_kind(part) == TRUNK_PART_DONE;
        trunk_request_free(request);
    }
    return NULL;
}

/* Blocking calls from several threads on one manager; with the inline drive they take turns at the reactor. */
static void test_threads(bool is_inline)
{
    trunk_manager *manager = manager_make(manager_options(is_inline));
    trunk_request_options *options = get("/bytes/20000");
    struct worker workers[6];
    for (int index = 0; index < 6; index++) {
        workers[index] = (struct worker){.manager = manager, .options = options};
        pthread_create(&workers[index].thread, NULL, work, &workers[index]);
    }
    for (int index = 0; index < 6; index++) {
        pthread_join(workers[index].thread, NULL);
        CHECK(workers[index].done == 10);
    }
    CHECK_OK(trunk_request_options_free(options));
    CHECK_OK(trunk_manager_free(manager));
}

static void *poll_long(void *argument)
{
    const trunk_part *parts[4];
    size_t count = 0;
    trunk_status status = trunk_manager_poll(argument, parts, 4, slow(300), &count);
    return status == TRUNK_OK && count == 0 ? argument : NULL;
}

/* One thread polls; a second one is told so. */
static void test_busy(void)
{
    trunk_manager *manager = manager_make(manager_options(false));
    pthread_t thread;
    void *result = NULL;
    pthread_create(&thread, NULL, poll_long, manager);
    pause_ms((int)slow(100));
    const trunk_part *part = NULL;
    size_t count = 7;
    CHECK_STATUS(trunk_manager_poll(manager, &part, 1, 0, &count), TRUNK_ERROR_BUSY);
    CHECK(part == NULL && count == 7);
    pthread_join(thread, &result);
    CHECK(result != NULL);
    CHECK_OK(trunk_manager_free(manager));
}

static void *recv_for_ever(void *argument)
{
    const trunk_part *part = NULL;
    trunk_status status = trunk_request_recv(argument, -1, &part);
    return status == TRUNK_ERROR_INVALID_HANDLE && part == NULL ? argument : NULL;
}

/* Freeing a request ends the wait of whoever receives from it. */
static void test_free_while_waiting(bool is_inline)
{
    trunk_manager *manager = manager_make(manager_options(is_inline));
    trunk_request_options *options = get("/hang");
    trunk_request *request = NULL;
    CHECK_OK(trunk_manager_submit_recv(manager, options, &request));
    pthread_t thread;
    void *result = NULL;
    pthread_create(&thread, NULL, recv_for_ever, request);
    pause_ms((int)slow(50));
    const trunk_part *part = NULL;
    CHECK_STATUS(trunk_request_recv(request, 0, &part), TRUNK_ERROR_BUSY);
    CHECK_OK(trunk_request_free(request));
    pthread_join(thread, &result);
    CHECK(result == request);
    CHECK_OK(trunk_request_options_free(options));
    CHECK_OK(trunk_manager_free(manager));
}

static void *free_options(void *argument)
{
    return trunk_manager_options_free(argument) == TRUNK_OK ? argument : NULL;
}

/* Of several threads that free the same handle, one does. */
static void test_free_at_once(void)
{
    for (int round = 0; round < 50; round++) {
        trunk_manager_options *options = manager_options(false);
        pthread_t threads[4];
        int freed = 0;
        for (int index = 0; index < 4; index++)
            pthread_create(&threads[index], NULL, free_options, options);
        for (int index = 0; index < 4; index++) {
            void *result = NULL;
            pthread_join(threads[index], &result);
            freed += result != NULL;
        }
        CHECK(freed == 1);
    }
}

void test_process(const struct server *embedded)
{
    server = embedded;
    test_begin("freed by four threads at once");
    test_free_at_once();
    test_end();
    for (int is_inline = 0; is_inline < 2; is_inline++) {
        test_begin(is_inline ? "fork, inline" : "fork, threads");
        test_fork(is_inline);
        test_end();
        test_begin(is_inline ? "statistics, inline" : "statistics, threads");
        test_statistics(is_inline);
        test_end();
        test_begin(is_inline ? "freed while another thread waits, inline" : "freed while another thread waits, threads");
        test_free_while_waiting(is_inline);
        test_end();
        test_begin(is_inline ? "six threads, inline" : "six threads, threads");
        test_threads(is_inline);
        test_end();
    }
    test_begin("log");
    test_log();
    test_end();
    test_begin("busy: two polls at once");
    test_busy();
    test_end();
}
