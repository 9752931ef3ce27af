/* Runs the C tests: `runner` all of them, `runner api [GROUP]` or `runner cases [NAME]` some. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    void (*run)(const struct server *server);
} groups[] = {{"handles", test_handles},
              {"delivery", test_delivery},
              {"callbacks", test_callbacks},
              {"decisions", test_decisions},
              {"pieces", test_pieces},
              {"resolver", test_resolver},
              {"insight", test_insight},
              {"urls", test_urls},
              {"fields", test_fields},
              {"handshakes", test_handshakes},
              {"text", test_text},
              {"connections", test_connections},
              {"streams", test_streams},
              {"tunnels", test_tunnels},
              {"websockets", test_websockets},
              {"endings", test_websocket_ends},
              {"sansio", test_sansio},
              {"process", test_process}};

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "all";
    const char *folder = getenv("TRUNKLINE_TEST_CASES");
    watchdog(300);
    if (strcmp(what, "cases") != 0) {
        struct server server;
        if (!server_start(&server, "embedded", NULL))
            return 1;
        for (size_t index = 0; index < sizeof groups / sizeof *groups; index++) {
            if (argc <= 2 || strcmp(argv[2], groups[index].name) == 0)
                groups[index].run(&server);
        }
        server_stop(&server);
    }
    if (strcmp(what, "api") != 0)
        test_cases(folder == NULL ? "tests/cases" : folder, argc > 2 ? argv[2] : NULL);
    CHECK_OK(trunk_set_log_callback(TRUNK_LOG_OFF, NULL, NULL, NULL));
    printf("%d passed, %d failed\n", tests_passed, tests_failed);
    return tests_failed == 0 ? 0 : 1;
}
