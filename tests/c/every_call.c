/* Calls every function with given handles, and sees to it that the tables in calls.h have all that the header has. */
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "engine_talk.h"
#include "handles.h"
#include "harness.h"

/* Room for every out-parameter, to see that nothing was written. */
struct outs {
    void *pointer;
    const trunk_part *part;
    const trunk_part *parts[4];
    trunk_header header;
    trunk_view view;
    trunk_sse_event event;
    trunk_message message;
    trunk_mail mail;
    trunk_write_operation operation;
    uint64_t number;
    size_t size;
    int descriptor;
    bool flag;
};

static void never_part(void *user_data, const trunk_part *part)
{
    (void)user_data;
    (void)part;
    test_fail(__FILE__, __LINE__, "a callback was called");
}

static trunk_decision never_retry(void *user_data, const trunk_attempt *attempt)
{
    never_part(user_data, (const trunk_part *)(const void *)attempt);
    return TRUNK_DECISION_STOP;
}

static trunk_status never_auth(void *user_data, const trunk_auth_request *request, trunk_request_options *credentials)
{
    (void)credentials;
    never_part(user_data, (const trunk_part *)(const void *)request);
    return TRUNK_OK;
}

static uint64_t never_delay(void *user_data, uint32_t number)
{
    (void)number;
    never_part(user_data, NULL);
    return 0;
}

static size_t never_resume(void *user_data, uint16_t status, const trunk_header *headers, size_t count,
                           const trunk_message **messages)
{
    (void)status;
    (void)headers;
    (void)count;
    (void)messages;
    never_part(user_data, NULL);
    return 0;
}

static void never_resolve(void *user_data, trunk_resolve *resolve)
{
    never_part(user_data, (const trunk_part *)(const void *)resolve);
}

static void never_destroy(void *user_data)
{
    (void)user_data;
    test_fail(__FILE__, __LINE__, "user data was destroyed");
}

static void never_flushed(void *user_data, bool written)
{
    (void)written;
    never_destroy(user_data);
}

static const trunk_message message = {.kind = TRUNK_FRAME_TEXT};
static const trunk_request_head request_head = {sizeof request_head, {(const uint8_t *)"GET", 3},
                                                {(const uint8_t *)"http://a/", 9}, NULL, 0};

static const struct handles *live;

#define DEFINE(name, kind, arguments)                                                                                \
    static trunk_status call_##name(void *h, struct outs *o)                                                         \
    {                                                                                                                \
        (void)o;                                                                                                     \
        return name arguments;                                                                                       \
    }
STATUS_CALLS(DEFINE)
FREE_CALLS(DEFINE)

#define DEFINE_VALUE(name, neutral)                                                                                  \
    static bool call_##name(const void *h)                                                                           \
    {                                                                                                                \
        return neutral;                                                                                              \
    }
VALUE_CALLS(DEFINE_VALUE)

struct call {
    const char *name;
    size_t kind;
    trunk_status (*call)(void *handle, struct outs *outs);
};

#define ROW(name, kind, arguments) {#name, offsetof(struct handles, kind), call_##name},
static const struct call status_calls[] = {STATUS_CALLS(ROW)};
static const struct call free_calls[] = {FREE_CALLS(ROW)};

struct value_call {
    const char *name;
    bool (*is_neutral)(const void *handle);
};

#define VALUE_ROW(name, neutral) {#name, call_##name},
static const struct value_call value_calls[] = {VALUE_CALLS(VALUE_ROW)};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void *handle_of(const struct handles *handles, size_t kind)
{
    void *handle;
    memcpy(&handle, (const char *)handles + kind, sizeof handle);
    return handle;
}

static void check_call(const struct call *call, void *handle, trunk_status wanted)
{
    struct outs outs, before;
    memset(&outs, 0xA5, sizeof outs);
    memcpy(&before, &outs, sizeof outs);
    trunk_status got = call->call(handle, &outs);
    if (got != wanted)
        test_fail(__FILE__, __LINE__, "%s: %s, not %s", call->name, status_name(got), status_name(wanted));
    if (memcmp(&before, &outs, sizeof outs) != 0)
        test_fail(__FILE__, __LINE__, "%s: failed, yet an out-parameter was written", call->name);
    if (got != TRUNK_OK && trunk_last_error_message().size == 0)
        test_fail(__FILE__, __LINE__, "%s: no message", call->name);
}

void call_everything(const struct handles *handles, trunk_status status, trunk_status free_status)
{
    live = handles;
    for (size_t index = 0; index < COUNT(status_calls); index++)
        check_call(&status_calls[index], handle_of(handles, status_calls[index].kind), status);
    for (size_t index = 0; index < COUNT(value_calls); index++) {
        if (!value_calls[index].is_neutral(handles->part))
            test_fail(__FILE__, __LINE__, "%s: not neutral", value_calls[index].name);
    }
    for (size_t index = 0; index < COUNT(free_calls); index++)
        check_call(&free_calls[index], handle_of(handles, free_calls[index].kind), free_status);
}

static bool is_known(const char *name)
{
    for (size_t index = 0; index < COUNT(status_calls); index++)
        if (strcmp(status_calls[index].name, name) == 0)
            return true;
    for (size_t index = 0; index < COUNT(free_calls); index++)
        if (strcmp(free_calls[index].name, name) == 0)
            return true;
    for (size_t index = 0; index < COUNT(value_calls); index++)
        if (strcmp(value_calls[index].name, name) == 0)
            return true;
    for (size_t index = 0; index < COUNT(without_handle); index++)
        if (strcmp(without_handle[index], name) == 0)
            return true;
    return false;
}

void check_tables(void)
{
    const char *folder = getenv("TRUNKLINE_TEST_CASES");
    char path[1000], line[1000], name[1000];
    snprintf(path, sizeof path, "%s/../../include/trunkline.h", folder == NULL ? "tests/cases" : folder);
    FILE *header = fopen(path, "r");
    CHECK(header != NULL);
    int functions = 0;
    while (header != NULL && fgets(line, sizeof line, header) != NULL) {
        char *paren = strchr(line, '(');
        if (line[0] < 'a' || line[0] > 'z' || paren == NULL || strncmp(line, "typedef", 7) == 0)
            continue;
        *paren = '\0';
        char *start = paren;
        while (start > line && start[-1] != ' ' && start[-1] != '*')
            start--;
        snprintf(name, sizeof name, "%s", start);
        functions++;
        if (!is_known(name))
            test_fail(__FILE__, __LINE__, "%s is not tested", name);
    }
    if (header != NULL)
        fclose(header);
    CHECK(functions == (int)(COUNT(status_calls) + COUNT(free_calls) + COUNT(value_calls) + COUNT(without_handle)));
}
