/* Promise 12: runs tests/cases in JSON, each case in each delivery on both drives. */
#include "cases.h"

#include <dirent.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bytes.h"

/* ---- One request ---- */

struct play {
    const cJSON *request;
    pthread_mutex_t lock;
    int next_chunk, next_frame;
    bool finished;
};

static void add_headers(trunk_request_options *options, const cJSON *headers)
{
    const cJSON *field;
    cJSON_ArrayForEach(field, headers)
    {
        CHECK_OK(trunk_request_options_add_header(options, trunk_text(cJSON_GetArrayItem(field, 0)->valuestring),
                                                  trunk_text(cJSON_GetArrayItem(field, 1)->valuestring)));
    }
}

static trunk_request_options *request_options(const cJSON *request, const char *scheme, int port)
{
    char url[8192];
    trunk_request_options *options = NULL;
    snprintf(url, sizeof url, "%s://127.0.0.1:%d%s", scheme, port, text_of(request, "path", "/"));
    CHECK_OK(trunk_request_options_new(trunk_text(text_of(request, "method", "GET")), trunk_text(url), &options));
    add_headers(options, item(request, "headers"));
    if (item(request, "body") != NULL) {
        struct bytes body = bytes_of(item(request, "body"));
        CHECK_OK(trunk_request_options_set_body(options, trunk_bytes(body.data, body.size)));
        free(body.data);
    }
    if (item(request, "body_chunks") != NULL)
        CHECK_OK(trunk_request_options_set_streamed_body(options, -1));
    const cJSON *option;
    cJSON_ArrayForEach(option, item(request, "options")) set_request_option(options, option->string, option);
    return options;
}

/* Writes the streamed body, as far as it is taken. The request may have ended meanwhile. */
static void write_chunks(struct play *play, trunk_request *request)
{
    const cJSON *chunks = item(play->request, "body_chunks"), *trailers = item(play->request, "trailers");
    pthread_mutex_lock(&play->lock);
    while (chunks != NULL && !play->finished) {
        trunk_status status;
        if (play->next_chunk < cJSON_GetArraySize(chunks)) {
            struct bytes chunk = bytes_of(cJSON_GetArrayItem(chunks, play->next_chunk));
            status = trunk_request_write(request, trunk_bytes(chunk.data, chunk.size));
            free(chunk.data);
            play->next_chunk++;
        } else {
            trunk_header fields[16];
            size_t count = 0;
            const cJSON *field;
            cJSON_ArrayForEach(field, trailers)
            {
                fields[count].name = trunk_text(cJSON_GetArrayItem(field, 0)->valuestring);
                fields[count++].value = trunk_text(cJSON_GetArrayItem(field, 1)->valuestring);
            }
            status = trunk_request_finish(request, fields, count);
            play->finished = true;
        }
        if (status == TRUNK_ERROR_AGAIN) {
            play->next_chunk--;
            break;
        }
        if (status == TRUNK_ERROR_INVALID_STATE)
            play->finished = true;
        else
            CHECK_OK(status);
    }
    pthread_mutex_unlock(&play->lock);
}

static trunk_status send_frame(trunk_request *request, const cJSON *frame)
{
    const cJSON *payload;
    trunk_frame_kind kind = frame_of(frame, &payload);
    if (kind != TRUNK_FRAME_CLOSE) {
        struct bytes data = bytes_of(payload);
        trunk_status status = trunk_websocket_send(request, kind, trunk_bytes(data.data, data.size));
        free(data.data);
        return status;
    }
    const cJSON *code = cJSON_GetArrayItem(payload, 0), *reason = cJSON_GetArrayItem(payload, 1);
    return trunk_websocket_close(request, cJSON_IsNumber(code) ? (uint16_t)code->valueint : 0,
                                 trunk_text(cJSON_IsString(reason) ? reason->valuestring : NULL));
}

static void send_frames(struct play *play, trunk_request *request)
{
    const cJSON *frames = item(play->request, "send");
    pthread_mutex_lock(&play->lock);
    while (play->next_frame < cJSON_GetArraySize(frames)) {
        trunk_status status = send_frame(request, cJSON_GetArrayItem(frames, play->next_frame));
        if (status == TRUNK_ERROR_AGAIN)
            break;
        /* The peer may have closed first. */
        if (status != TRUNK_ERROR_INVALID_STATE)
            CHECK_OK(status);
        play->next_frame++;
    }
    pthread_mutex_unlock(&play->lock);
}

static void at_part(struct exchange *exchange, const trunk_part *part)
{
    struct play *play = exchange->context;
    trunk_request *request = trunk_part_request(part);
    trunk_kind kind = trunk_part_kind(part);
    const char *cancel = text_of(play->request, "cancel_after", "");
    if ((kind == TRUNK_PART_HEAD && strcmp(cancel, "head") == 0) ||
        (kind == TRUNK_PART_DATA && strcmp(cancel, "data") == 0))
        CHECK_OK(trunk_request_cancel(request));
    if (kind == TRUNK_PART_WRITABLE)
        write_chunks(play, request);
    bool opens = kind == TRUNK_PART_HEAD && (trunk_part_status(part) == 101 || trunk_part_status(part) == 200);
    if (opens || kind == TRUNK_PART_WRITABLE)
        send_frames(play, request);
}

/* ---- The server's verdict ---- */

