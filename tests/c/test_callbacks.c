/* What a callback may do: cancel, free, submit, close and free the manager; not wait. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

struct scene {
    trunk_manager *manager;
    trunk_request_options *options;
    pthread_mutex_t lock;
    int heads, terminals, destroyed, submitted;
    trunk_status end;
    int act;
};

enum { CANCEL, FREE, SUBMIT, CLOSE, FREE_MANAGER, WAIT, ACTS };
static const char *const act_names[] = {"cancels", "frees its request", "submits", "closes the manager",
                                        "frees the manager", "waits"};

static void destroyed(void *user_data)
{
    struct scene *scene = user_data;
    pthread_mutex_lock(&scene->lock);
    scene->destroyed++;
    pthread_mutex_unlock(&scene->lock);
}

static void act(void *user_data, const trunk_part *part);

static void at_head(struct scene *scene, const trunk_part *part)
{
    trunk_request *request = trunk_part_request(part), *other = NULL;
    const trunk_part *parts[1];
    size_t count;
    bool ended;
    switch (scene->act) {
    case CANCEL:
        CHECK_OK(trunk_request_cancel(request));
        break;
    case FREE:
        CHECK_OK(trunk_request_free(request));
        CHECK_STATUS(trunk_request_cancel(request), TRUNK_ERROR_INVALID_HANDLE);
        CHECK(trunk_part_request(part) == NULL);
        break;
    case SUBMIT:
        if (scene->submitted < 3) {
            scene->submitted++;
            CHECK_OK(trunk_manager_submit_callback(scene->manager, scene->options, act, scene, destroyed, NULL));
        }
        break;
    case CLOSE:
        CHECK_OK(trunk_manager_close(scene->manager));
        CHECK_STATUS(trunk_manager_submit_recv(scene->manager, scene->options, &other), TRUNK_ERROR_CLOSED);
        CHECK_STATUS(
            trunk_manager_submit_callback(scene->manager, scene->options, act, scene, destroyed, &other),
            TRUNK_ERROR_CLOSED);
        break;
    case FREE_MANAGER:
        CHECK_OK(trunk_manager_free(scene->manager));
        break;
    case WAIT:
        CHECK_STATUS(trunk_manager_poll(scene->manager, parts, 1, -1, &count), TRUNK_ERROR_BUSY);
        CHECK_STATUS(trunk_manager_shutdown(scene->manager, 1000, &ended), TRUNK_ERROR_BUSY);
        break;
    default:
        break;
    }
    CHECK_OK(trunk_part_check(part));
}

static void act(void *user_data, const trunk_part *part)
{
    struct scene *scene = user_data;
    trunk_kind kind = trunk_part_kind(part);
    pthread_mutex_lock(&scene->lock);
    scene->heads += kind == TRUNK_PART_HEAD;
    if (trunk_part_is_terminal(part)) {
        scene->terminals++;
        scene->end = trunk_part_error(part);
    }
    pthread_mutex_unlock(&scene->lock);
    if (kind == TRUNK_PART_HEAD)
        at_head(scene, part);
}

static void run(const struct server *server, int what, bool is_inline)
{
    struct scene scene = {.lock = PTHREAD_MUTEX_INITIALIZER, .act = what};
    char url[100];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/drip/%d/10", server_port(server, "http"),
             what == FREE || what == SUBMIT || what == WAIT ? 3 : 100000);
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text(url), &scene.options));
    scene.manager = manager_make(manager_options(is_inline));
    trunk_request *request = NULL;
    CHECK_OK(trunk_manager_submit_callback(scene.manager, scene.options, act, &scene, destroyed, &request));
    int wanted = what == SUBMIT ? 4 : 1;
    for (int64_t end = now_ms() + slow(5000); now_ms() < end;) {
        pthread_mutex_lock(&scene.lock);
        bool finished = scene.destroyed == wanted;
        pthread_mutex_unlock(&scene.lock);
        if (finished)
            break;
        const trunk_part *parts[1];
        size_t count;
        if (is_inline)
            trunk_manager_poll(scene.manager, parts, 1, 5, &count);
        else
            pause_ms(1);
    }
    CHECK(scene.destroyed == wanted && scene.terminals == wanted && scene.heads == wanted);
    if (what == CANCEL)
        CHECK_STATUS(scene.end, TRUNK_ERROR_CANCELLED);
    else if (what == CLOSE || what == FREE_MANAGER)
        CHECK_STATUS(scene.end, TRUNK_ERROR_SHUTDOWN);
    else
        CHECK_STATUS(scene.end, TRUNK_OK);
    CHECK_STATUS(trunk_request_free(request), what == FREE ? TRUNK_ERROR_INVALID_HANDLE : TRUNK_OK);
    CHECK_OK(trunk_request_options_free(scene.options));
    CHECK_STATUS(trunk_manager_free(scene.manager),
                 what == FREE_MANAGER ? TRUNK_ERROR_INVALID_HANDLE : TRUNK_OK);
}

void test_callbacks(const struct server *server)
{
    for (int what = 0; what < ACTS; what++) {
        for (int is_inline = 0; is_inline < 2; is_inline++) {
            char name[100];
            snprintf(name, sizeof name, "callback: %s, %s", act_names[what], is_inline ? "inline" : "threads");
            test_begin(name);
            run(server, what, is_inline);
            test_end();
        }
    }
}
