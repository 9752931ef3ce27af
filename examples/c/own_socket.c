/* HTTP/2 over a socket, an epoll loop and TLS of the program's own:
 * cc own_socket.c -ltrunkline -lssl -lcrypto; ./a.out HOST PORT PATH... */
#include <fcntl.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <trunkline.h>

static void try(trunk_status status)
{
    if (status != TRUNK_OK) {
        trunk_view message = trunk_last_error_message();
        fprintf(stderr, "%.*s\n", (int)message.size, (const char *)message.data);
        exit(1);
    }
}

static void need(bool done, const char *what)
{
    if (!done) {
        fprintf(stderr, "%s failed\n", what);
        exit(1);
    }
}

/* ---- Exchanges ---- */

struct fetch {
    const char *path;
    size_t bytes;
};

static int unfinished;

static void on_head(void *user_data, trunk_answer *answer, uint16_t status, const trunk_header *fields, size_t count)
{
    struct fetch *fetch = user_data;
    (void)fields;
    printf("%s: status %u, %zu fields\n", fetch->path, status, count);
    try(trunk_answer_read(answer));
    try(trunk_answer_free(answer)); /* It goes on being read; kept, it could be resumed or cancelled. */
}

static trunk_flow on_data(void *user_data, trunk_view data)
{
    struct fetch *fetch = user_data;
    fetch->bytes += data.size;
    return TRUNK_FLOW_CONTINUE;
}

static void on_end(void *user_data)
{
    struct fetch *fetch = user_data;
    printf("%s: %zu bytes\n", fetch->path, fetch->bytes);
    unfinished--;
}

static void on_error(void *user_data, const trunk_engine_error *error)
{
    struct fetch *fetch = user_data;
    printf("%s: failed: %.*s\n", fetch == NULL ? "the connection" : fetch->path, (int)error->message.size,
           (const char *)error->message.data);
    unfinished -= fetch != NULL;
}

static const trunk_exchange_handlers exchange = {
    .size = sizeof exchange, .head = on_head, .error = on_error, .data = on_data, .end = on_end};
static const trunk_connection_handlers connection = {.size = sizeof connection, .error = on_error};

/* ---- The transport ---- */

static SSL *tls_open(const char *host, const char *port)
{
    struct addrinfo *address, hints = {.ai_socktype = SOCK_STREAM};
    need(getaddrinfo(host, port, &hints, &address) == 0, "resolving");
    int descriptor = socket(address->ai_family, SOCK_STREAM, 0);
    need(descriptor >= 0 && connect(descriptor, address->ai_addr, address->ai_addrlen) == 0, "connecting");
    freeaddrinfo(address);
    need(fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0, "fcntl");
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    need(context != NULL && SSL_CTX_set_default_verify_paths(context) == 1, "finding certificates");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    /* What is written again need not be at the same place. */
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL *tls = SSL_new(context);
    SSL_CTX_free(context);
    need(tls != NULL && SSL_set_fd(tls, descriptor) == 1 && SSL_set1_host(tls, host) == 1 &&
             SSL_set_tlsext_host_name(tls, host) == 1 &&
             SSL_set_alpn_protos(tls, (const unsigned char *)"\x02h2", 3) == 0,
         "TLS");
    SSL_set_connect_state(tls);
    return tls;
}

static bool may_go_on(SSL *tls)
{
    int error = SSL_get_error(tls, 0);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

/* Both answer whether there may be more to do at once. */
static bool write_some(trunk_engine *engine, SSL *tls)
{
    trunk_write_operation next;
    size_t written = 0;
    try(trunk_engine_next_write_operation(engine, &next));
    if (next.operation != TRUNK_OPERATION_WRITE)
        return false;
    bool done = SSL_write_ex(tls, next.vectors[0].data, next.vectors[0].size, &written) == 1;
    int64_t result = done || may_go_on(tls) ? (int64_t)written : TRUNK_WRITE_CLOSED;
    try(trunk_engine_report_write_result(engine, result));
    return done;
}

static bool read_some(trunk_engine *engine, SSL *tls)
{
    static char buffer[64 * 1024];
    static size_t taken, size;
    trunk_operation next;
    try(trunk_engine_next_read_operation(engine, &next));
    if (next != TRUNK_OPERATION_READ)
        return false;
    if (taken == size) {
        taken = size = 0;
        if (SSL_read_ex(tls, buffer, sizeof buffer, &size) != 1) {
            if (may_go_on(tls))
                return false;
            try(trunk_engine_read_eof(engine));
            return true;
        }
    }
    size_t consumed; /* What is not taken now is given again. */
    try(trunk_engine_read(engine, trunk_bytes(buffer + taken, size - taken), &consumed));
    taken += consumed;
    return consumed > 0;
}

int main(int argc, char **argv)
{
    need(argc > 3, "own_socket HOST PORT PATH...: it");
    signal(SIGPIPE, SIG_IGN);
    trunk_engine *engine;
    struct fetch *fetches = calloc((size_t)argc, sizeof *fetches);
    need(fetches != NULL, "calloc");
    try(trunk_http2_new(NULL, &connection, NULL, &engine));
    for (int index = 3; index < argc; index++) {
        char uri[1000];
        need(snprintf(uri, sizeof uri, "https://%s:%s%s", argv[1], argv[2], argv[index]) < (int)sizeof uri, "a URI");
        trunk_request_head request = {sizeof request, trunk_text("GET"), trunk_text(uri), NULL, 0};
        fetches[index].path = argv[index];
        try(trunk_engine_request(engine, &request, &exchange, &fetches[index], NULL));
        unfinished++;
    }
    SSL *tls = tls_open(argv[1], argv[2]);
    int loop = epoll_create1(0);
    struct epoll_event both = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
    need(epoll_ctl(loop, EPOLL_CTL_ADD, SSL_get_fd(tls), &both) == 0, "epoll");
    for (bool closed = false, asked = false; !closed;) {
        if (unfinished == 0 && !asked) {
            try(trunk_http2_shutdown(engine));
            asked = true;
        }
        bool wrote = write_some(engine, tls), got = read_some(engine, tls);
        try(trunk_engine_is_closed(engine, &closed));
        /* Sockets of the program's own would be waited for here, too. */
        if (!closed && !wrote && !got && (unfinished > 0 || asked))
            need(epoll_wait(loop, &both, 1, -1) >= 0, "epoll");
    }
    try(trunk_engine_free(engine));
    SSL_shutdown(tls);
    SSL_free(tls);
    free(fetches);
}
