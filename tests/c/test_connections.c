/* How connections are opened: proxies, sockets, TLS and HTTP/2 settings. */
#include "fields.h"

#include <stdlib.h>
#include <string.h>

/* The fields that the server saw, for a request to `url`; NULL where it failed. */
static cJSON *fields_at(trunk_manager *manager, const char *url, const char *proxy)
{
    trunk_request_options *options = NULL;
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text(url), &options));
    if (proxy != NULL)
        CHECK_OK(trunk_request_options_set_proxy(options, trunk_text(proxy)));
    struct exchange *exchange = fetch(manager, options);
    cJSON *fields = fields_of(exchange);
    exchange_free(exchange);
    return fields;
}

/* The test server takes the absolute form: it passes for a proxy. */
static void test_proxies(const struct server *server)
{
    char proxy[100], direct[100], authority[40];
    snprintf(authority, sizeof authority, "127.0.0.1:%d", server_port(server, "http"));
    snprintf(proxy, sizeof proxy, "http://user:pass@%s", authority);
    snprintf(direct, sizeof direct, "http://%s/headers", authority);
    trunk_manager_options *options = manager_options(false);
    CHECK_STATUS(trunk_manager_options_set_proxy(options, trunk_text("ftp://h"), trunk_text(NULL), trunk_text(NULL)),
                 TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_manager_options_add_proxy_header(options, trunk_text("x y"), trunk_text("1")),
                 TRUNK_ERROR_INVALID_HEADER);
    CHECK_OK(trunk_manager_options_add_proxy_header(options, trunk_text("x-for-proxy"), trunk_text("1")));
    CHECK_OK(trunk_manager_options_set_proxy(options, trunk_text(proxy), trunk_text(NULL), trunk_text("127.0.0.1")));
    trunk_manager *manager = manager_make(options);

    cJSON *fields = fields_at(manager, "http://somewhere.test/headers", NULL);
    check_field(fields, "host", "somewhere.test");
    check_field(fields, "x-for-proxy", "1");
    check_field(fields, "proxy-authorization", "Basic dXNlcjpwYXNz");
    cJSON_Delete(fields);

    fields = fields_at(manager, direct, NULL);
    check_field(fields, "host", authority);
    check_field(fields, "x-for-proxy", NULL);
    check_field(fields, "proxy-authorization", NULL);
    cJSON_Delete(fields);
    CHECK_OK(trunk_manager_free(manager));

    manager = manager_make(manager_options(false));
    fields = fields_at(manager, "http://somewhere.test/headers", authority);
    check_field(fields, "host", "somewhere.test");
    cJSON_Delete(fields);
    CHECK_OK(trunk_manager_free(manager));

    options = manager_options(false);
    CHECK_OK(trunk_manager_options_set_proxy(options, trunk_text("http://127.0.0.1:1"), trunk_text(NULL),
                                             trunk_text(NULL)));
    manager = manager_make(options);
    fields = fields_at(manager, direct, "");
    check_field(fields, "host", authority);
    cJSON_Delete(fields);
    CHECK_OK(trunk_manager_free(manager));
}

static void note_local(struct exchange *exchange, const trunk_part *part)
{
    if (trunk_part_kind(part) == TRUNK_PART_DONE) {
        trunk_view address = trunk_part_local_address(part);
        snprintf(exchange->context, 80, "%.*s", (int)address.size, (const char *)address.data);
    }
}

static void test_sockets(const struct server *server)
{
    char url[100];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/headers", server_port(server, "http"));
    trunk_manager_options *options = manager_options(false);
    CHECK_STATUS(trunk_manager_options_set_local_address(options, trunk_text("here")), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_manager_options_set_tcp_keep_alive(options, 1000, 0, 1), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_manager_options_set_tcp_keep_alive(options, 1000, 1000, 0), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_OK(trunk_manager_options_set_tcp_keep_alive(options, 1000, 1000, 3));
    CHECK_OK(trunk_manager_options_set_nodelay(options, false));
    CHECK_OK(trunk_manager_options_set_local_address(options, trunk_text("127.0.0.7")));
    trunk_manager *manager = manager_make(options);
    trunk_request_options *request = NULL;
    char local[80] = "";
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text(url), &request));
    struct exchange *exchange = exchange_new(manager, RECV);
    exchange->on_part = note_local;
    exchange->context = local;
    CHECK_OK(exchange_submit(exchange, request));
    CHECK_OK(trunk_request_options_free(request));
    exchanges_run(&exchange, 1, false, 10000);
    CHECK(strncmp(local, "127.0.0.7:", 10) == 0);
    exchange_free(exchange);
    CHECK_OK(trunk_manager_free(manager));
}

static trunk_status makes(trunk_manager_options *options)
{
    trunk_manager *manager = NULL;
    trunk_status status = trunk_manager_new(options, &manager);
    CHECK((manager != NULL) == (status == TRUNK_OK));
    CHECK_OK(trunk_manager_free(manager));
    return status;
}

