/* A raw stream to a host behind a proxy, from the standard input and to the standard output:
 * cc stream.c -ltrunkline; ./a.out http://proxy:3128 host:25 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <trunkline.h>

static void try(trunk_status status)
{
    if (status != TRUNK_OK) {
        trunk_view message = trunk_last_error_message();
        fprintf(stderr, "%.*s\n", (int)message.size, (const char *)message.data);
        exit(1);
    }
}

/* Prints what has come; false after the terminal part. */
static bool show(trunk_manager *manager)
{
    const trunk_part *part;
    size_t count;
    for (;;) {
        try(trunk_manager_poll(manager, &part, 1, 0, &count));
        if (count == 0)
            return true;
        trunk_view data = trunk_part_data(part), message = trunk_part_error_message(part);
        if (trunk_part_kind(part) == TRUNK_PART_HEAD)
            fprintf(stderr, "status %u\n", trunk_part_status(part));
        if (data.size > 0)
            fwrite(data.data, 1, data.size, stdout);
        fflush(stdout);
        if (trunk_part_is_terminal(part)) {
            fprintf(stderr, "%.*s\n", (int)message.size, (const char *)message.data);
            return false;
        }
    }
}

int main(int argc, char **argv)
{
    trunk_manager *manager;
    trunk_request_options *options;
    trunk_request *stream;
    int descriptor;
    if (argc != 3)
        return 2;
    try(trunk_manager_new(NULL, &manager));
    try(trunk_manager_descriptor(manager, &descriptor));
    try(trunk_request_options_new_connect(trunk_text(argv[1]), trunk_text(argv[2]), &options));
    try(trunk_manager_submit_queue(manager, options, NULL, &stream));
    try(trunk_request_options_free(options));

    struct pollfd ends[] = {{.fd = descriptor, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    char piece[4096];
    ssize_t size = 0; /* read and not yet taken */
    while (poll(ends, 2, -1) >= 0 && show(manager)) {
        if (ends[1].revents != 0) {
            size = read(STDIN_FILENO, piece, sizeof piece);
            ends[1].fd = -1;
            if (size <= 0)
                try(trunk_request_finish(stream, NULL, 0));
        }
        if (size > 0) {
            trunk_status status = trunk_request_write(stream, trunk_bytes(piece, (size_t)size));
            if (status == TRUNK_ERROR_AGAIN)
                continue; /* a part of kind TRUNK_PART_WRITABLE will make the descriptor readable */
            try(status);
            size = 0;
            ends[1].fd = STDIN_FILENO;
        }
    }
    try(trunk_request_free(stream));
    try(trunk_manager_free(manager));
}
