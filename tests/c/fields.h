/* What the server saw of a request: its path `/headers` answers the fields as JSON. */
#ifndef FIELDS_H
#define FIELDS_H

#include "harness.h"

/* The options of a GET of this path at the server, in clear text. */
trunk_request_options *get_of(const struct server *server, const char *path);
/* Runs a request to its end and frees its options. The manager has threads. */
struct exchange *fetch(trunk_manager *manager, trunk_request_options *options);
/* The fields in an answer of `/headers`; NULL where it is none. The caller deletes them. */
cJSON *fields_of(const struct exchange *exchange);
/* Checks one of them; `expected` is NULL where it must be absent. */
void check_field(const cJSON *fields, const char *name, const char *expected);
/* Fetches `/headers` and checks one field. */
void check_sent(trunk_manager *manager, trunk_request_options *options, const char *name, const char *expected);

#endif
