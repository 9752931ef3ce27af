/* What every C bench program shares: arguments, clock, memory and the one JSON line. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stdbool.h>
#include <stdint.h>

struct arguments {
    const char *job;    /* name of the job, printed back */
    const char *url;    /* of the small answer or of the download */
    const char *ca;     /* PEM file to trust, for https */
    const char *engine; /* which way of driving the library */
    int http;           /* 1 or 2 */
    int in_flight;
    double seconds;     /* measured time; a download ignores it */
    double warmup;
    int64_t body;       /* length of the right answer, or of a message (--size) */
    bool download;      /* one body of --body bytes instead of many small ones */
    double stall;       /* seconds the consumer of a download stops for … */
    int64_t stall_at;   /* … once it has seen this many bytes */
};

struct result {
    const char *client;
    double seconds;
    double cpu_seconds;
    int64_t requests;
    int64_t errors;
    int64_t bytes;
    int64_t base_rss_kib; /* before the download, 0 otherwise */
};

/* Exits with a message when the arguments are wrong. */
struct arguments arguments_parse(int argc, char **argv);

double clock_now(void);
double cpu_now(void);

/* A field of /proc/self/status such as "VmHWM", in KiB. VmHWM and not ru_maxrss: that one survives exec. */
int64_t memory_kib(const char *field);
/* Makes VmHWM start again from the present size. */
void memory_reset_peak(void);

void result_print(const struct arguments *arguments, const struct result *result);

#endif
