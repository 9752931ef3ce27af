# The C programs: the tests' runner, built with the sanitizers and for valgrind, and the demo.

C_OUT := $(TARGET)/c
C_LIB := $(C_OUT)/lib
C_FLAGS := -std=gnu11 -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Werror -g -pthread -Iinclude
C_SHARED := -L$(C_LIB) -Wl,-rpath,$(abspath $(C_LIB)) -ltrunkline

# What a static libtrunkline needs of the system; `make lib` asks rustc.
NATIVE_LIBS := $(RELEASE)/libtrunkline.native
CJSON = $(shell pkg-config --cflags --libs libcjson 2>/dev/null || echo -lcjson)

C_TEST_SOURCES := $(wildcard tests/c/*.c)
C_TEST_HEADERS := $(wildcard tests/c/*.h)
C_TEST_FLAGS := $(C_FLAGS) -Itests/c
C_RUNNERS := $(C_OUT)/runner-asan $(C_OUT)/runner-plain
C_DEMO := $(C_OUT)/demo
# The example with a transport of its own; a test runs it.
C_EXAMPLE := $(C_OUT)/own_socket

$(RELEASE)/libtrunkline.a $(RELEASE)/libtrunkline.so: lib ;

# The build leaves libtrunkline.so alone; programs ask for it by its soname.
$(C_LIB)/libtrunkline.so.0: $(RELEASE)/libtrunkline.so
	@mkdir -p $(C_LIB)
	@ln -sfn ../../release/libtrunkline.so $(C_LIB)/libtrunkline.so
	@ln -sfn ../../release/libtrunkline.so $@

$(C_OUT)/runner-asan: $(C_TEST_SOURCES) $(C_TEST_HEADERS) include/trunkline.h $(RELEASE)/libtrunkline.a
	@mkdir -p $(@D)
	$(CC) $(C_TEST_FLAGS) -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all \
		-o $@ $(C_TEST_SOURCES) $(RELEASE)/libtrunkline.a $(CJSON) $$(cat $(NATIVE_LIBS))

$(C_OUT)/runner-plain: $(C_TEST_SOURCES) $(C_TEST_HEADERS) include/trunkline.h $(C_LIB)/libtrunkline.so.0
	@mkdir -p $(@D)
	$(CC) $(C_TEST_FLAGS) -O1 -o $@ $(C_TEST_SOURCES) $(C_SHARED) $(CJSON)

$(C_DEMO): tests/demo/demo.c include/trunkline.h $(C_LIB)/libtrunkline.so.0
	@mkdir -p $(@D)
	$(CC) $(C_FLAGS) -O2 -o $@ tests/demo/demo.c $(C_SHARED)

$(C_EXAMPLE): examples/c/own_socket.c include/trunkline.h $(C_LIB)/libtrunkline.so.0
	@mkdir -p $(@D)
	$(CC) $(C_FLAGS) -O2 -o $@ $< $(C_SHARED) -lssl -lcrypto

.PHONY: test-c
test-c: setup lib $(if $(C_TEST_SOURCES),$(C_RUNNERS) $(C_EXAMPLE)) ## the C programs, under the sanitizers and under valgrind
ifeq ($(C_TEST_SOURCES),)
	@echo "skipped: tests/c has no program"
	@echo "0 passed, 0 failed, 1 skipped"
else
	@bash scripts/test-c.sh $(C_RUNNERS)
endif
