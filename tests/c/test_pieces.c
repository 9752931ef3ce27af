/* What requests and managers are made of besides options: bodies, cookie jars. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static trunk_manager *manager;

/* ---- Bodies ---- */

static trunk_request_options *post(const struct server *server)
{
    char url[100];
    trunk_request_options *options = NULL;
    snprintf(url, sizeof url, "http://127.0.0.1:%d/echo", server_port(server, "http"));
    CHECK_OK(trunk_request_options_new(trunk_text("POST"), trunk_text(url), &options));
    return options;
}

/* Sends what the options have, which comes back with its content type. */
static struct exchange *echo(const trunk_request_options *options)
{
    struct exchange *exchange = exchange_new(manager, RECV);
    CHECK_OK(exchange_submit(exchange, options));
    exchanges_run(&exchange, 1, false, 10000);
    return exchange;
}

static void check_echo(const trunk_request_options *options, const char *kind, const char *body, size_t size)
{
    struct exchange *exchange = echo(options);
    const struct record *head = exchange_find(exchange, TRUNK_PART_HEAD);
    const struct record *data = exchange_find(exchange, TRUNK_PART_DATA);
    const cJSON *got = head == NULL ? NULL : cJSON_GetObjectItemCaseSensitive(head->headers, "content-type");
    CHECK_STATUS(exchange_end(exchange), TRUNK_OK);
    CHECK(kind == NULL ? got == NULL : got != NULL && strcmp(got->valuestring, kind) == 0);
    CHECK(data != NULL && data->size == size && memcmp(data->data, body, size) == 0);
    exchange_free(exchange);
}

static void test_bodies(const struct server *server)
{
    trunk_request_options *options = post(server);
    trunk_header fields[2] = {{trunk_text("a"), trunk_text("1 2")}, {trunk_text("b&"), trunk_text("\xc3\xbc")}};
    CHECK_OK(trunk_request_options_set_body_form(options, fields, 2));
    check_echo(options, "application/x-www-form-urlencoded", "a=1+2&b%26=%C3%BC", 17);
    CHECK_STATUS(trunk_request_options_set_body_form(options, NULL, 1), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_request_options_set_body_form(options, fields, SIZE_MAX / 16), TRUNK_ERROR_INVALID_ARGUMENT);
    fields[1].value = trunk_bytes("\xff", 1);
    CHECK_STATUS(trunk_request_options_set_body_form(options, fields, 2), TRUNK_ERROR_INVALID_ARGUMENT);
    check_echo(options, "application/x-www-form-urlencoded", "a=1+2&b%26=%C3%BC", 17);
    CHECK_OK(trunk_request_options_free(options));

    options = post(server);
    CHECK_OK(trunk_request_options_set_body_json(options, trunk_text("{\"a\": 1}")));
    check_echo(options, "application/json", "{\"a\": 1}", 8);
    CHECK_OK(trunk_request_options_free(options));
}

static void test_files(const struct server *server, const char *path)
{
    trunk_request_options *options = post(server);
    CHECK_OK(trunk_request_options_set_body_file(options, trunk_text(path), 0, -1));
    check_echo(options, NULL, "0123456789", 10);
    CHECK_OK(trunk_request_options_set_body_file(options, trunk_text(path), 3, 4));
    check_echo(options, NULL, "3456", 4);
    CHECK_STATUS(trunk_request_options_set_body_file(options, trunk_text(path), 3, -2), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_request_options_set_body_file(options, trunk_text(path), 3, 8), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_request_options_set_body_file(options, trunk_text("/none"), 0, -1), TRUNK_ERROR_IO);
    CHECK_STATUS(trunk_request_options_set_body_file(options, trunk_text("/"), 0, -1), TRUNK_ERROR_INVALID_ARGUMENT);
    check_echo(options, NULL, "3456", 4);
    CHECK_OK(trunk_request_options_free(options));
}

