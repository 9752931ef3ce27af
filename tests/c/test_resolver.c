/* Look-ups by a function of the caller's: answered at once, later, elsewhere, in vain, or for nobody. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

/* What the resolver does when it is asked, and what it was asked for. */
struct scene {
    trunk_manager *manager;
    int port;
    bool is_inline;
    enum { AT_ONCE, ELSEWHERE, LATER } when;
    trunk_view answers[3];
    size_t count;

    pthread_mutex_t lock;
    trunk_resolve *asked;
    int calls, destroyed;
    pthread_t thread;
    bool thread_started;
};

static struct scene scene_of(const struct server *server, bool is_inline, int when)
{
    struct scene scene = {.port = server_port(server, "http"), .is_inline = is_inline, .lock = PTHREAD_MUTEX_INITIALIZER};
    scene.when = when;
    scene.answers[0] = trunk_text("127.0.0.1");
    scene.count = 1;
    return scene;
}

static void *answer(void *user_data)
{
    struct scene *scene = user_data;
    CHECK_OK(trunk_resolve_finish(scene->asked, scene->answers, scene->count));
    CHECK_STATUS(trunk_resolve_fail(scene->asked, trunk_text("again")), TRUNK_ERROR_INVALID_HANDLE);
    return NULL;
}

static void look_up(void *user_data, trunk_resolve *resolve)
{
    struct scene *scene = user_data;
    pthread_mutex_lock(&scene->lock);
    scene->calls++;
    scene->asked = resolve;
    pthread_mutex_unlock(&scene->lock);
    CHECK(view_is(trunk_resolve_host(resolve), "name.test") && trunk_resolve_port(resolve) == scene->port);
    CHECK(!trunk_resolve_is_abandoned(resolve));
    if (scene->when == AT_ONCE) {
        answer(scene);
        CHECK(trunk_resolve_host(resolve).data == NULL && trunk_resolve_port(resolve) == 0);
    } else if (scene->when == ELSEWHERE) {
        scene->thread_started = pthread_create(&scene->thread, NULL, answer, scene) == 0;
        CHECK(scene->thread_started);
    }
}

static void destroyed(void *user_data)
{
    struct scene *scene = user_data;
    pthread_mutex_lock(&scene->lock);
    scene->destroyed++;
    pthread_mutex_unlock(&scene->lock);
}

static void make_manager(struct scene *scene)
{
    trunk_manager_options *options = manager_options(scene->is_inline);
    CHECK_OK(trunk_manager_options_set_resolver(options, look_up, scene, destroyed));
    scene->manager = manager_make(options);
}

/* Submits a GET of the name; a timeout of 0 sets none. */
static struct exchange *submit(struct scene *scene, uint64_t timeout_ms)
{
    char url[100];
    trunk_request_options *options = NULL;
    snprintf(url, sizeof url, "http://Name.test:%d/headers", scene->port);
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text(url), &options));
    CHECK_OK(trunk_request_options_set_resolve_timeout(options, timeout_ms));
    struct exchange *exchange = exchange_new(scene->manager, RECV);
    CHECK_OK(exchange_submit(exchange, options));
    CHECK_OK(trunk_request_options_free(options));
    return exchange;
}

/* Waits until the resolver was asked. */
static void wait_for_call(struct scene *scene, struct exchange *exchange)
{
    const trunk_part *part;
    for (int64_t end = now_ms() + slow(5000); now_ms() < end;) {
        pthread_mutex_lock(&scene->lock);
        bool asked = scene->asked != NULL;
        pthread_mutex_unlock(&scene->lock);
        if (asked)
            return;
        CHECK_STATUS(trunk_request_recv(exchange->request, 1, &part), TRUNK_ERROR_TIMEOUT);
    }
    CHECK(!"the resolver was asked");
}

/* Runs the exchange to its end, frees the manager, and checks what became of the user data. */
static void finish(struct scene *scene, struct exchange *exchange, trunk_status end)
{
    exchanges_run(&exchange, 1, scene->is_inline, 10000);
    CHECK_STATUS(exchange_end(exchange), end);
    const struct record *error = exchange_find(exchange, TRUNK_PART_ERROR);
    CHECK(error == NULL || end == TRUNK_ERROR_CANCELLED || error->phase == TRUNK_PHASE_RESOLVE);
    exchange_free(exchange);
    CHECK(scene->destroyed == 0);
    CHECK_OK(trunk_manager_free(scene->manager));
    CHECK(scene->calls == 1 && scene->destroyed == 1);
    if (scene->thread_started)
        pthread_join(scene->thread, NULL);
}

static void test_answers(const struct server *server, bool is_inline)
{
    for (int when = AT_ONCE; when <= LATER; when++) {
        struct scene scene = scene_of(server, is_inline, when);
        make_manager(&scene);
        struct exchange *exchange = submit(&scene, 0);
        if (when == LATER) {
            wait_for_call(&scene, exchange);
            answer(&scene);
        }
        finish(&scene, exchange, TRUNK_OK);
    }
}

