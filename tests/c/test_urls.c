/* URLs: put together from pieces, and those of requests that lack their base or their parameters. */
#include "harness.h"

#include <string.h>

#include "peer.h"

/* ---- By themselves ---- */

static void check_url(const char *base, const char *url, trunk_path_style style, const char *expected)
{
    trunk_url *pieces = NULL;
    trunk_view text = {NULL, 0};
    CHECK_OK(trunk_url_new(trunk_text(base), trunk_text(url), &pieces));
    CHECK_OK(trunk_url_set_path_style(pieces, style));
    if (style != TRUNK_PATH_LITERAL)
        CHECK_OK(trunk_url_add_path_param(pieces, trunk_text("id"), trunk_text("a/b c")));
    CHECK_OK(trunk_url_add_param(pieces, trunk_text("q"), trunk_text("x&y")));
    CHECK_OK(trunk_url_build(pieces, &text));
    if (!view_is(text, expected))
        test_fail(__FILE__, __LINE__, "%.*s, not %s", (int)text.size, (const char *)text.data, expected);
    CHECK_OK(trunk_url_add_param(pieces, trunk_text("q"), trunk_text("2")));
    CHECK_OK(trunk_url_build(pieces, &text));
    CHECK(text.size == strlen(expected) + 4 && memcmp(text.data + text.size - 4, "&q=2", 4) == 0);
    CHECK_OK(trunk_url_free(pieces));
}

