/* Requests of the tests, in any delivery, and what came of them. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

const char *const delivery_names[] = {"recv", "queue", "callback"};

struct exchange *exchange_new(trunk_manager *manager, enum delivery delivery)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL)
        abort();
    exchange->manager = manager;
    exchange->delivery = delivery;
    pthread_mutex_init(&exchange->lock, NULL);
    pthread_cond_init(&exchange->changed, NULL);
    return exchange;
}

static void record_headers(struct record *record, const trunk_part *part)
{
    record->headers = cJSON_CreateObject();
    size_t count = trunk_part_header_count(part);
    for (size_t index = 0; index < count; index++) {
        trunk_header header;
        CHECK_OK(trunk_part_header_at(part, index, &header));
        char name[256], *value;
        snprintf(name, sizeof name, "%.*s", (int)header.name.size, (const char *)header.name.data);
        const cJSON *before = cJSON_GetObjectItemCaseSensitive(record->headers, name);
        size_t length = before == NULL ? 0 : strlen(before->valuestring) + 2;
        value = calloc(1, length + header.value.size + 1);
        if (value == NULL)
            abort();
        if (before != NULL) {
            strcpy(value, before->valuestring);
            strcat(value, ", ");
        }
        memcpy(value + length, header.value.data, header.value.size);
        cJSON_DeleteItemFromObjectCaseSensitive(record->headers, name);
        cJSON_AddStringToObject(record->headers, name, value);
        free(value);
    }
}

/* Where each kind may stand; see the order in trunkline.h. */
static int place_of(trunk_kind kind)
{
    switch (kind) {
    case TRUNK_PART_INFORMATIONAL:
    case TRUNK_PART_REDIRECT:
        return 0;
    case TRUNK_PART_HEAD:
        return 1;
    case TRUNK_PART_DATA:
    case TRUNK_PART_FRAME:
    case TRUNK_PART_RECONNECTED:
    case TRUNK_PART_LATENCY:
        return 2;
    case TRUNK_PART_TRAILERS:
        return 3;
    default:
        return 4;
    }
}

static void append(struct record *record, trunk_view data)
{
    /* Twice as much each time: under the sanitizers each realloc copies. */
    while (record->data == NULL || record->room < record->size + data.size) {
        record->room = record->room == 0 ? 256 : record->room * 2;
        record->data = realloc(record->data, record->room);
        if (record->data == NULL)
            abort();
    }
    if (data.size > 0)
        memcpy(record->data + record->size, data.data, data.size);
    record->size += data.size;
}

static void record_part(struct exchange *exchange, const trunk_part *part)
{
    trunk_kind kind = trunk_part_kind(part);
    struct record *last = exchange->count > 0 ? &exchange->records[exchange->count - 1] : NULL;
    exchange->parts++;
    if (exchange->terminals > 0 || kind == TRUNK_PART_NONE)
        exchange->broken_order = true;
    if (kind == TRUNK_PART_WRITABLE)
        return;
    if (last != NULL && (place_of(kind) < place_of(last->kind) ||
                         (place_of(kind) == place_of(last->kind) && place_of(kind) % 2 == 1)))
        exchange->broken_order = true;
    if (kind == TRUNK_PART_DATA)
        exchange->bytes += trunk_part_data(part).size;
    if (kind == TRUNK_PART_DATA && last != NULL && last->kind == kind) {
        if (!exchange->discard)
            append(last, trunk_part_data(part));
        return;
    }
    struct record *grown = realloc(exchange->records, (exchange->count + 1) * sizeof *grown);
    if (grown == NULL)
        abort();
    exchange->records = grown;
    struct record *record = &grown[exchange->count++];
    memset(record, 0, sizeof *record);
    record->kind = kind;
    trunk_view text;
    switch (kind) {
    case TRUNK_PART_INFORMATIONAL:
    case TRUNK_PART_REDIRECT:
    case TRUNK_PART_HEAD:
    case TRUNK_PART_RECONNECTED:
        text = trunk_part_url(part);
        snprintf(record->url, sizeof record->url, "%.*s", (int)text.size, (const char *)text.data);
        record->status = trunk_part_status(part);
        record->version = trunk_part_version(part);
        record_headers(record, part);
        break;
    case TRUNK_PART_TRAILERS:
        record_headers(record, part);
        break;
    case TRUNK_PART_DATA:
        if (!exchange->discard)
            append(record, trunk_part_data(part));
        break;
    case TRUNK_PART_FRAME:
        append(record, trunk_part_data(part));
        record->frame_kind = trunk_part_frame_kind(part);
        if (record->frame_kind == TRUNK_FRAME_CLOSE)
            record->close_code = trunk_part_close_code(part);
        break;
    case TRUNK_PART_ERROR:
        record->error = trunk_part_error(part);
        record->phase = trunk_part_error_phase(part);
        text = trunk_part_error_message(part);
        snprintf(record->message, sizeof record->message, "%.*s", (int)text.size, (const char *)text.data);
        break;
    case TRUNK_PART_DONE:
        record->reused = trunk_part_reused(part);
        record->attempts = trunk_part_attempts(part);
        record->protocol = trunk_part_protocol(part);
        record->received = trunk_part_received(part);
        record->sent = trunk_part_sent(part);
        record->total_ns = trunk_part_timing(part, TRUNK_TIMING_TOTAL);
        text = trunk_part_tls(part);
        snprintf(record->tls, sizeof record->tls, "%.*s", (int)text.size, (const char *)text.data);
        break;
    default:
        break;
    }
    if (trunk_part_is_terminal(part)) {
        exchange->terminals++;
        exchange->ended = true;
    }
}

