/* What options make of a request, as the server sees it: its user agent, credentials of a netrc file, the wait for 100. */
#define _GNU_SOURCE
#include "fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"

static void test_user_agent(const struct server *server)
{
    char usual[100];
    trunk_view version = trunk_version();
    snprintf(usual, sizeof usual, "trunkline/%.*s", (int)version.size, (const char *)version.data);
    static const char *const agents[] = {NULL, "mine/1.0 (test)", ""};
    const char *const expected[] = {usual, "mine/1.0 (test)", NULL};
    for (int index = 0; index < 3; index++) {
        trunk_manager_options *options = manager_options(false);
        CHECK_STATUS(trunk_manager_options_set_user_agent(options, trunk_text("a\nb")), TRUNK_ERROR_INVALID_HEADER);
        if (index > 0)
            CHECK_OK(trunk_manager_options_set_user_agent(options, trunk_text(agents[index])));
        trunk_manager *manager = manager_make(options);
        check_sent(manager, get_of(server, "/headers"), "user-agent", expected[index]);
        /* A field of the request goes before it. */
        trunk_request_options *own = get_of(server, "/headers");
        CHECK_OK(trunk_request_options_add_header(own, trunk_text("User-Agent"), trunk_text("own")));
        check_sent(manager, own, "user-agent", "own");
        trunk_request_options *without = get_of(server, "/headers");
        CHECK_OK(trunk_request_options_omit_header(without, trunk_text("User-Agent")));
        CHECK_STATUS(trunk_request_options_omit_header(without, trunk_text("host")), TRUNK_ERROR_INVALID_HEADER);
        CHECK_STATUS(trunk_request_options_omit_header(without, trunk_text("a b")), TRUNK_ERROR_INVALID_HEADER);
        check_sent(manager, without, "user-agent", NULL);
        CHECK_OK(trunk_manager_free(manager));
    }
}

/* A GET of /headers with credentials of this file; of the variable NETRC for the empty path. */
static trunk_request_options *with_netrc(const struct server *server, const char *path)
{
    trunk_request_options *options = get_of(server, "/headers");
    CHECK_OK(trunk_request_options_set_auth_netrc(options, trunk_text(path)));
    return options;
}

static void test_netrc(const struct server *server)
{
    static const char mine[] = "machine 127.0.0.1 login user password pass\n";
    static const char others[] = "machine elsewhere.test login user password pass\n";
    char path[] = "/tmp/trunkline-test-XXXXXX", other[] = "/tmp/trunkline-test-XXXXXX";
    int file = mkstemp(path), other_file = mkstemp(other);
    CHECK(write(file, mine, sizeof mine - 1) == sizeof mine - 1);
    CHECK(write(other_file, others, sizeof others - 1) == sizeof others - 1);
    close(file);
    close(other_file);

    trunk_manager_options *options = manager_options(false);
    CHECK_OK(trunk_manager_options_set_auth_netrc(options, trunk_text(path)));
    trunk_manager *manager = manager_make(options);
    check_sent(manager, get_of(server, "/headers"), "authorization", "Basic dXNlcjpwYXNz");
    check_sent(manager, with_netrc(server, other), "authorization", NULL);
    CHECK_OK(trunk_manager_free(manager));

    CHECK(setenv("NETRC", path, 1) == 0);
    manager = manager_make(manager_options(false));
    check_sent(manager, get_of(server, "/headers"), "authorization", NULL);
    check_sent(manager, with_netrc(server, ""), "authorization", "Basic dXNlcjpwYXNz");
    CHECK(unsetenv("NETRC") == 0);
    struct exchange *exchange = fetch(manager, with_netrc(server, "/none/at/all"));
    CHECK(exchange_end(exchange) != TRUNK_OK);
    exchange_free(exchange);
    CHECK_OK(trunk_manager_free(manager));
    unlink(path);
    unlink(other);
}

/* Asks for the body of the first request, refuses that of the second, and takes the third as it comes. */
static void hesitate(struct peer *peer, int descriptor, int number)
{
    char head[2000], body[5];
    (void)peer;
    CHECK(peer_read_head(descriptor, head, sizeof head));
    CHECK((strcasestr(head, "\r\nexpect: 100-continue\r\n") != NULL) == (number < 2));
    if (number < 2)
        CHECK(recv(descriptor, body, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN);
    if (number == 1) {
        peer_say(descriptor, "HTTP/1.1 417 Expectation Failed\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        return;
    }
    if (number == 0)
        peer_say(descriptor, "HTTP/1.1 100 Continue\r\n\r\n");
    CHECK(peer_read(descriptor, body, sizeof body) && memcmp(body, "hello", 5) == 0);
    peer_say(descriptor, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
}

static void test_expect_continue(void)
{
    struct peer peer;
    char url[100];
    peer_start(&peer, hesitate, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", peer.port);
    trunk_manager_options *options = manager_options(false);
    /* So long that only the peer's word can have opened the way. */
    CHECK_OK(trunk_manager_options_set_expect_continue(options, (uint64_t)slow(60000)));
    trunk_manager *manager = manager_make(options);
    for (int number = 0; number < 2; number++) {
        trunk_request_options *request = NULL;
        CHECK_OK(trunk_request_options_new(trunk_text("POST"), trunk_text(url), &request));
        CHECK_OK(trunk_request_options_set_body(request, trunk_text("hello")));
        struct exchange *exchange = fetch(manager, request);
        CHECK(exchange_status(exchange) == 200);
        CHECK_STATUS(exchange_end(exchange), TRUNK_OK);
        exchange_free(exchange);
    }
    peer_stop(&peer);
    /* The second was refused, and went again without asking. */
    CHECK(peer.connections == 3);
    CHECK_OK(trunk_manager_free(manager));
}

void test_fields(const struct server *server)
{
    test_begin("fields: the user agent");
    test_user_agent(server);
    test_end();
    test_begin("fields: credentials of netrc files");
    test_netrc(server);
    test_end();
    test_begin("fields: waiting for 100");
    test_expect_continue();
    test_end();
}
