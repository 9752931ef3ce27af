#include "engine_talk.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Vectors are laid out as those of the system. */
_Static_assert(offsetof(trunk_view, data) == offsetof(struct iovec, iov_base), "the address");
_Static_assert(offsetof(trunk_view, size) == offsetof(struct iovec, iov_len), "the length");
_Static_assert(sizeof(trunk_view) == sizeof(struct iovec), "the whole");

void told_note(struct told *told, const char *format, ...)
{
    size_t size = strlen(told->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(told->text + size, sizeof told->text - size, format, arguments);
    va_end(arguments);
    size = strlen(told->text);
    snprintf(told->text + size, sizeof told->text - size, ";");
    told->in_data = false;
}

void told_wake(void *count)
{
    ++*(int *)count;
}

void count_destroy(void *count)
{
    ++*(int *)count;
}

static void note_fields(struct told *told, const char *what, const trunk_header *fields, size_t count)
{
    for (size_t index = 0; index < count; index++) {
        trunk_header field = fields[index];
        if (field.name.size > 2 && memcmp(field.name.data, "x-", 2) == 0)
            told_note(told, "%s %.*s=%.*s", what, (int)field.name.size, (const char *)field.name.data,
                      (int)field.value.size, (const char *)field.value.data);
    }
}

static void on_head(void *user_data, trunk_answer *answer, uint16_t status, const trunk_header *fields, size_t count)
{
    struct told *told = user_data;
    told_note(told, "head %u", status);
    note_fields(told, "field", fields, count);
    told->answer = answer;
    if (told->on_head != NULL)
        told->on_head(told);
    if (!told->unread)
        CHECK_OK(trunk_answer_read(answer));
}

static void on_error(void *user_data, const trunk_engine_error *error)
{
    struct told *told = user_data;
    CHECK(error->message.size > 0 && trunk_status_name(error->status).size > 0);
    switch (error->fault) {
    case TRUNK_FAULT_MALFORMED_RESPONSE:
        told_note(told, "malformed");
        break;
    case TRUNK_FAULT_INVALID_BODY_LENGTH:
        told_note(told, "length %d of %d", (int)error->received, (int)error->expected);
        break;
    case TRUNK_FAULT_PROTOCOL:
        told_note(told, "protocol %d %s", (int)error->code, error->from_peer ? "received" : "sent");
        break;
    case TRUNK_FAULT_EXCEPTION:
        told_note(told, "exception %.*s", (int)error->message.size, (const char *)error->message.data);
        break;
    default:
        told_note(told, "unknown");
    }
    told->ended++;
}

static trunk_flow on_data(void *user_data, trunk_view data)
{
    struct told *told = user_data;
    if (!told->in_data)
        told_note(told, "data");
    told->in_data = true;
    for (size_t index = 0; index < data.size; index++)
        told->sum = told->sum * 31 + data.data[index];
    told->bytes += data.size;
    return told->flow;
}

static void on_end(void *user_data)
{
    struct told *told = user_data;
    told_note(told, "end");
    told->ended++;
}

static void on_trailers(void *user_data, const trunk_header *fields, size_t count)
{
    told_note(user_data, "trailers");
    note_fields(user_data, "trailer", fields, count);
}

static void on_informational(void *user_data, uint16_t status, const trunk_header *fields, size_t count)
{
    told_note(user_data, "informational %u", status);
    note_fields(user_data, "field", fields, count);
}

void told_destroy(void *user_data)
{
    ((struct told *)user_data)->destroyed++;
}

const trunk_exchange_handlers told_handlers = {
    .size = sizeof told_handlers, .head = on_head, .error = on_error, .data = on_data, .end = on_end,
    .trailers = on_trailers, .informational = on_informational, .destroy = told_destroy,
};

const trunk_connection_handlers told_connection = {
    .size = sizeof told_connection, .error = on_error, .destroy = told_destroy,
};

trunk_status talk_request(trunk_engine *engine, const char *method, const char *uri, struct told *told,
                          trunk_upload **upload)
{
    const trunk_header field = {trunk_text("X-Asked"), trunk_text("yes")};
    const trunk_request_head request = {sizeof request, trunk_text(method), trunk_text(uri), &field, 1};
    return trunk_engine_request(engine, &request, &told_handlers, told, upload);
}

trunk_status talk_get(trunk_engine *engine, const char *uri, struct told *told, trunk_upload **upload)
{
    const trunk_request_head request = {sizeof request, trunk_text("GET"), trunk_text(uri), NULL, 0};
    return trunk_engine_request_without_body(engine, &request, &told_handlers, told, upload);
}

size_t talk_written(trunk_engine *engine, size_t step, uint8_t *bytes, size_t room)
{
    size_t size = 0;
    for (;;) {
        trunk_write_operation operation;
        CHECK_OK(trunk_engine_next_write_operation(engine, &operation));
        if (operation.operation != TRUNK_OPERATION_WRITE)
            return size;
        CHECK(operation.count >= 1 && operation.count <= 2 && operation.vectors[0].size > 0);
        size_t count = operation.vectors[0].size < step ? operation.vectors[0].size : step;
        if (count > room - size)
            count = room - size;
        if (count == 0)
            return size;
        memcpy(bytes + size, operation.vectors[0].data, count);
        size += count;
        CHECK_OK(trunk_engine_report_write_result(engine, (int64_t)count));
    }
}

size_t talk_feed(trunk_engine *engine, const void *bytes, size_t size, size_t step)
{
    size_t taken = 0;
    while (taken < size) {
        size_t consumed = 0, piece = size - taken < step ? size - taken : step;
        CHECK_OK(trunk_engine_read(engine, trunk_bytes((const uint8_t *)bytes + taken, piece), &consumed));
        if (consumed == 0)
            break;
        taken += consumed;
    }
    return taken;
}

static bool all_ended(struct told *const *told, int count)
{
    for (int index = 0; index < count; index++)
        if (told[index]->ended == 0)
            return false;
    return true;
}

void talk_pump(trunk_engine *engine, int descriptor, size_t step, struct told *const *told, int count)
{
    uint8_t bytes[16384];
    int64_t end = now_ms() + slow(20000);
    bool closed = false;
    while (!closed && (count < 0 || !all_ended(told, count)) && now_ms() < end) {
        trunk_operation next;
        size_t size;
        while ((size = talk_written(engine, step, bytes, sizeof bytes)) > 0)
            CHECK(write(descriptor, bytes, size) == (ssize_t)size);
        CHECK_OK(trunk_engine_next_read_operation(engine, &next));
        struct pollfd ready = {descriptor, POLLIN, 0};
        if (next == TRUNK_OPERATION_READ && poll(&ready, 1, 100) == 1) {
            ssize_t got = read(descriptor, bytes, sizeof bytes);
            if (got <= 0)
                CHECK_OK(trunk_engine_read_eof(engine));
            else
                CHECK(talk_feed(engine, bytes, (size_t)got, step) == (size_t)got);
        }
        CHECK_OK(trunk_engine_is_closed(engine, &closed));
    }
    CHECK(now_ms() < end);
}

int talk_connect(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0);
    return descriptor;
}

