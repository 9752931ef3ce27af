#include "peer.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

struct visit {
    struct peer *peer;
    int descriptor, number;
};

static void *serve(void *argument)
{
    struct visit visit = *(struct visit *)argument;
    free(argument);
    visit.peer->serve(visit.peer, visit.descriptor, visit.number);
    close(visit.descriptor);
    return NULL;
}

static void *accept_all(void *argument)
{
    struct peer *peer = argument;
    while (peer->connections < PEER_CONNECTIONS) {
        int descriptor = accept(peer->listener, NULL, NULL);
        if (descriptor < 0)
            break;
        struct visit *visit = malloc(sizeof *visit);
        if (visit == NULL)
            abort();
        *visit = (struct visit){peer, descriptor, peer->connections};
        if (pthread_create(&peer->threads[peer->connections++], NULL, serve, visit) != 0)
            abort();
    }
    return NULL;
}

void peer_start(struct peer *peer, void (*of_connection)(struct peer *peer, int descriptor, int number), void *context)
{
    *peer = (struct peer){.serve = of_connection, .context = context};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    peer->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(peer->listener, (struct sockaddr *)&address, size) != 0 || listen(peer->listener, 64) != 0 ||
        getsockname(peer->listener, (struct sockaddr *)&address, &size) != 0 ||
        pthread_create(&peer->acceptor, NULL, accept_all, peer) != 0)
        abort();
    peer->port = ntohs(address.sin_port);
}

void peer_stop(struct peer *peer)
{
    shutdown(peer->listener, SHUT_RDWR);
    pthread_join(peer->acceptor, NULL);
    close(peer->listener);
    for (int number = 0; number < peer->connections; number++)
        pthread_join(peer->threads[number], NULL);
}

bool peer_read_head(int descriptor, char *text, size_t room)
{
    size_t size = 0;
    text[0] = '\0';
    while (size + 1 < room && peer_read(descriptor, text + size, 1)) {
        text[++size] = '\0';
        if (size >= 4 && strcmp(text + size - 4, "\r\n\r\n") == 0)
            return true;
    }
    return false;
}

bool peer_read(int descriptor, void *bytes, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t more = read(descriptor, (char *)bytes + got, size - got);
        if (more <= 0)
            return false;
        got += (size_t)more;
    }
    return true;
}

bool peer_write(int descriptor, const void *bytes, size_t size)
{
    for (size_t written = 0; written < size;) {
        ssize_t more = send(descriptor, (const char *)bytes + written, size - written, MSG_NOSIGNAL);
        if (more <= 0)
            return false;
        written += (size_t)more;
    }
    return true;
}

bool peer_say(int descriptor, const char *text)
{
    return peer_write(descriptor, text, strlen(text));
}

void peer_reset(int descriptor)
{
    struct linger at_once = {.l_onoff = 1};
    CHECK(setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
}