static void take(struct exchange *exchange, const trunk_part *part)
{
    if (exchange->on_part != NULL)
        exchange->on_part(exchange, part);
    pthread_mutex_lock(&exchange->lock);
    record_part(exchange, part);
    pthread_cond_broadcast(&exchange->changed);
    pthread_mutex_unlock(&exchange->lock);
}

static void called_back(void *user_data, const trunk_part *part)
{
    take(user_data, part);
}

static void destroyed(void *user_data)
{
    struct exchange *exchange = user_data;
    pthread_mutex_lock(&exchange->lock);
    exchange->destroyed++;
    pthread_cond_broadcast(&exchange->changed);
    pthread_mutex_unlock(&exchange->lock);
}

trunk_status exchange_submit(struct exchange *exchange, const trunk_request_options *options)
{
    switch (exchange->delivery) {
    case RECV:
        return trunk_manager_submit_recv(exchange->manager, options, &exchange->request);
    case QUEUE:
        return trunk_manager_submit_queue(exchange->manager, options, exchange, &exchange->request);
    default:
        return trunk_manager_submit_callback(exchange->manager, options, called_back, exchange, destroyed,
                                             &exchange->request);
    }
}

static bool has_finished(struct exchange *exchange)
{
    pthread_mutex_lock(&exchange->lock);
    bool finished = exchange->ended && (exchange->delivery != CALLBACK || exchange->destroyed > 0);
    pthread_mutex_unlock(&exchange->lock);
    return finished;
}

static void poll_once(trunk_manager *manager, int64_t timeout_ms)
{
    const trunk_part *parts[16];
    size_t count = 0;
    CHECK_OK(trunk_manager_poll(manager, parts, 16, timeout_ms, &count));
    for (size_t index = 0; index < count; index++)
        take(trunk_part_user_data(parts[index]), parts[index]);
}

static void wait_once(struct exchange *exchange, bool is_inline, int64_t timeout_ms)
{
    const trunk_part *part = NULL;
    trunk_status status;
    switch (exchange->delivery) {
    case RECV:
        status = trunk_request_recv(exchange->request, timeout_ms, &part);
        if (status == TRUNK_OK)
            take(exchange, part);
        else if (status != TRUNK_ERROR_TIMEOUT)
            CHECK_OK(status);
        break;
    case QUEUE:
        poll_once(exchange->manager, timeout_ms);
        break;
    default:
        if (is_inline)
            poll_once(exchange->manager, 5);
        else
            pause_ms(1);
    }
}

bool exchanges_run(struct exchange **exchanges, size_t count, bool is_inline, int64_t timeout_ms)
{
    int64_t end = now_ms() + slow(timeout_ms);
    for (;;) {
        size_t finished = 0;
        for (size_t index = 0; index < count; index++) {
            if (has_finished(exchanges[index]))
                finished++;
            else if (!test_failed() || now_ms() < end)
                wait_once(exchanges[index], is_inline, count == 1 ? 20 : 1);
        }
        if (finished == count)
            break;
        if (now_ms() >= end) {
            test_fail(__FILE__, __LINE__, "%zu of %zu requests did not end", count - finished, count);
            return false;
        }
    }
    for (size_t index = 0; index < count; index++) {
        CHECK(exchanges[index]->terminals == 1);
        CHECK(!exchanges[index]->broken_order);
        CHECK(exchanges[index]->destroyed == (exchanges[index]->delivery == CALLBACK));
    }
    return true;
}

void exchange_free(struct exchange *exchange)
{
    if (exchange->request != NULL)
        CHECK_OK(trunk_request_free(exchange->request));
    for (size_t index = 0; index < exchange->count; index++) {
        cJSON_Delete(exchange->records[index].headers);
        free(exchange->records[index].data);
    }
    free(exchange->records);
    pthread_mutex_destroy(&exchange->lock);
    pthread_cond_destroy(&exchange->changed);
    free(exchange);
}

const struct record *exchange_find(const struct exchange *exchange, trunk_kind kind)
{
    for (size_t index = 0; index < exchange->count; index++) {
        if (exchange->records[index].kind == kind)
            return &exchange->records[index];
    }
    return NULL;
}

int exchange_status(const struct exchange *exchange)
{
    const struct record *head = exchange_find(exchange, TRUNK_PART_HEAD);
    return head == NULL ? 0 : head->status;
}

trunk_status exchange_end(const struct exchange *exchange)
{
    const struct record *error = exchange_find(exchange, TRUNK_PART_ERROR);
    if (error != NULL)
        return error->error;
    return exchange_find(exchange, TRUNK_PART_DONE) != NULL ? TRUNK_OK : -1;
}
