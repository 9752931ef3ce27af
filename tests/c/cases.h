/* Cases of tests/cases, in pieces: their options, the requests under way, what must be delivered. */
#ifndef CASES_H
#define CASES_H

#include "harness.h"

/* A member of an object; NULL where it has none. */
const cJSON *item(const cJSON *object, const char *name);
/* A text of an object. */
const char *text_of(const cJSON *object, const char *name, const char *otherwise);

void set_manager_option(trunk_manager_options *options, const char *name, const cJSON *value);
void set_request_option(trunk_request_options *options, const char *name, const cJSON *value);

/* The kind of a frame, and its payload; that of a close frame is the pair of its code and reason. */
trunk_frame_kind frame_of(const cJSON *frame, const cJSON **payload);

/* Compares what a request delivered with the parts that the case says. */
void compare_parts(const struct exchange *exchange, const cJSON *request, int number);

#endif