static void check_verdict(int control, const char *name)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)control)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    char text[4096] = "", ask[300];
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    int size = snprintf(ask, sizeof ask, "GET /verdict/%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                        name);
    size_t got = 0;
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0 &&
        write(descriptor, ask, (size_t)size) == size) {
        ssize_t more;
        while (got + 1 < sizeof text && (more = read(descriptor, text + got, sizeof text - 1 - got)) > 0)
            got += (size_t)more;
    }
    close(descriptor);
    const char *body = strchr(text, '{');
    cJSON *verdict = body == NULL ? NULL : cJSON_Parse(body);
    if (!cJSON_IsTrue(item(verdict, "ok")))
        test_fail(__FILE__, __LINE__, "the server: %s", text_of(verdict, "why", "no verdict"));
    cJSON_Delete(verdict);
}

/* ---- One case ---- */

static void run_case(const cJSON *one, const struct server *server, enum delivery delivery, bool is_inline)
{
    const char *protocol = text_of(one, "protocol", "http1");
    const cJSON *requests = item(one, "requests"), *option;
    int port = server_port(&(struct server){.places = (cJSON *)item(server->places, "cases")},
                           text_of(one, "name", ""));
    trunk_manager_options *options = manager_options(is_inline);
    if (strcmp(protocol, "http2") == 0)
        CHECK_OK(trunk_manager_options_set_http(options, TRUNK_HTTP_2));
    if (strcmp(protocol, "upgrade") == 0)
        CHECK_OK(trunk_manager_options_set_http(options, TRUNK_HTTP_UPGRADE));
    cJSON_ArrayForEach(option, item(one, "manager")) set_manager_option(options, option->string, option);
    trunk_manager *manager = manager_make(options);

    enum { MOST = 64 };
    struct exchange *exchanges[MOST];
    struct play plays[MOST];
    int count = cJSON_GetArraySize(requests);
    bool concurrent = strcmp(text_of(one, "mode", "sequential"), "concurrent") == 0;
    CHECK(count > 0 && count <= MOST);
    for (int index = 0; index < count; index++) {
        const cJSON *request = cJSON_GetArrayItem(requests, index);
        trunk_request_options *made =
            request_options(request, strncmp(protocol, "websocket", 9) == 0 ? "ws" : "http", port);
        if (strcmp(protocol, "websocket_http2") == 0)
            CHECK_OK(trunk_request_options_set_http(made, TRUNK_HTTP_2));
        plays[index] = (struct play){.request = request, .lock = PTHREAD_MUTEX_INITIALIZER};
        exchanges[index] = exchange_new(manager, delivery);
        exchanges[index]->context = &plays[index];
        exchanges[index]->on_part = at_part;
        CHECK_OK(exchange_submit(exchanges[index], made));
        CHECK_OK(trunk_request_options_free(made));
        if (strcmp(text_of(request, "cancel_after", ""), "submit") == 0)
            CHECK_OK(trunk_request_cancel(exchanges[index]->request));
        write_chunks(&plays[index], exchanges[index]->request);
        if (!concurrent)
            exchanges_run(&exchanges[index], 1, is_inline, 15000);
    }
    if (concurrent)
        exchanges_run(exchanges, (size_t)count, is_inline, 15000);
    for (int index = 0; index < count; index++) {
        compare_parts(exchanges[index], plays[index].request, index);
        exchange_free(exchanges[index]);
    }
    CHECK_OK(trunk_manager_free(manager));
    check_verdict(server_port(server, "control"), text_of(one, "name", ""));
}

static cJSON *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = calloc(1, (size_t)size + 1);
    size_t got = text == NULL ? 0 : fread(text, 1, (size_t)size, file);
    fclose(file);
    cJSON *json = got == (size_t)size ? cJSON_Parse(text) : NULL;
    free(text);
    return json;
}

static int by_name(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

static int is_json(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0;
}

static void run_pass(const char *folder, const char *only, enum delivery delivery, bool is_inline)
{
    struct server server;
    test_begin("cases: the server");
    if (!server_start(&server, "cases", folder)) {
        test_fail(__FILE__, __LINE__, "it did not start");
        test_end();
        return;
    }
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_json, by_name);
    for (int index = 0; index < count; index++) {
        char path[2000], name[400];
        snprintf(path, sizeof path, "%s/%s", folder, entries[index]->d_name);
        cJSON *file = read_file(path);
        const cJSON *one;
        if (file == NULL) {
            test_begin(path);
            test_fail(__FILE__, __LINE__, "it cannot be read");
            test_end();
        }
        cJSON_ArrayForEach(one, item(file, "cases"))
        {
            snprintf(name, sizeof name, "case %s by %s, %s", text_of(one, "name", "?"), delivery_names[delivery],
                     is_inline ? "inline" : "threads");
            if (only != NULL && strstr(name, only) == NULL)
                continue;
            watchdog(60);
            test_begin(name);
            run_case(one, &server, delivery, is_inline);
            test_end();
        }
        cJSON_Delete(file);
        free(entries[index]);
    }
    free(entries);
    server_stop(&server);
}

void test_cases(const char *folder, const char *only)
{
    for (int is_inline = 0; is_inline < 2; is_inline++) {
        for (enum delivery delivery = RECV; delivery <= CALLBACK; delivery++)
            run_pass(folder, only, delivery, is_inline);
    }
}
