/* The server's side of a WebSocket, byte by byte, for peers that do what no server does. */
#ifndef SOCKET_PEER_H
#define SOCKET_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct socket_frame {
    uint8_t first; /* FIN, RSV and opcode */
    uint8_t payload[1000];
    size_t size;
};

/* Reads the head of the request into `head` and answers 101. */
bool socket_accept(int descriptor, char *head, size_t room);
/* Writes a frame of less than 126 bytes. */
bool socket_say(int descriptor, uint8_t first, const void *payload, size_t size);
/* Reads a frame of at most 1000 bytes and takes the mask off; false for a longer one, one without a mask, and the end. */
bool socket_hear(int descriptor, struct socket_frame *frame);

#endif