/* Nobody listens on the first two; the third is one of the server's. */
static void test_several_addresses(const struct server *server, bool is_inline)
{
    struct scene scene = scene_of(server, is_inline, AT_ONCE);
    scene.answers[0] = trunk_text("::ffff:127.0.0.99");
    scene.answers[1] = trunk_text("127.0.0.98");
    scene.answers[2] = trunk_text("127.0.0.1");
    scene.count = 3;
    make_manager(&scene);
    finish(&scene, submit(&scene, 0), TRUNK_OK);
}

static void test_failures(const struct server *server, bool is_inline)
{
    struct scene scene = scene_of(server, is_inline, AT_ONCE);
    scene.count = 0;
    make_manager(&scene);
    finish(&scene, submit(&scene, 0), TRUNK_ERROR_RESOLVE_FAILED);

    scene = scene_of(server, is_inline, LATER);
    make_manager(&scene);
    struct exchange *exchange = submit(&scene, 0);
    wait_for_call(&scene, exchange);
    /* What is refused changes nothing. */
    trunk_view bad[2] = {trunk_text("127.0.0.1"), trunk_text("localhost")}, no_text = trunk_bytes("\xff", 1);
    CHECK_STATUS(trunk_resolve_finish(scene.asked, bad, 2), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_resolve_finish(scene.asked, NULL, 1), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_resolve_finish(scene.asked, bad, SIZE_MAX / 2), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_resolve_fail(scene.asked, no_text), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK(view_is(trunk_resolve_host(scene.asked), "name.test"));
    CHECK_OK(trunk_resolve_fail(scene.asked, trunk_text("no such star")));
    exchanges_run(&exchange, 1, is_inline, 10000);
    const struct record *error = exchange_find(exchange, TRUNK_PART_ERROR);
    CHECK(error != NULL && strstr(error->message, "no such star") != NULL);
    finish(&scene, exchange, TRUNK_ERROR_RESOLVE_FAILED);
}

/* The look-up outlives who waited for it, and even the manager. */
static void test_abandoned(const struct server *server, bool is_inline)
{
    enum { CANCELLED, TIMED_OUT, MANAGER_FREED, WAYS };
    static const trunk_status ends[WAYS] = {TRUNK_ERROR_CANCELLED, TRUNK_ERROR_RESOLVE_TIMEOUT,
                                            TRUNK_ERROR_CANCELLED};
    for (int way = 0; way < WAYS; way++) {
        struct scene scene = scene_of(server, is_inline, LATER);
        make_manager(&scene);
        struct exchange *exchange = submit(&scene, way == TIMED_OUT ? (uint64_t)slow(100) : 0);
        wait_for_call(&scene, exchange);
        if (way != TIMED_OUT)
            CHECK_OK(trunk_request_cancel(exchange->request));
        if (way == MANAGER_FREED) {
            finish(&scene, exchange, ends[way]);
            CHECK(trunk_resolve_is_abandoned(scene.asked));
            answer(&scene);
            continue;
        }
        exchanges_run(&exchange, 1, is_inline, 10000);
        answer(&scene);
        finish(&scene, exchange, ends[way]);
    }
}

static void test_user_data(const struct server *server)
{
    struct scene first = scene_of(server, false, AT_ONCE), second = first, third = first;
    trunk_manager_options *options = manager_options(false);
    CHECK_OK(trunk_manager_options_set_resolver(options, look_up, &first, destroyed));
    CHECK_OK(trunk_manager_options_set_resolver(options, look_up, &second, destroyed));
    CHECK(first.destroyed == 1 && second.destroyed == 0);
    CHECK_OK(trunk_manager_options_set_resolver(options, NULL, &third, destroyed));
    CHECK(second.destroyed == 1 && third.destroyed == 1);
    CHECK_STATUS(trunk_manager_options_set_resolver(NULL, NULL, &third, destroyed), TRUNK_ERROR_NULL_POINTER);
    CHECK(third.destroyed == 1);
    CHECK_OK(trunk_manager_options_free(options));
}

void test_resolver(const struct server *server)
{
    static const struct {
        const char *name;
        void (*test)(const struct server *server, bool is_inline);
    } tests[] = {{"answers", test_answers},
                 {"several addresses", test_several_addresses},
                 {"failures", test_failures},
                 {"abandoned", test_abandoned}};
    for (size_t index = 0; index < sizeof tests / sizeof *tests; index++) {
        for (int is_inline = 0; is_inline < 2; is_inline++) {
            char name[100];
            snprintf(name, sizeof name, "resolver: %s, %s", tests[index].name, is_inline ? "inline" : "threads");
            test_begin(name);
            tests[index].test(server, is_inline);
            test_end();
        }
    }
    test_begin("resolver: user data is destroyed once");
    test_user_data(server);
    test_end();
}
