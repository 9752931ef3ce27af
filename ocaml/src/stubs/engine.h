/* Connections that own no socket.
 *
 * Their functions are called from inside calls on them, on the same thread. What they tell becomes an event in the sink of
 * that call, a value of Engine.sink, and OCaml acts on it when the call is over: so nothing of the program's runs, and
 * nothing can raise, within the library. The promise of a push is the one thing that is asked at once.
 */
#ifndef TRUNKLINE_OCAML_ENGINE_H
#define TRUNKLINE_OCAML_ENGINE_H

#include "values.h"

/* ---- Handles ---- */

/* The body of a request or of an answer: one of the two. */
struct body {
    trunk_upload *upload;
    trunk_answer *answer;
    struct connection *connection;
    /* The next of those that were dropped. */
    struct body *next;
};

/* What the engine's block and those of its bodies share. The collector finds them in any order, and on OCaml 5 in any domain,
 * while another one is in a call of the same engine. Giving a body back may make the engine go on, and what it tells then would
 * be lost: bodies are put here instead, and given back by the next call. */
struct connection {
    trunk_engine *engine;
    struct body *dropped;
    int references;
};

/* Blocks without a handle yet. */
value engine_value(void);
value body_value(struct connection *connection);

static inline struct connection *connection_of(value engine)
{
    return place_of(engine);
}

static inline trunk_engine *engine_of(value engine)
{
    return connection_of(engine)->engine;
}

static inline struct body *body_of(value body)
{
    return place_of(body);
}

/* ---- Calls ---- */

/* The sink of the call that this thread is in, a root of that call; NULL outside of one. */
extern _Thread_local value *sink_here;
/* The connection of that call. */
extern _Thread_local struct connection *connection_here;

/* A call with its sink begins, and ends; calls may be within one another. */
struct call {
    value *sink;
    struct connection *connection;
};

struct call begin_call(value *sink, struct connection *connection);
void end_call(struct call outer);

/* Runs a call with its sink. A view of an OCaml string may be its argument, though events are allocated within the call: the
 * library copies its arguments first. */
#define WITH_SINK(sink, owner, made)                                                                                 \
    do {                                                                                                             \
        struct call outer = begin_call(&(sink), owner);                                                              \
        trunk_status status_of_call = (made);                                                                        \
        end_call(outer);                                                                                             \
        check(status_of_call);                                                                                       \
    } while (0)

/* ---- Events ---- */

/* Constructors of Engine.event. */
enum {
    EVENT_HEAD,
    EVENT_DATA,
    EVENT_END,
    EVENT_TRAILERS,
    EVENT_ERROR,
    EVENT_FLUSHED,
    EVENT_WOKEN,
    EVENT_INFORMATIONAL,
    EVENT_UPGRADED,
    EVENT_MESSAGE,
    EVENT_CLOSED,
};

/* Puts an event of a key and up to three more fields into the sink of the call; its last event is first in its list. */
void emit(tag_t constructor, void *user_data, size_t count, value first, value second, value third);

/* User data that stands for a key: an exchange, or who waits. The connection itself has 0. */
static inline void *user_data_of(value key)
{
    return (void *)(uintptr_t)Long_val(key);
}

/* The functions that an engine is given, each for events of that name. */
void on_error(void *user_data, const trunk_engine_error *error);
void on_wake(void *user_data);

/* ---- Exchanges ---- */

extern const trunk_exchange_handlers exchange_handlers;

/* Of a method, a URI and fields. The fields are freed by the caller. */
trunk_request_head head_of(value method, value uri, value list, trunk_header **fields);

#endif
