/* Lines, server-sent events and charsets, wherever their bytes are cut. */
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

/* Decodes `data`, cut in two at every byte. */
static void check_text(const char *label, const char *data, size_t size, const char *expected, const char *encoding)
{
    for (size_t cut = 0; cut <= size; cut++) {
        trunk_text_decoder *decoder = NULL;
        trunk_view text;
        char got[200] = "";
        CHECK_OK(trunk_text_decoder_new(trunk_text(label), &decoder));
        for (int piece = 0; piece < 3; piece++) {
            if (piece == 2)
                CHECK_OK(trunk_text_decoder_finish(decoder, &text));
            else
                CHECK_OK(trunk_text_decoder_decode(decoder, piece == 0 ? trunk_bytes(data, cut)
                                                                       : trunk_bytes(data + cut, size - cut),
                                                   &text));
            CHECK(text.data != NULL && text.size < sizeof got - strlen(got));
            strncat(got, (const char *)text.data, text.size);
        }
        CHECK(strcmp(got, expected) == 0);
        CHECK_OK(trunk_text_decoder_encoding(decoder, &text));
        CHECK(view_is(text, encoding));
        CHECK_OK(trunk_text_decoder_decode(decoder, trunk_text("more"), &text));
        CHECK(text.size == 0);
        CHECK_OK(trunk_text_decoder_free(decoder));
    }
}

static void test_charsets(void)
{
    check_text(NULL, "a\xc3\xa9\xe2\x82\xac", 6, "a\xc3\xa9\xe2\x82\xac", "UTF-8");
    check_text("no-such", "\xc3\xa9", 2, "\xc3\xa9", "UTF-8");
    check_text(" Latin1 ", "na\xefve\x80", 6, "na\xc3\xafve\xe2\x82\xac", "windows-1252");
    check_text("shift_jis", "\x83\x65", 2, "\xe3\x83\x86", "Shift_JIS");
    /* A byte order mark wins. */
    check_text("latin1", "\xef\xbb\xbf\xc3\xa9", 5, "\xc3\xa9", "UTF-8");
    check_text("utf-8", "a\xff" "b\xe2\x82", 5, "a\xef\xbf\xbd" "b\xef\xbf\xbd", "UTF-8");

    static const struct {
        const char *content_type, *encoding;
    } types[] = {{"text/html; charset=\"euc-kr\"", "EUC-KR"}, {"text/html", "UTF-8"}, {"", "UTF-8"},
                 {"text/\xff; charset=latin1", "windows-1252"}};
    trunk_text_decoder *decoder = NULL;
    trunk_view text = {NULL, 7};
    for (size_t index = 0; index < sizeof types / sizeof *types; index++) {
        CHECK_OK(trunk_text_decoder_new_for_content_type(trunk_text(types[index].content_type), &decoder));
        CHECK_OK(trunk_text_decoder_encoding(decoder, &text));
        CHECK(view_is(text, types[index].encoding));
        CHECK_OK(trunk_text_decoder_free(decoder));
    }
    CHECK_STATUS(trunk_text_decoder_new(trunk_text("utf-8"), NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_text_decoder_new_for_content_type(trunk_bytes(NULL, 3), &decoder), TRUNK_ERROR_NULL_POINTER);
    CHECK_OK(trunk_text_decoder_new(trunk_text("utf-8"), &decoder));
    CHECK_STATUS(trunk_text_decoder_decode(decoder, trunk_text("a"), NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_text_decoder_decode(decoder, trunk_bytes(NULL, 3), &text), TRUNK_ERROR_NULL_POINTER);
    CHECK_STATUS(trunk_text_decoder_finish(decoder, NULL), TRUNK_ERROR_NULL_POINTER);
    CHECK_OK(trunk_text_decoder_finish(decoder, &text));
    CHECK(text.data != NULL && text.size == 0);
    CHECK_OK(trunk_text_decoder_free(decoder));
}

void test_text(const struct server *server)
{
    (void)server;
    test_begin("text: lines");
    test_lines();
    test_end();
    test_begin("text: charsets");
    test_charsets();
    test_end();
    test_begin("text: server-sent events");
    test_events();
    test_end();
}
