#include "websockets.h"

trunk_request_options *websocket_options(int port)
{
    char url[100];
    trunk_request_options *options = NULL;
    snprintf(url, sizeof url, "ws://127.0.0.1:%d/ws", port);
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text(url), &options));
    return options;
}

trunk_request *websocket_open_with(trunk_manager *manager, trunk_request_options *options)
{
    trunk_request *socket = NULL;
    const trunk_part *part = NULL;
    trunk_message message;
    size_t count = 7;
    CHECK_OK(trunk_manager_submit_recv(manager, options, &socket));
    CHECK_OK(trunk_request_options_free(options));
    /* The head is no message: it is left to trunk_request_recv. */
    CHECK_OK(trunk_websocket_recv_many(socket, slow(PATIENCE), &message, 1, &count));
    CHECK(count == 0);
    CHECK_OK(trunk_request_recv(socket, 0, &part));
    CHECK(trunk_part_kind(part) == TRUNK_PART_HEAD && trunk_part_status(part) == 101);
    return socket;
}

trunk_request *websocket_open(trunk_manager *manager, int port)
{
    return websocket_open_with(manager, websocket_options(port));
}

const trunk_part *websocket_next(trunk_request *socket, trunk_kind kind)
{
    const trunk_part *part = NULL;
    CHECK_OK(trunk_request_recv(socket, slow(PATIENCE), &part));
    if (part != NULL && trunk_part_kind(part) != kind) {
        trunk_view message = trunk_part_error_message(part);
        test_fail(__FILE__, __LINE__, "a part of kind %d, not %d: %.*s", trunk_part_kind(part), kind,
                  (int)message.size, (const char *)message.data);
    }
    return part;
}

trunk_message websocket_text(const char *payload)
{
    return (trunk_message){.kind = TRUNK_FRAME_TEXT, .payload = trunk_text(payload)};
}

void websocket_close_all(trunk_request *socket, trunk_manager *manager)
{
    trunk_message message;
    size_t count = 0;
    CHECK_OK(trunk_websocket_close(socket, 1000, trunk_text("enough")));
    CHECK_OK(trunk_websocket_recv_many(socket, slow(PATIENCE), &message, 1, &count));
    CHECK(count == 1 && message.kind == TRUNK_FRAME_CLOSE && message.code == 1000 && !message.more);
    CHECK_OK(trunk_websocket_recv_many(socket, slow(PATIENCE), &message, 1, &count));
    CHECK(count == 0);
    websocket_next(socket, TRUNK_PART_DONE);
    CHECK_STATUS(trunk_websocket_recv_many(socket, -1, &message, 1, &count), TRUNK_ERROR_END_OF_PARTS);
    CHECK_OK(trunk_request_free(socket));
    CHECK_OK(trunk_manager_free(manager));
}

/* ---- Batches ---- */
