/* The example that owns its socket, run as its users run it. */
#include "harness.h"

#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

void test_sansio_example(const struct server *server)
{
    char self[PATH_MAX] = "", command[2 * PATH_MAX], text[1000] = "";
    test_begin("sans-I/O: the example with a socket of its own");
    CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    /* It is built into the folder that this program is in. */
    snprintf(command, sizeof command, "SSL_CERT_FILE='%s' '%s/own_socket' localhost %d /bytes/300000 /status/404",
             server_file(server, "ca"), dirname(self), server_port(server, "https"));
    FILE *output = popen(command, "r");
    CHECK(output != NULL);
    if (output != NULL) {
        text[fread(text, 1, sizeof text - 1, output)] = '\0';
        CHECK(pclose(output) == 0);
    }
    CHECK(strstr(text, "/bytes/300000: status 200, ") != NULL && strstr(text, "/bytes/300000: 300000 bytes\n") != NULL);
    CHECK(strstr(text, "/status/404: status 404, ") != NULL && strstr(text, "failed") == NULL);
    test_end();
}
