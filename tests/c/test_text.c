/* Lines and server-sent events, wherever their bytes are cut. */
#include "harness.h"

#include <string.h>

static void next_line(trunk_lines *lines, const char *expected)
{
    trunk_view line = trunk_text("untouched");
    CHECK_OK(trunk_lines_next(lines, &line));
    CHECK(expected == NULL ? line.data == NULL : view_is(line, expected));
}

static void test_lines(void)
{
    static const char text[] = "one\r\n\ntwo\nrest";
    for (size_t cut = 0; cut < sizeof text; cut++) {
        trunk_lines *lines = NULL;
        const char *const expected[] = {"one", "", "two", "rest"};
        int count = 0;
        CHECK_OK(trunk_lines_new(5, false, &lines));
        for (int piece = 0; piece < 2; piece++) {
            CHECK_OK(trunk_lines_push(lines, piece == 0 ? trunk_bytes(text, cut)
                                                        : trunk_bytes(text + cut, sizeof text - 1 - cut)));
            if (piece == 1)
                CHECK_OK(trunk_lines_finish(lines));
            for (;;) {
                trunk_view line;
                CHECK_OK(trunk_lines_next(lines, &line));
                if (line.data == NULL)
                    break;
                CHECK(count < 4 && view_is(line, expected[count]));
                count++;
            }
        }
        CHECK(count == 4);
        CHECK_OK(trunk_lines_free(lines));
    }

    trunk_lines *lines = NULL;
    trunk_view line = {NULL, 7};
    CHECK_STATUS(trunk_lines_new(5, true, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_OK(trunk_lines_new(5, true, &lines));
    CHECK_OK(trunk_lines_push(lines, trunk_text("a\rb\nlonger than 5")));
    next_line(lines, "a");
    next_line(lines, "b");
    CHECK_STATUS(trunk_lines_next(lines, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_lines_next(lines, &line), TRUNK_ERROR_BODY_TOO_LARGE);
    CHECK_STATUS(trunk_lines_next(lines, &line), TRUNK_ERROR_BODY_TOO_LARGE);
    CHECK(line.size == 7);
    CHECK_OK(trunk_lines_free(lines));
}

static void test_events(void)
{
    static const char text[] = ": hello\nid: 7\nretry: 1500\nevent: add\ndata: 1\ndata: 2\n\ndata: x\r\n\r\ndata: lost";
    for (size_t cut = 0; cut < sizeof text; cut++) {
        trunk_sse *sse = NULL;
        trunk_sse_event event;
        int count = 0;
        CHECK_OK(trunk_sse_new(100, &sse));
        for (int piece = 0; piece < 2; piece++) {
            CHECK_OK(trunk_sse_push(sse, piece == 0 ? trunk_bytes(text, cut)
                                                    : trunk_bytes(text + cut, sizeof text - 1 - cut)));
            if (piece == 1)
                CHECK_OK(trunk_sse_finish(sse));
            for (;;) {
                CHECK_OK(trunk_sse_next(sse, &event));
                if (event.event.data == NULL)
                    break;
                CHECK(view_is(event.id, "7"));
                CHECK(view_is(event.event, count == 0 ? "add" : "message"));
                CHECK(view_is(event.data, count == 0 ? "1\n2" : "x"));
                CHECK(event.retry_ms == (count == 0 ? 1500 : -1));
                count++;
            }
        }
        CHECK(count == 2);
        CHECK_OK(trunk_sse_free(sse));
    }

    trunk_sse *sse = NULL;
    trunk_sse_event event = {.retry_ms = 9};
    CHECK_STATUS(trunk_sse_new(5, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_OK(trunk_sse_new(5, &sse));
    CHECK_STATUS(trunk_sse_next(sse, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_OK(trunk_sse_push(sse, trunk_text("data: more than 5\n\n")));
    CHECK_STATUS(trunk_sse_next(sse, &event), TRUNK_ERROR_BODY_TOO_LARGE);
    CHECK(event.retry_ms == 9);
    CHECK_OK(trunk_sse_free(sse));
}

void test_text(const struct server *server)
{
    (void)server;
    test_begin("text: lines");
    test_lines();
    test_end();
    test_begin("text: server-sent events");
    test_events();
    test_end();
}
