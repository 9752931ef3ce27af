/* Fetches URLs with a callback, on one background thread of the library: cc callback.c -ltrunkline; ./a.out URL... */
#include <stdio.h>
#include <stdlib.h>
#include <trunkline.h>

/* What belongs to one request. The library gives it back to `forget` after the last part. */
struct fetch {
    const char *url;
    size_t bytes;
};

static void try(trunk_status status)
{
    if (status != TRUNK_OK) {
        trunk_view message = trunk_last_error_message();
        fprintf(stderr, "%.*s\n", (int)message.size, (const char *)message.data);
        exit(1);
    }
}

/* Runs on the library's thread, one part after the other; it must not block. */
static void take(void *user_data, const trunk_part *part)
{
    struct fetch *fetch = user_data;
    trunk_view message;
    switch (trunk_part_kind(part)) {
    case TRUNK_PART_HEAD:
        printf("%s: status %u\n", fetch->url, trunk_part_status(part));
        break;
    case TRUNK_PART_DATA:
        fetch->bytes += trunk_part_data(part).size;
        break;
    case TRUNK_PART_DONE:
        printf("%s: %zu bytes in %.1f ms\n", fetch->url, fetch->bytes,
               (double)trunk_part_timing(part, TRUNK_TIMING_TOTAL) / 1e6);
        break;
    case TRUNK_PART_ERROR:
        message = trunk_part_error_message(part);
        printf("%s: failed: %.*s\n", fetch->url, (int)message.size, (const char *)message.data);
        break;
    }
}

static void forget(void *user_data)
{
    free(user_data);
}

int main(int argc, char **argv)
{
    trunk_manager *manager;
    try(trunk_manager_new(NULL, &manager));
    for (int index = 1; index < argc; index++) {
        struct fetch *fetch = calloc(1, sizeof *fetch);
        if (fetch == NULL)
            return 1;
        fetch->url = argv[index];
        trunk_request_options *request;
        try(trunk_request_options_new(trunk_text("GET"), trunk_text(argv[index]), &request));
        try(trunk_manager_submit_callback(manager, request, take, fetch, forget, NULL));
        try(trunk_request_options_free(request));
    }
    bool all_ended;
    try(trunk_manager_shutdown(manager, 30000, &all_ended));
    try(trunk_manager_free(manager));
    return all_ended ? 0 : 1;
}
