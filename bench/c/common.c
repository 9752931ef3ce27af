#include "common.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static void fail(const char *message, const char *detail)
{
    fprintf(stderr, "%s%s\n", message, detail);
    exit(2);
}

struct arguments arguments_parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"job", required_argument, NULL, 'j'},       {"url", required_argument, NULL, 'u'},
        {"ca", required_argument, NULL, 'c'},        {"engine", required_argument, NULL, 'e'},
        {"http", required_argument, NULL, 'h'},      {"in-flight", required_argument, NULL, 'n'},
        {"seconds", required_argument, NULL, 's'},   {"warmup", required_argument, NULL, 'w'},
        {"body", required_argument, NULL, 'b'},      {"download", no_argument, NULL, 'd'},
        {"size", required_argument, NULL, 'b'},
        {"stall", required_argument, NULL, 't'},     {"stall-at", required_argument, NULL, 'a'},
        {NULL, 0, NULL, 0},
    };
    struct arguments arguments = {
        .job = "", .engine = "", .http = 1, .in_flight = 1, .seconds = 2, .warmup = 0.3, .body = 131,
        .stall_at = 10 * 1000 * 1000,
    };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'j': arguments.job = optarg; break;
        case 'u': arguments.url = optarg; break;
        case 'c': arguments.ca = optarg; break;
        case 'e': arguments.engine = optarg; break;
        case 'h': arguments.http = atoi(optarg); break;
        case 'n': arguments.in_flight = atoi(optarg); break;
        case 's': arguments.seconds = atof(optarg); break;
        case 'w': arguments.warmup = atof(optarg); break;
        case 'b': arguments.body = atoll(optarg); break;
        case 'd': arguments.download = true; break;
        case 't': arguments.stall = atof(optarg); break;
        case 'a': arguments.stall_at = atoll(optarg); break;
        default: exit(2);
        }
    }
    if (arguments.url == NULL)
        fail("--url is missing", "");
    if (arguments.in_flight < 1 || arguments.in_flight > 1024)
        fail("--in-flight must be 1 to 1024", "");
    if (arguments.http != 1 && arguments.http != 2)
        fail("--http must be 1 or 2", "");
    return arguments;
}

double clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double cpu_now(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int64_t memory_kib(const char *field)
{
    FILE *status = fopen("/proc/self/status", "r");
    if (status == NULL)
        return 0;
    int64_t value = 0;
    char line[256];
    size_t length = strlen(field);
    while (fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, field, length) == 0 && line[length] == ':') {
            value = atoll(line + length + 1);
            break;
        }
    }
    fclose(status);
    return value;
}

void memory_reset_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (file != NULL) {
        fputs("5", file);
        fclose(file);
    }
}

void result_print(const struct arguments *arguments, const struct result *result)
{
    int64_t peak = memory_kib("VmHWM");
    printf("{\"client\": \"%s\", \"job\": \"%s\", \"loop\": \"%s\", \"in_flight\": %d, \"seconds\": %.6f, "
           "\"requests\": %lld, \"rate\": %.3f, \"errors\": %lld, \"peak_rss_kib\": %lld, \"bytes\": %lld, "
           "\"cpu_seconds\": %.6f",
           result->client, arguments->job, arguments->engine, arguments->in_flight, result->seconds,
           (long long)result->requests,
           (arguments->download ? (double)result->bytes / (1024 * 1024) : (double)result->requests) / result->seconds,
           (long long)result->errors, (long long)peak, (long long)result->bytes, result->cpu_seconds);
    if (arguments->download)
        printf(", \"unit\": \"MiB/s\", \"growth_kib\": %lld", (long long)(peak - result->base_rss_kib));
    printf("}\n");
}