size_t frame_put(uint8_t *frames, size_t size, uint8_t kind, uint8_t flags, uint32_t stream, const void *payload,
                 size_t length)
{
    uint8_t *frame = frames + size;
    frame[0] = (uint8_t)(length >> 16);
    frame[1] = (uint8_t)(length >> 8);
    frame[2] = (uint8_t)length;
    frame[3] = kind;
    frame[4] = flags;
    stream = htonl(stream);
    memcpy(frame + 5, &stream, 4);
    if (length > 0)
        memcpy(frame + 9, payload, length);
    return size + 9 + length;
}

bool frame_among(const uint8_t *frames, size_t size, uint8_t kind, uint32_t stream, const void *payload,
                 size_t length)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    size_t place = size >= 24 && memcmp(frames, preface, 24) == 0 ? 24 : 0;
    while (place + 9 <= size) {
        const uint8_t *frame = frames + place;
        size_t there = (size_t)frame[0] << 16 | (size_t)frame[1] << 8 | frame[2];
        uint32_t number;
        memcpy(&number, frame + 5, 4);
        if (frame[3] == kind && ntohl(number) == stream && (payload == NULL || there == length) &&
            place + 9 + there <= size && (payload == NULL || memcmp(frame + 9, payload, length) == 0))
            return true;
        place += 9 + there;
    }
    return false;
}