static void test_multipart(const struct server *server, const char *path)
{
    trunk_multipart *multipart = NULL;
    trunk_request_options *options = post(server);
    CHECK_STATUS(trunk_multipart_new(NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_OK(trunk_multipart_new(&multipart));
    CHECK_OK(trunk_multipart_add_text(multipart, trunk_text("na\"me"), trunk_text("value")));
    CHECK_OK(trunk_multipart_add_bytes(multipart, trunk_text("data"), trunk_bytes("\0\1", 2), trunk_text("a.png"),
                                       trunk_text(NULL)));
    CHECK_OK(trunk_multipart_add_file(multipart, trunk_text("file"), trunk_text(path), trunk_text("f"),
                                      trunk_text("text/x-mine")));
    CHECK_STATUS(trunk_multipart_add_text(multipart, trunk_bytes("a\0", 2), trunk_text("")),
                 TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(trunk_multipart_add_file(multipart, trunk_text("x"), trunk_text("/none"), trunk_text(NULL),
                                          trunk_text(NULL)),
                 TRUNK_ERROR_IO);
    CHECK_OK(trunk_request_options_set_body_multipart(options, multipart));
    /* The options keep a copy. */
    CHECK_OK(trunk_multipart_add_text(multipart, trunk_text("late"), trunk_text("late")));
    CHECK_OK(trunk_multipart_free(multipart));
    CHECK_STATUS(trunk_request_options_set_body_multipart(options, multipart), TRUNK_ERROR_INVALID_HANDLE);

    struct exchange *exchange = echo(options);
    const struct record *head = exchange_find(exchange, TRUNK_PART_HEAD);
    const struct record *data = exchange_find(exchange, TRUNK_PART_DATA);
    const cJSON *kind = head == NULL ? NULL : cJSON_GetObjectItemCaseSensitive(head->headers, "content-type");
    const char *boundary = kind == NULL ? NULL : strstr(kind->valuestring, "boundary=");
    CHECK_STATUS(exchange_end(exchange), TRUNK_OK);
    CHECK(boundary != NULL && data != NULL);
    if (boundary != NULL && data != NULL) {
        char expected[1000];
        boundary += strlen("boundary=");
        int size = snprintf(expected, sizeof expected,
                            "--%s\r\nContent-Disposition: form-data; name=\"na%%22me\"\r\n\r\nvalue\r\n"
                            "--%s\r\nContent-Disposition: form-data; name=\"data\"; filename=\"a.png\"\r\n"
                            "Content-Type: image/png\r\n\r\n%c\1\r\n"
                            "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n"
                            "Content-Type: text/x-mine\r\n\r\n0123456789\r\n--%s--\r\n",
                            boundary, boundary, 0, boundary, boundary);
        if (data->size != (size_t)size || memcmp(data->data, expected, data->size) != 0)
            test_fail(__FILE__, __LINE__, "%.*s", (int)data->size, (const char *)data->data);
    }
    exchange_free(exchange);
    CHECK_OK(trunk_request_options_free(options));
}

/* ---- Cookies ---- */

static size_t cookies_in(const trunk_cookie_jar *jar)
{
    size_t count = 99;
    CHECK_OK(trunk_cookie_jar_count(jar, &count));
    return count;
}

static bool sends_cookie(const struct server *server, trunk_manager *of, bool wanted)
{
    char url[100];
    trunk_request_options *options = NULL;
    snprintf(url, sizeof url, "http://127.0.0.1:%d/headers", server_port(server, "http"));
    CHECK_OK(trunk_request_options_new(trunk_text("GET"), trunk_text(url), &options));
    CHECK_OK(trunk_request_options_set_cookies(options, wanted));
    struct exchange *exchange = exchange_new(of, RECV);
    CHECK_OK(exchange_submit(exchange, options));
    CHECK_OK(trunk_request_options_free(options));
    exchanges_run(&exchange, 1, false, 10000);
    const struct record *data = exchange_find(exchange, TRUNK_PART_DATA);
    cJSON *fields = data == NULL ? NULL : cJSON_ParseWithLength((const char *)data->data, data->size);
    const cJSON *cookie = cJSON_GetObjectItemCaseSensitive(fields, "cookie");
    bool sent = cJSON_IsString(cookie) && strcmp(cookie->valuestring, "theme=dark") == 0;
    CHECK(fields != NULL && sent == (cookie != NULL));
    cJSON_Delete(fields);
    exchange_free(exchange);
    return sent;
}

static void test_cookies(const struct server *server, const char *path)
{
    trunk_cookie_jar *jar = NULL, *other = NULL;
    size_t count = 99;
    trunk_view url = trunk_text("http://127.0.0.1/"), cookie = trunk_text("theme=dark; Path=/; Max-Age=3600");
    CHECK_STATUS(trunk_cookie_jar_new(NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_OK(trunk_cookie_jar_new(&jar));
    CHECK_OK(trunk_cookie_jar_new(&other));
    CHECK(cookies_in(jar) == 0);
    CHECK_OK(trunk_cookie_jar_set(jar, url, cookie));
    CHECK_STATUS(trunk_cookie_jar_set(jar, trunk_text("none"), cookie), TRUNK_ERROR_INVALID_URL);
    CHECK_STATUS(trunk_cookie_jar_set(jar, url, trunk_text("a=b; Domain=example.com")), TRUNK_ERROR_INVALID_ARGUMENT);
    CHECK(cookies_in(jar) == 1);
    CHECK_OK(trunk_cookie_jar_save(jar, trunk_text(path)));
    CHECK_STATUS(trunk_cookie_jar_load(other, trunk_text("/none"), &count), TRUNK_ERROR_IO);
    CHECK_STATUS(trunk_cookie_jar_load(other, trunk_text(path), NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK(count == 99 && cookies_in(other) == 0);
    CHECK_OK(trunk_cookie_jar_load(other, trunk_text(path), &count));
    CHECK(count == 1 && cookies_in(other) == 1);

    trunk_manager_options *options = manager_options(false);
    CHECK_STATUS(trunk_manager_options_set_cookie_jar(options, (void *)options), TRUNK_ERROR_INVALID_HANDLE);
    CHECK_OK(trunk_manager_options_set_cookie_jar(options, other));
    trunk_manager *with_jar = manager_make(options);
    CHECK(sends_cookie(server, with_jar, true));
    CHECK(!sends_cookie(server, with_jar, false));
    CHECK_OK(trunk_cookie_jar_clear(other));
    CHECK(cookies_in(other) == 0 && cookies_in(jar) == 1);
    CHECK(!sends_cookie(server, with_jar, true));
    CHECK_OK(trunk_cookie_jar_free(other));
    CHECK(!sends_cookie(server, with_jar, true));
    CHECK_OK(trunk_manager_free(with_jar));
    CHECK_OK(trunk_cookie_jar_free(jar));
}

void test_pieces(const struct server *server)
{
    char path[] = "/tmp/trunkline-test-XXXXXX", jar[] = "/tmp/trunkline-test-XXXXXX";
    int file = mkstemp(path), other = mkstemp(jar);
    CHECK(file >= 0 && other >= 0 && write(file, "0123456789", 10) == 10);
    manager = manager_make(manager_options(false));
#define RUN(title, call)                                                                                             \
    test_begin("pieces: " title);                                                                                    \
    call;                                                                                                            \
    test_end();
    RUN("forms and json", test_bodies(server))
    RUN("files", test_files(server, path))
    RUN("multipart", test_multipart(server, path))
    RUN("cookie jars", test_cookies(server, jar))
#undef RUN
    CHECK_OK(trunk_manager_free(manager));
    close(file);
    close(other);
    unlink(path);
    unlink(jar);
}
