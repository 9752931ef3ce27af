/* The two ways libcurl's documentation gives to drive a multi handle. */
#ifndef BENCH_CURL_ENGINES_H
#define BENCH_CURL_ENGINES_H

#include <curl/curl.h>
#include <stdbool.h>

struct engine;

/* name: "poll" (curl_multi_poll and curl_multi_perform) or "socket" (curl_multi_socket_action on epoll). */
struct engine *engine_new(CURLM *multi, const char *name);
/* Lets the transfers go on: at once when there is something to do already, else after a wait of up to timeout_ms. */
void engine_step(struct engine *engine, bool at_once, int timeout_ms);
void engine_free(struct engine *engine);

#endif
