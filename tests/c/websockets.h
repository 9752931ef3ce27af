/* WebSockets of the tests. */
#ifndef WEBSOCKETS_H
#define WEBSOCKETS_H
#include "harness.h"

enum { PATIENCE = 10000, MANY = 300, FIN = 0x80, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

trunk_request_options *websocket_options(int port);

/* Opens one and takes its head. */
trunk_request *websocket_open_with(trunk_manager *manager, trunk_request_options *options);
trunk_request *websocket_open(trunk_manager *manager, int port);

/* Takes the next part, which is of this kind. */
const trunk_part *websocket_next(trunk_request *socket, trunk_kind kind);
trunk_message websocket_text(const char *payload);

/* Closes and takes what is left, to the end. */
void websocket_close_all(trunk_request *socket, trunk_manager *manager);

/* Runs a test; `title` and `is_inline` are the caller's. */
#define RUN(name, call)                                                                                              \
    do {                                                                                                             \
        snprintf(title, sizeof title, "websocket: %s, %s", name, is_inline ? "inline" : "threads");                  \
        test_begin(title);                                                                                           \
        call;                                                                                                        \
        test_end();                                                                                                  \
    } while (0)

#endif
