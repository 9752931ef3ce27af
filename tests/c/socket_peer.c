#include "socket_peer.h"

#include <stdio.h>
#include <string.h>

#include "peer.h"

static uint32_t rotated(uint32_t word, int bits)
{
    return word << bits | word >> (32 - bits);
}

static void sha1_block(uint32_t state[5], const uint8_t *block)
{
    uint32_t words[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int i = 0; i < 16; i++)
        words[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
                   block[4 * i + 3];
    for (int i = 16; i < 80; i++)
        words[i] = rotated(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t mixed = i < 20   ? ((b & c) | (~b & d)) + 0x5A827999
                         : i < 40 ? (b ^ c ^ d) + 0x6ED9EBA1
                         : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC
                                  : (b ^ c ^ d) + 0xCA62C1D6;
        uint32_t next = rotated(a, 5) + mixed + e + words[i];
        e = d, d = c, c = rotated(b, 30), b = a, a = next;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

/* RFC 6455, 4.2.2: the answer to a key of 24 characters. */
static void accept_of(const char *key, char answer[29])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t blocks[128] = {0};
    uint32_t state[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    memcpy(blocks, key, 24);
    memcpy(blocks + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
    blocks[60] = 0x80;
    blocks[126] = (60 * 8) >> 8;
    blocks[127] = (60 * 8) & 0xFF;
    sha1_block(state, blocks);
    sha1_block(state, blocks + 64);
    uint8_t digest[21] = {0};
    for (int i = 0; i < 20; i++)
        digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
    for (int i = 0; i < 7; i++) {
        uint32_t three = (uint32_t)digest[3 * i] << 16 | (uint32_t)digest[3 * i + 1] << 8 | digest[3 * i + 2];
        for (int j = 0; j < 4; j++)
            answer[4 * i + j] = letters[three >> (18 - 6 * j) & 63];
    }
    answer[27] = '=';
    answer[28] = '\0';
}

bool socket_accept(int descriptor, char *head, size_t room)
{
    if (!peer_read_head(descriptor, head, room))
        return false;
    const char *key = strstr(head, "sec-websocket-key: ");
    if (key == NULL)
        return false;
    char accept[29], answer[200];
    accept_of(key + strlen("sec-websocket-key: "), accept);
    snprintf(answer, sizeof answer,
             "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
             "sec-websocket-accept: %s\r\n\r\n",
             accept);
    return peer_say(descriptor, answer);
}

bool socket_say(int descriptor, uint8_t first, const void *payload, size_t size)
{
    uint8_t head[2] = {first, (uint8_t)size};
    return size < 126 && peer_write(descriptor, head, 2) && peer_write(descriptor, payload, size);
}

bool socket_hear(int descriptor, struct socket_frame *frame)
{
    uint8_t head[2], longer[2], mask[4];
    if (!peer_read(descriptor, head, 2) || (head[1] & 0x80) == 0)
        return false;
    frame->first = head[0];
    frame->size = head[1] & 0x7F;
    if (frame->size == 126) {
        if (!peer_read(descriptor, longer, 2))
            return false;
        frame->size = (size_t)longer[0] << 8 | longer[1];
    }
    if (frame->size > sizeof frame->payload || !peer_read(descriptor, mask, 4) ||
        !peer_read(descriptor, frame->payload, frame->size))
        return false;
    for (size_t i = 0; i < frame->size; i++)
        frame->payload[i] ^= mask[i % 4];
    return true;
}
