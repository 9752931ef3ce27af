/* One handle of each kind, and calls of every function with them. */
#ifndef HANDLES_H
#define HANDLES_H

#include "harness.h"

struct handles {
    void *manager_options, *manager, *request_options, *request, *statistics;
    const void *part;
    void *cookie_jar, *url, *multipart, *lines, *sse, *har, *resolve, *text_decoder, *engine, *upload, *answer, *handshake;
    /* Engines that speak HTTP/1.1 and WebSocket. */
    void *http1, *websocket;
    /* Waits for `resolve`. */
    trunk_request *waiting;
};

/* Live ones; the part is the head of what the server answers to a GET of `path`. */
struct handles handles_make(const struct server *server, const char *path, bool is_inline);
void handles_free(const struct handles *handles);

/* Calls every exported function that takes a handle with `handles` and checks what each answers: `free_status` the
 * functions that free, `status` all others; that those that fail write nothing, and that there is a message. */
void call_everything(const struct handles *handles, trunk_status status, trunk_status free_status);
/* Every function of the header is in one of the tables. */
void check_tables(void);

#endif
