/* Runs the C tests: `runner` all of them, `runner api` or `runner cases [NAME]` some. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "all";
    const char *folder = getenv("TRUNKLINE_TEST_CASES");
    watchdog(300);
    if (strcmp(what, "cases") != 0) {
        struct server server;
        if (!server_start(&server, "embedded", NULL))
            return 1;
        test_handles(&server);
        test_delivery(&server);
        test_callbacks(&server);
        test_decisions(&server);
        test_pieces(&server);
        test_text();
        test_connections(&server);
        test_streams(&server);
        test_process(&server);
        server_stop(&server);
    }
    if (strcmp(what, "api") != 0)
        test_cases(folder == NULL ? "tests/cases" : folder, argc > 2 ? argv[2] : NULL);
    CHECK_OK(trunk_set_log_callback(TRUNK_LOG_OFF, NULL, NULL, NULL));
    printf("%d passed, %d failed\n", tests_passed, tests_failed);
    return tests_failed == 0 ? 0 : 1;
}
