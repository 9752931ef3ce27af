# The OCaml libraries: built and tested by dune, against the C library of this tree.

OCAML_OUT := $(abspath $(TARGET)/ocaml)
OCAML_INSTALLED := $(abspath $(TARGET)/ocaml-installed)
DUNE := ALCOTEST_COLOR=never TRUNKLINE_LIB_DIR=$(abspath $(C_LIB)) TRUNKLINE_INCLUDE_DIR=$(abspath include) dune
DUNE_FLAGS := --root ocaml --build-dir $(OCAML_OUT) --display quiet

.PHONY: ocaml test-ocaml
ocaml: lib $(C_LIB)/libtrunkline.so.0 ## the OCaml libraries
	$(DUNE) build $(DUNE_FLAGS) @all @install

# As a program finds them: the examples of the documents are built against this.
.PHONY: ocaml-installed
ocaml-installed: setup ocaml
	@$(DUNE) install $(DUNE_FLAGS) --prefix $(OCAML_INSTALLED) >$(OCAML_OUT)/install.log 2>&1 || \
		{ cat $(OCAML_OUT)/install.log >&2; exit 1; }

# One test program at a time: they share two or three processors with the servers that they start. Forced, for what they
# test is outside of dune's sight.
test-ocaml: setup ocaml ## the OCaml libraries: the cases, what a case cannot say, the examples
	$(DUNE) runtest $(DUNE_FLAGS) -j 1 --force --no-buffer
