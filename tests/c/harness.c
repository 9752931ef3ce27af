#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- Checks ---- */

int tests_passed, tests_failed;
static const char *current = "";
static pthread_mutex_t printing = PTHREAD_MUTEX_INITIALIZER;
static bool failed;

void test_begin(const char *name)
{
    current = name;
    failed = false;
}

void test_end(void)
{
    if (failed) {
        tests_failed++;
        printf("FAILED  %s\n", current);
    } else {
        tests_passed++;
        if (getenv("TRUNKLINE_TEST_VERBOSE") != NULL)
            printf("ok      %s\n", current);
    }
    fflush(stdout);
}

void test_fail(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&printing);
    failed = true;
    printf("%s:%d: %s: ", file, line, current);
    vprintf(format, arguments);
    printf("\n");
    fflush(stdout);
    pthread_mutex_unlock(&printing);
    va_end(arguments);
}

bool test_failed(void)
{
    return failed;
}

const char *status_name(trunk_status status)
{
    trunk_view name = trunk_status_name(status);
    static __thread char text[4][64];
    static __thread unsigned next;
    char *place = text[next++ % 4];
    snprintf(place, sizeof text[0], "%.*s", (int)name.size, (const char *)name.data);
    return place;
}

const char *last_message(void)
{
    static __thread char text[300];
    trunk_view message = trunk_last_error_message();
    snprintf(text, sizeof text, "%.*s", (int)message.size, (const char *)message.data);
    return text;
}

bool view_is(trunk_view view, const char *text)
{
    return view.data != NULL && view.size == strlen(text) && memcmp(view.data, text, view.size) == 0;
}

int64_t slow(int64_t milliseconds)
{
    static int factor;
    if (factor == 0) {
        const char *text = getenv("TRUNKLINE_TEST_SLOW");
        factor = text != NULL && atoi(text) > 0 ? atoi(text) : 1;
    }
    return milliseconds * factor;
}

int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void pause_ms(int milliseconds)
{
    struct timespec pause = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};
    nanosleep(&pause, NULL);
}

static void hung(int signal_number)
{
    (void)signal_number;
    static const char text[] = "the test hangs\n";
    ssize_t written = write(STDOUT_FILENO, text, sizeof text - 1);
    written = write(STDOUT_FILENO, current, strlen(current));
    (void)written;
    abort();
}

void watchdog(int seconds)
{
    signal(SIGALRM, hung);
    alarm((unsigned)slow(seconds));
}

/* ---- The server ---- */

bool server_start(struct server *server, const char *mode, const char *argument)
{
    const char *program = getenv("TRUNKLINE_TEST_SERVER");
    if (program == NULL)
        program = "target/release/trunkline-test-server";
    int input[2], output[2];
    memset(server, 0, sizeof *server);
    if (pipe(input) != 0 || pipe(output) != 0) {
        perror("pipe");
        return false;
    }
    server->pid = fork();
    if (server->pid == 0) {
        dup2(input[0], STDIN_FILENO);
        dup2(output[1], STDOUT_FILENO);
        for (int descriptor = 3; descriptor < 64; descriptor++)
            close(descriptor);
        execl(program, program, mode, argument, (char *)NULL);
        perror(program);
        _exit(127);
    }
    close(input[0]);
    close(output[1]);
    server->input = input[1];
    size_t size = 0, room = 4096;
    char *line = malloc(room);
    while (line != NULL && (size == 0 || line[size - 1] != '\n')) {
        if (size + 1 == room)
            line = realloc(line, room *= 2);
        ssize_t got = line == NULL ? 0 : read(output[0], line + size, room - size - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        size += (size_t)got;
    }
    close(output[0]);
    if (line != NULL) {
        line[size] = '\0';
        server->places = cJSON_Parse(line);
    }
    free(line);
    if (server->places == NULL) {
        fprintf(stderr, "%s %s did not start\n", program, mode);
        server_stop(server);
        return false;
    }
    return true;
}

void server_stop(struct server *server)
{
    close(server->input);
    int status;
    while (waitpid(server->pid, &status, 0) < 0 && errno == EINTR)
        ;
    cJSON_Delete(server->places);
    server->places = NULL;
}

int server_port(const struct server *server, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(server->places, name);
    return cJSON_IsNumber(item) ? item->valueint : 0;
}

const char *server_file(const struct server *server, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(server->places, name);
    return cJSON_IsString(item) ? item->valuestring : "";
}

/* ---- Managers ---- */

trunk_manager_options *manager_options(bool is_inline)
{
    trunk_manager_options *options = NULL;
    CHECK_OK(trunk_manager_options_new(&options));
    if (is_inline)
        CHECK_OK(trunk_manager_options_set_drive_inline(options));
    return options;
}

trunk_manager *manager_make(trunk_manager_options *options)
{
    trunk_manager *manager = NULL;
    CHECK_OK(trunk_manager_new(options, &manager));
    CHECK_OK(trunk_manager_options_free(options));
    return manager;
}
