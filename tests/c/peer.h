/* Peers on loopback that do exactly what a test tells them. */
#ifndef PEER_H
#define PEER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { PEER_CONNECTIONS = 64 };

struct peer {
    int port;
    void *context;
    /* Serves one connection on a thread of its own; `number` counts them from 0. The descriptor is closed afterwards. */
    void (*serve)(struct peer *peer, int descriptor, int number);

    int listener;
    pthread_t acceptor, threads[PEER_CONNECTIONS];
    int connections;
};

/* Listens on a free port. */
void peer_start(struct peer *peer, void (*serve)(struct peer *peer, int descriptor, int number), void *context);
/* Waits until all connections have ended; takes no more. */
void peer_stop(struct peer *peer);

/* Reads up to the empty line after the head; zero-terminated. Nothing is read beyond it. False when there is none. */
bool peer_read_head(int descriptor, char *text, size_t room);
/* Reads so many bytes; false when the other side has ended before. */
bool peer_read(int descriptor, void *bytes, size_t size);
/* Writes all; false when the other side has gone. */
bool peer_write(int descriptor, const void *bytes, size_t size);
bool peer_say(int descriptor, const char *text);
/* Makes the coming close a reset. */
void peer_reset(int descriptor);

#endif
