/* The library's log. Its lines come on any thread, with or without the runtime's lock, so they are put into a queue, from
 * which the program takes them. */
#include "values.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Lines that wait at most; further ones are counted and dropped. */
enum { MOST_LINES = 10000 };

struct line {
    struct line *next;
    trunk_log_level level;
    size_t target, message;
    char text[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct line *first, **end = &first;
static size_t waiting, lost;

static void on_line(void *user_data, trunk_log_level level, trunk_view target, trunk_view message)
{
    (void)user_data;
    struct line *line = malloc(sizeof *line + target.size + message.size);
    if (line != NULL) {
        *line = (struct line){.level = level, .target = target.size, .message = message.size};
        if (target.size > 0)
            memcpy(line->text, target.data, target.size);
        if (message.size > 0)
            memcpy(line->text + target.size, message.data, message.size);
    }
    pthread_mutex_lock(&lock);
    if (line != NULL && waiting < MOST_LINES) {
        *end = line;
        end = &line->next;
        waiting++;
        line = NULL;
    } else {
        lost++;
    }
    pthread_mutex_unlock(&lock);
    free(line);
}

value trunkline_ocaml_set_log(value level)
{
    check(trunk_set_log_callback(Int_val(level), on_line, NULL, NULL));
    return Val_unit;
}

static struct line *take_line(void)
{
    pthread_mutex_lock(&lock);
    struct line *line = first;
    if (line != NULL) {
        first = line->next;
        if (first == NULL)
            end = &first;
        waiting--;
    }
    pthread_mutex_unlock(&lock);
    return line;
}

/* None, or a tuple of level, target and message. */
value trunkline_ocaml_take_log(value unit)
{
    CAMLparam1(unit);
    CAMLlocal3(result, target, message);
    struct line *line = take_line();
    if (line == NULL)
        CAMLreturn(Val_none);
    trunk_log_level level = line->level;
    target = caml_alloc_initialized_string(line->target, line->text);
    message = caml_alloc_initialized_string(line->message, line->text + line->target);
    free(line);
    result = caml_alloc_small(3, 0);
    Field(result, 0) = Val_int(level);
    Field(result, 1) = target;
    Field(result, 2) = message;
    CAMLreturn(caml_alloc_some(result));
}

value trunkline_ocaml_lost_log(value unit)
{
    (void)unit;
    pthread_mutex_lock(&lock);
    size_t count = lost;
    lost = 0;
    pthread_mutex_unlock(&lock);
    return Val_long(count);
}
