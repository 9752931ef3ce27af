/* TLS as the other side sees it: the name that is sent, resumed sessions, proxies that speak TLS. */
#include "fields.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

enum { SERVER_NAME = 0, PRE_SHARED_KEY = 41, MOST = 8 };

/* The first record of a connection: the ClientHello. */
struct hello {
    uint8_t bytes[8192];
    size_t size;
};

/* Passes connections on to the server and keeps how they began. */
struct relay {
    struct peer peer;
    int target;
    struct hello hellos[MOST];
};

static unsigned number_at(const uint8_t *bytes)
{
    return (unsigned)bytes[0] << 8 | bytes[1];
}

static int connect_to(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0);
    return descriptor;
}

static void pass_on(struct peer *peer, int client, int number)
{
    struct relay *relay = peer->context;
    struct hello *hello = &relay->hellos[number % MOST];
    uint8_t bytes[16384];
    if (!peer_read(client, hello->bytes, 5))
        return;
    size_t size = number_at(hello->bytes + 3);
    CHECK(5 + size <= sizeof hello->bytes && peer_read(client, hello->bytes + 5, size));
    hello->size = 5 + size;
    int server = connect_to(relay->target);
    struct pollfd ends[] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    bool open = peer_write(server, hello->bytes, hello->size);
    while (open && poll(ends, 2, -1) > 0) {
        for (int end = 0; end < 2 && open; end++) {
            ssize_t got = ends[end].revents == 0 ? 0 : read(ends[end].fd, bytes, sizeof bytes);
            if (ends[end].revents != 0)
                open = got > 0 && peer_write(ends[1 - end].fd, bytes, (size_t)got);
        }
    }
    close(server);
}

/* An extension of a ClientHello (RFC 8446, 4.1.2); NULL where it has none of this type. */
static const uint8_t *extension(const struct hello *hello, unsigned type, size_t *size)
{
    /* Record, handshake header, version and random; then session, cipher suites and compressions. */
    const uint8_t *at = hello->bytes + 5 + 4 + 2 + 32, *end = hello->bytes + hello->size;
    if (hello->size < 100)
        return NULL;
    at += 1 + at[0];
    at += 2 + number_at(at);
    at += 1 + at[0];
    for (at += 2; at + 4 <= end; at += 4 + *size) {
        *size = number_at(at + 2);
        if (number_at(at) == type)
            return at + 4;
    }
    return NULL;
}

static trunk_manager_options *trusting(const struct server *server)
{
    trunk_manager_options *options = manager_options(false);
    CHECK_OK(trunk_manager_options_set_tls_ca_file(options, trunk_text(server_file(server, "ca"))));
    return options;
}

/* A GET over TLS through the relay, which must be answered. */
static void fetch_through(const struct relay *relay, trunk_manager *manager)
{
    char url[100];
    trunk_request_options *request = NULL;
    snprintf(url, sizeof url, "https://localhost:%d/bytes/10", relay->peer.port);
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text(url), &request));
    struct exchange *exchange = fetch(manager, request);
    CHECK_STATUS(exchange_end(exchange), TRUNK_OK);
    CHECK(exchange_status(exchange) == 200);
    exchange_free(exchange);
}

static void test_sni(const struct server *server)
{
    static const char *const names[] = {NULL, "other.test", ""};
    static const char *const expected[] = {"localhost", "other.test", NULL};
    for (int index = 0; index < 3; index++) {
        struct relay relay = {.target = server_port(server, "https")};
        peer_start(&relay.peer, pass_on, &relay);
        trunk_manager_options *options = trusting(server);
        if (names[index] != NULL)
            CHECK_OK(trunk_manager_options_set_tls_sni(options, trunk_text(names[index])));
        trunk_manager *manager = manager_make(options);
        fetch_through(&relay, manager);
        CHECK_OK(trunk_manager_free(manager));
        peer_stop(&relay.peer);
        /* A list with one entry: the type of the name, its length, the name (RFC 6066, 3). */
        size_t size = 0, length = expected[index] == NULL ? 0 : strlen(expected[index]);
        const uint8_t *sent = extension(&relay.hellos[0], SERVER_NAME, &size);
        CHECK((sent != NULL) == (expected[index] != NULL));
        CHECK(sent == NULL || (size == 5 + length && memcmp(sent + 5, expected[index], length) == 0));
    }
}

/* The second fetch needs a connection of its own, for none is kept unused. */
static void test_resumption(const struct server *server)
{
    for (int resumption = 0; resumption < 2; resumption++) {
        struct relay relay = {.target = server_port(server, "https1")};
        peer_start(&relay.peer, pass_on, &relay);
        trunk_manager_options *options = trusting(server);
        CHECK_OK(trunk_manager_options_set_tls_resumption(options, resumption));
        CHECK_OK(trunk_manager_options_set_idle_connection_timeout(options, 0));
        trunk_manager *manager = manager_make(options);
        fetch_through(&relay, manager);
        fetch_through(&relay, manager);
        CHECK_OK(trunk_manager_free(manager));
        peer_stop(&relay.peer);
        size_t size;
        CHECK(relay.peer.connections == 2);
        CHECK(extension(&relay.hellos[0], PRE_SHARED_KEY, &size) == NULL);
        CHECK((extension(&relay.hellos[1], PRE_SHARED_KEY, &size) != NULL) == resumption);
    }
}

/* The test server takes the absolute form over TLS, too: it passes for a proxy. */
static void test_proxies(const struct server *server)
{
    enum { NOTHING, CA, NOBODY, CA_OF_TARGETS, WAYS };
    char pem[8192], proxy[100];
    FILE *file = fopen(server_file(server, "ca"), "r");
    size_t size = file == NULL ? 0 : fread(pem, 1, sizeof pem, file);
    CHECK(size > 0 && size < sizeof pem && fclose(file) == 0);
    snprintf(proxy, sizeof proxy, "https://localhost:%d", server_port(server, "https1"));
    for (int way = NOTHING; way < WAYS; way++) {
        trunk_request_options *request = NULL;
        trunk_manager_options *options = way == CA_OF_TARGETS ? trusting(server) : manager_options(false);
        CHECK_OK(trunk_manager_options_set_proxy(options, trunk_text(proxy), trunk_text(NULL), trunk_text(NULL)));
        if (way == CA)
            CHECK_OK(trunk_manager_options_set_proxy_tls_ca(options, trunk_bytes(pem, size)));
        if (way == NOBODY)
            CHECK_OK(trunk_manager_options_set_proxy_tls_verify(options, false));
        trunk_manager *manager = manager_make(options);
        CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text("http://somewhere.test/headers"), &request));
        if (way == CA || way == NOBODY) {
            check_sent(manager, request, "host", "somewhere.test");
        } else {
            struct exchange *exchange = fetch(manager, request);
            CHECK_STATUS(exchange_end(exchange), TRUNK_ERROR_TLS_CERTIFICATE);
            exchange_free(exchange);
        }
        CHECK_OK(trunk_manager_free(manager));
    }
}

void test_handshakes(const struct server *server)
{
    test_begin("handshakes: the name that is sent");
    test_sni(server);
    test_end();
    test_begin("handshakes: sessions are resumed");
    test_resumption(server);
    test_end();
    test_begin("handshakes: proxies");
    test_proxies(server);
    test_end();
}