static void test_interface(const struct server *server)
{
    static const char *const names[] = {"lo", "nowhere0", ""};
    for (int index = 0; index < 3; index++) {
        trunk_manager_options *options = manager_options(false);
        if (index == 2)
            CHECK_OK(trunk_manager_options_set_interface(options, trunk_text("nowhere0")));
        CHECK_OK(trunk_manager_options_set_interface(options, trunk_text(names[index])));
        trunk_manager *manager = manager_make(options);
        struct exchange *exchange = fetch(manager, get_of(server, "/headers"));
        const struct record *error = exchange_find(exchange, TRUNK_PART_ERROR);
        if (index == 1)
            CHECK(error != NULL && error->error == TRUNK_ERROR_CONNECT_FAILED && strstr(error->message, "nowhere0"));
        else /* Where the system does not allow it, the error says so. */
            CHECK(exchange_status(exchange) == 200 ||
                  (index == 0 && error != NULL && strstr(error->message, "privileged") != NULL));
        exchange_free(exchange);
        CHECK_OK(trunk_manager_free(manager));
    }
}

/* The environment counts when the manager is made, and only where that was asked for. */
static void test_environment(const struct server *server)
{
    char proxy[100], direct[100], authority[40];
    snprintf(authority, sizeof authority, "127.0.0.1:%d", server_port(server, "http"));
    snprintf(proxy, sizeof proxy, "http://user:pass@%s", authority);
    snprintf(direct, sizeof direct, "http://localhost:%d/headers", server_port(server, "http"));
    CHECK(setenv("http_proxy", proxy, 1) == 0 && setenv("no_proxy", "localhost", 1) == 0);
    trunk_manager_options *options = manager_options(false);
    CHECK_OK(trunk_manager_options_set_proxy_environment(options));
    trunk_manager *manager = manager_make(options), *without = manager_make(manager_options(false));
    CHECK(setenv("http_proxy", "ftp://nonsense", 1) == 0);
    options = manager_options(false);
    CHECK_OK(trunk_manager_options_set_proxy_environment(options));
    CHECK_STATUS(makes(options), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_OK(trunk_manager_options_free(options));
    CHECK(unsetenv("http_proxy") == 0 && unsetenv("no_proxy") == 0);

    cJSON *fields = fields_at(manager, "http://somewhere.test/headers", NULL);
    check_field(fields, "host", "somewhere.test");
    check_field(fields, "proxy-authorization", "Basic dXNlcjpwYXNz");
    cJSON_Delete(fields);
    fields = fields_at(manager, direct, NULL);
    check_field(fields, "proxy-authorization", NULL);
    cJSON_Delete(fields);
    snprintf(direct, sizeof direct, "http://%s/headers", authority);
    fields = fields_at(without, direct, NULL);
    check_field(fields, "proxy-authorization", NULL);
    cJSON_Delete(fields);
    fields = fields_at(manager, direct, NULL);
    check_field(fields, "proxy-authorization", "Basic dXNlcjpwYXNz");
    cJSON_Delete(fields);
    CHECK_OK(trunk_manager_free(manager));
    CHECK_OK(trunk_manager_free(without));
}

static void test_settings(void)
{
    static const char pin[] = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    trunk_manager_options *options = manager_options(false);
    CHECK_STATUS(trunk_manager_options_set_tls_versions(options, 11, TRUNK_TLS_1_3), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_OK(trunk_manager_options_set_tls_versions(options, TRUNK_TLS_1_3, TRUNK_TLS_1_2));
    CHECK_STATUS(makes(options), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_OK(trunk_manager_options_set_tls_versions(options, TRUNK_TLS_1_2, TRUNK_TLS_1_2));
    CHECK_OK(trunk_manager_options_set_tls_pins(options, trunk_text("nonsense")));
    CHECK_STATUS(makes(options), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_OK(trunk_manager_options_set_tls_pins(options, trunk_text(pin)));
    CHECK_STATUS(makes(options), TRUNK_OK);
    CHECK_OK(trunk_manager_options_set_http2_max_frame_size(options, 1));
    CHECK_STATUS(makes(options), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_OK(trunk_manager_options_set_http2_max_frame_size(options, 1 << 20));
    CHECK_STATUS(trunk_manager_options_set_http2_connection_window(options, 0), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_manager_options_set_http2_connection_window(options, 1u << 31), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_manager_options_set_http2_connections_per_origin(options, 0), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(makes(options), TRUNK_OK);
    CHECK_OK(trunk_manager_options_free(options));
}

void test_connections(const struct server *server)
{
    test_begin("connections: proxies");
    test_proxies(server);
    test_end();
    test_begin("connections: sockets");
    test_sockets(server);
    test_end();
    test_begin("connections: interfaces");
    test_interface(server);
    test_end();
    test_begin("connections: proxies of the environment");
    test_environment(server);
    test_end();
    test_begin("connections: TLS and HTTP/2 settings");
    test_settings();
    test_end();
}
