/* Fetches URLs inside an epoll loop of the program's own: cc poll.c -ltrunkline; ./a.out URL... */
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <trunkline.h>

static void try(trunk_status status)
{
    if (status != TRUNK_OK) {
        trunk_view message = trunk_last_error_message();
        fprintf(stderr, "%.*s\n", (int)message.size, (const char *)message.data);
        exit(1);
    }
}

static void show(const trunk_part *part)
{
    const char *url = trunk_part_user_data(part);
    trunk_view text = trunk_part_data(part);
    switch (trunk_part_kind(part)) {
    case TRUNK_PART_HEAD:
        printf("%s: status %u\n", url, trunk_part_status(part));
        break;
    case TRUNK_PART_DATA:
        printf("%s: %zu bytes\n", url, text.size);
        break;
    case TRUNK_PART_ERROR:
        text = trunk_part_error_message(part);
        printf("%s: failed: %.*s\n", url, (int)text.size, (const char *)text.data);
        break;
    }
}

int main(int argc, char **argv)
{
    trunk_manager *manager;
    int descriptor, loop = epoll_create1(0), left = argc - 1;
    try(trunk_manager_new(NULL, &manager));
    try(trunk_manager_descriptor(manager, &descriptor));
    epoll_ctl(loop, EPOLL_CTL_ADD, descriptor, &(struct epoll_event){.events = EPOLLIN});
    for (int index = 1; index < argc; index++) {
        trunk_request_options *request;
        try(trunk_request_options_new(trunk_text("GET"), trunk_text(argv[index]), &request));
        try(trunk_manager_submit_queue(manager, request, argv[index], NULL));
        try(trunk_request_options_free(request));
    }
    while (left > 0 && epoll_wait(loop, &(struct epoll_event){0}, 1, -1) >= 0) {
        const trunk_part *parts[16];
        size_t count;
        do { /* What the program's own descriptors have to say would be handled here, too. */
            try(trunk_manager_poll(manager, parts, 16, 0, &count));
            for (size_t index = 0; index < count; index++) {
                show(parts[index]);
                left -= trunk_part_is_terminal(parts[index]);
            }
        } while (count > 0);
    }
    try(trunk_manager_free(manager));
}
