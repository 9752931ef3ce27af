# Installing the C library, and the check that what is installed can be used.

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DESTDIR ?=
INSTALL ?= install

SONAME := libtrunkline.so.0
LIB_FILE := libtrunkline.so.$(VERSION)
CMAKEDIR := $(LIBDIR)/cmake/trunkline
CHECK := $(abspath $(TARGET)/install-check)

# Fills a template of scripts/install/.
FILL = sed -e 's|@VERSION@|$(VERSION)|g' -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' \
	-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|g' -e 's|@SONAME@|$(SONAME)|g' -e 's|@LIB_FILE@|$(LIB_FILE)|g' \
	-e 's|@INCLUDE_FROM_CMAKE@|$(shell realpath -m --relative-to=$(CMAKEDIR) $(INCLUDEDIR))|g' \
	-e "s|@NATIVE_LIBS@|$$(cat $(NATIVE_LIBS))|g"

# Where the libraries come from: built with the profile `dist`, which takes longer and runs faster.
LIBS ?= $(TARGET)/dist

# So that `sudo make install` after `make lib-dist` compiles nothing as root, what is built already is taken as it is.
INSTALLED_LIBS := $(LIBS)/libtrunkline.so $(LIBS)/libtrunkline.a

.PHONY: install uninstall install-check lib-dist
lib-dist: $(NATIVE_LIBS) ## libtrunkline as it is installed
	cargo build --profile dist $(LOCKED) -p trunkline-ffi --features mimalloc

install: $(if $(wildcard $(INSTALLED_LIBS)),,lib-dist) $(NATIVE_LIBS) ## library, header, pkg-config and CMake files; PREFIX=/usr/local DESTDIR=
	$(INSTALL) -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(CMAKEDIR) $(DESTDIR)$(INCLUDEDIR)
	$(INSTALL) -m 755 $(LIBS)/libtrunkline.so $(DESTDIR)$(LIBDIR)/$(LIB_FILE)
	ln -sfn $(LIB_FILE) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sfn $(SONAME) $(DESTDIR)$(LIBDIR)/libtrunkline.so
	$(INSTALL) -m 644 $(LIBS)/libtrunkline.a $(DESTDIR)$(LIBDIR)/
	$(INSTALL) -m 644 include/trunkline.h $(DESTDIR)$(INCLUDEDIR)/
	$(FILL) scripts/install/trunkline.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/trunkline.pc
	$(FILL) scripts/install/trunkline-config.cmake.in >$(DESTDIR)$(CMAKEDIR)/trunkline-config.cmake
	$(FILL) scripts/install/trunkline-config-version.cmake.in >$(DESTDIR)$(CMAKEDIR)/trunkline-config-version.cmake

uninstall: ## remove what `make install` laid down
	rm -f $(addprefix $(DESTDIR)$(LIBDIR)/,$(LIB_FILE) $(SONAME) libtrunkline.so libtrunkline.a pkgconfig/trunkline.pc)
	rm -f $(DESTDIR)$(INCLUDEDIR)/trunkline.h
	rm -rf $(DESTDIR)$(CMAKEDIR)

install-check: setup lib ## install into target/install-check and build programs against that
	@rm -rf $(CHECK)
	@$(MAKE) --no-print-directory install LIBS=$(RELEASE) PREFIX=$(CHECK)/prefix DESTDIR= LIBDIR=$(CHECK)/prefix/lib \
		INCLUDEDIR=$(CHECK)/prefix/include >/dev/null
	@CC="$(CC)" SONAME=$(SONAME) bash scripts/install/check.sh $(CHECK)
