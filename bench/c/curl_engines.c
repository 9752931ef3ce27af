#include "curl_engines.h"

#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 256 };

struct engine {
    CURLM *multi;
    bool socket;
    int epoll;
    double deadline; /* of libcurl's timer, 0 when it has none */
};

/* CURLMOPT_SOCKETFUNCTION: keeps the epoll set as libcurl wants it. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
    (void)easy;
    struct engine *engine = user;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(engine->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    struct epoll_event event = {.data.fd = fd};
    if (what != CURL_POLL_OUT)
        event.events |= EPOLLIN;
    if (what != CURL_POLL_IN)
        event.events |= EPOLLOUT;
    if (known != NULL) {
        epoll_ctl(engine->epoll, EPOLL_CTL_MOD, fd, &event);
    } else {
        epoll_ctl(engine->epoll, EPOLL_CTL_ADD, fd, &event);
        curl_multi_assign(engine->multi, fd, engine);
    }
    return 0;
}

/* CURLMOPT_TIMERFUNCTION */
static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
    (void)multi;
    struct engine *engine = user;
    engine->deadline = timeout_ms < 0 ? 0 : clock_now() + (double)timeout_ms / 1e3;
    return 0;
}

struct engine *engine_new(CURLM *multi, const char *name)
{
    struct engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL)
        abort();
    engine->multi = multi;
    engine->epoll = -1;
    engine->socket = strcmp(name, "socket") == 0;
    if (!engine->socket && strcmp(name, "poll") != 0) {
        fprintf(stderr, "--engine must be poll or socket\n");
        exit(2);
    }
    if (engine->socket) {
        engine->epoll = epoll_create1(EPOLL_CLOEXEC);
        curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
        curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, engine);
        curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
        curl_multi_setopt(multi, CURLMOPT_TIMERDATA, engine);
    }
    return engine;
}

static void step_socket(struct engine *engine, int timeout_ms)
{
    int running;
    if (engine->deadline > 0) {
        double left = (engine->deadline - clock_now()) * 1e3;
        if (left <= 0)
            timeout_ms = 0;
        else if (left < timeout_ms)
            timeout_ms = (int)left + 1;
    }
    struct epoll_event events[EVENTS];
    int count = epoll_wait(engine->epoll, events, EVENTS, timeout_ms);
    for (int i = 0; i < count; i++) {
        int flags = 0;
        if (events[i].events & EPOLLIN)
            flags |= CURL_CSELECT_IN;
        if (events[i].events & EPOLLOUT)
            flags |= CURL_CSELECT_OUT;
        if (events[i].events & (EPOLLERR | EPOLLHUP))
            flags |= CURL_CSELECT_ERR;
        curl_multi_socket_action(engine->multi, events[i].data.fd, flags, &running);
    }
    if (engine->deadline > 0 && clock_now() >= engine->deadline) {
        engine->deadline = 0;
        curl_multi_socket_action(engine->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
}

void engine_step(struct engine *engine, bool at_once, int timeout_ms)
{
    if (engine->socket) {
        step_socket(engine, timeout_ms); /* its timer knows of what was just added */
        return;
    }
    int running;
    if (!at_once)
        curl_multi_poll(engine->multi, NULL, 0, timeout_ms, NULL);
    curl_multi_perform(engine->multi, &running);
}

void engine_free(struct engine *engine)
{
    if (engine->epoll >= 0)
        close(engine->epoll);
    free(engine);
}
