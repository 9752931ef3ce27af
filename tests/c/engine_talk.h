/* Exchanges on an engine without a socket, what they were told, and loops that drive it. */
#ifndef ENGINE_TALK_H
#define ENGINE_TALK_H

#include "harness.h"

/* What the functions of one exchange, or of a connection, were told: a word each, bodies as one. */
struct told {
    char text[1000];
    uint64_t bytes;
    uint32_t sum;
    bool in_data;
    int ended, destroyed;
    trunk_answer *answer;
    /* What `data` answers. */
    trunk_flow flow;
    /* The body is not read. */
    bool unread;
    /* Called by `head`, before the body is read. */
    void (*on_head)(struct told *told);
    void *context;
};

extern const trunk_exchange_handlers told_handlers;
extern const trunk_connection_handlers told_connection;
__attribute__((format(printf, 2, 3))) void told_note(struct told *told, const char *format, ...);
/* The same as `trunk_wake_callback`, and counts in an int. */
void told_wake(void *count);
void told_destroy(void *told);
void count_destroy(void *count);

trunk_status talk_request(trunk_engine *engine, const char *method, const char *uri, struct told *told,
                          trunk_upload **upload);
/* A GET, which has no body; `upload` gives it up. */
trunk_status talk_get(trunk_engine *engine, const char *uri, struct told *told, trunk_upload **upload);

/* Takes all that an engine has to write, `step` bytes at once; at most `room` in all. */
size_t talk_written(trunk_engine *engine, size_t step, uint8_t *bytes, size_t room);
/* Gives an engine these bytes, `step` at once; how many it took. */
size_t talk_feed(trunk_engine *engine, const void *bytes, size_t size, size_t step);
/* Drives an engine over a socket until `ends` exchanges have ended, or until it closes with -1. */
void talk_pump(trunk_engine *engine, int descriptor, size_t step, struct told *const *told, int count);
int talk_connect(int port);

/* Frames by hand (RFC 9113, 4.1): appends one and answers the new size. */
size_t frame_put(uint8_t *frames, size_t size, uint8_t kind, uint8_t flags, uint32_t stream, const void *payload,
                 size_t length);
/* Whether such a frame is among those that an engine has written, after its preface. */
bool frame_among(const uint8_t *frames, size_t size, uint8_t kind, uint32_t stream, const void *payload,
                 size_t length);

enum {
    DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, PUSH_PROMISE = 5, PING = 6, GOAWAY = 7,
    END_STREAM = 1, ACK = 1, END_HEADERS = 4
};

#endif