static void test_pieces_of_url(void)
{
    trunk_url *pieces = NULL;
    trunk_view text = {NULL, 0};
    check_url("http://host/api", "users", TRUNK_PATH_LITERAL, "http://host/api/users?q=x%26y");
    check_url("http://host:8080/", "/users/:id", TRUNK_PATH_COLON, "http://host:8080/users/a%2Fb%20c?q=x%26y");
    check_url(NULL, "http://host/{id}?a=1", TRUNK_PATH_CURLY, "http://host/a%2Fb%20c?a=1&q=x%26y");
    CHECK_STATUS(trunk_url_new(trunk_text(NULL), trunk_text("x"), NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_OK(trunk_url_new(trunk_text(NULL), trunk_text("/:id"), &pieces));
    CHECK_STATUS(trunk_url_build(pieces, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_url_build(pieces, &text), TRUNK_ERROR_INVALID_URL);
    CHECK(text.data == NULL);
    CHECK_STATUS(trunk_url_set_path_style(pieces, 3), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_OK(trunk_url_free(pieces));
    CHECK_OK(trunk_url_new(trunk_text("http://h"), trunk_text("/:id"), &pieces));
    CHECK_OK(trunk_url_set_path_style(pieces, TRUNK_PATH_COLON));
    CHECK_STATUS(trunk_url_build(pieces, &text), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK(strstr(last_message(), "id") != NULL);
    CHECK_OK(trunk_url_free(pieces));
}

/* ---- Of requests ---- */

/* Answers each request with its target. */
static void tell(struct peer *peer, int descriptor, int number)
{
    (void)peer, (void)number;
    char head[2000], answer[2100];
    while (peer_read_head(descriptor, head, sizeof head)) {
        char *target = strchr(head, ' ');
        char *end = target == NULL ? NULL : strchr(++target, ' ');
        size_t size = end == NULL ? 0 : (size_t)(end - target);
        snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\ncontent-length: %zu\r\n\r\n%.*s", size, (int)size,
                 target == NULL ? "" : target);
        peer_say(descriptor, answer);
    }
}

static void check_target(trunk_manager *manager, enum delivery delivery, const trunk_request_options *options,
                         const char *expected)
{
    struct exchange *exchange = exchange_new(manager, delivery);
    CHECK_OK(exchange_submit(exchange, options));
    exchanges_run(&exchange, 1, false, 10000);
    CHECK_STATUS(exchange_end(exchange), TRUNK_OK);
    const struct record *data = exchange_find(exchange, TRUNK_PART_DATA);
    if (data == NULL || data->size != strlen(expected) || memcmp(data->data, expected, data->size) != 0)
        test_fail(__FILE__, __LINE__, "%.*s was asked for, not %s", data == NULL ? 0 : (int)data->size,
                  data == NULL ? "" : (const char *)data->data, expected);
    exchange_free(exchange);
}

static trunk_manager *manager_with_base(int port, const char *path)
{
    char base[100] = "";
    if (path != NULL)
        snprintf(base, sizeof base, "http://127.0.0.1:%d%s", port, path);
    trunk_manager_options *options = manager_options(false);
    CHECK_STATUS(trunk_manager_options_set_base_url(options, trunk_text("/api")), TRUNK_ERROR_INVALID_URL);
    CHECK_STATUS(trunk_manager_options_set_base_url(options, trunk_text("ftp://host/")), TRUNK_ERROR_INVALID_URL);
    CHECK_OK(trunk_manager_options_set_base_url(options, trunk_text("http://nowhere.test/")));
    CHECK_OK(trunk_manager_options_set_base_url(options, trunk_text(base)));
    return manager_make(options);
}

static trunk_request_options *get(const char *url)
{
    trunk_request_options *options = NULL;
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text(url), &options));
    return options;
}

static void test_base(void)
{
    struct peer peer;
    peer_start(&peer, tell, NULL);
    trunk_manager *root = manager_with_base(peer.port, ""), *api = manager_with_base(peer.port, "/api?key=1");
    trunk_manager *none = manager_with_base(peer.port, NULL);
    trunk_request_options *options = get("/status/404?a=b");
    check_target(root, RECV, options, "/status/404?a=b");
    check_target(root, QUEUE, options, "/status/404?a=b");
    check_target(root, CALLBACK, options, "/status/404?a=b");
    check_target(api, RECV, options, "/api/status/404?key=1&a=b");
    trunk_request *request = NULL;
    CHECK_STATUS(trunk_manager_submit_recv(none, options, &request), TRUNK_ERROR_INVALID_URL);
    CHECK(request == NULL);
    CHECK_OK(trunk_request_options_free(options));
    /* Not another host. */
    options = get("//elsewhere.test/x");
    check_target(root, RECV, options, "/elsewhere.test/x");
    CHECK_OK(trunk_request_options_free(options));
    /* An absolute one has nothing to do with the base. */
    char url[100];
    snprintf(url, sizeof url, "http://localhost:%d/x", peer.port);
    options = get(url);
    check_target(api, RECV, options, "/x");
    CHECK_OK(trunk_request_options_free(options));
    CHECK_OK(trunk_manager_free(none));
    CHECK_OK(trunk_manager_free(api));
    CHECK_OK(trunk_manager_free(root));
    peer_stop(&peer);
}

static void test_params(void)
{
    struct peer peer;
    peer_start(&peer, tell, NULL);
    trunk_manager *manager = manager_with_base(peer.port, "");
    trunk_request_options *options = get("/users/{id}?a=1");
    trunk_request *request = NULL;
    CHECK_STATUS(trunk_request_options_set_path_style(options, 9), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_OK(trunk_request_options_set_path_style(options, TRUNK_PATH_CURLY));
    CHECK_STATUS(trunk_manager_submit_recv(manager, options, &request), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK(request == NULL && strstr(last_message(), "id") != NULL);
    CHECK_OK(trunk_request_options_add_path_param(options, trunk_text("id"), trunk_text("a/b")));
    CHECK_OK(trunk_request_options_add_param(options, trunk_text("q"), trunk_text("x&y")));
    check_target(manager, RECV, options, "/users/a%2Fb?a=1&q=x%26y");
    /* They are kept, and more may be added. */
    CHECK_OK(trunk_request_options_add_param(options, trunk_text("q"), trunk_text("2")));
    check_target(manager, QUEUE, options, "/users/a%2Fb?a=1&q=x%26y&q=2");
    CHECK_STATUS(trunk_request_options_add_param(options, trunk_bytes("\xff", 1), trunk_text("2")),
                 TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_OK(trunk_request_options_free(options));
    char url[100];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/:id", peer.port);
    options = get(url);
    CHECK_OK(trunk_request_options_add_param(options, trunk_text("q"), trunk_text("")));
    check_target(manager, RECV, options, "/:id?q=");
    CHECK_OK(trunk_request_options_set_path_style(options, TRUNK_PATH_COLON));
    CHECK_OK(trunk_request_options_add_path_param(options, trunk_text("id"), trunk_text("7")));
    check_target(manager, RECV, options, "/7?q=");
    CHECK_OK(trunk_request_options_free(options));
    CHECK_OK(trunk_manager_free(manager));
    peer_stop(&peer);
}

void test_urls(const struct server *server)
{
    (void)server;
    test_begin("urls: pieces");
    test_pieces_of_url();
    test_end();
    test_begin("urls: relative to a manager's base");
    test_base();
    test_end();
    test_begin("urls: parameters of requests");
    test_params();
    test_end();
}
