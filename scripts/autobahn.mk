# Autobahn's test suite against the C and the Python client.

AUTOBAHN := $(C_OUT)/autobahn
AUTOBAHN_PYTHON := $(wildcard tests/autobahn/client.py)
AUTOBAHN_CLIENTS := "c-batches=$(AUTOBAHN) --mode batches" "c-callback=$(AUTOBAHN) --mode callback" \
	$(if $(AUTOBAHN_PYTHON),"python=$(PY) $(AUTOBAHN_PYTHON)")

$(AUTOBAHN): tests/autobahn/client.c include/trunkline.h $(C_LIB)/libtrunkline.so.0
	@mkdir -p $(@D)
	$(CC) $(C_FLAGS) -O2 -o $@ tests/autobahn/client.c $(C_SHARED)

.PHONY: autobahn autobahn-full
autobahn: setup lib $(if $(AUTOBAHN_PYTHON),python) $(AUTOBAHN) ## Autobahn's cases for WebSocket clients, but for the long ones of groups 12 and 13
	@bash scripts/autobahn.sh $(TARGET)/autobahn $(AUTOBAHN_CLIENTS)

autobahn-full: setup lib $(if $(AUTOBAHN_PYTHON),python) $(AUTOBAHN) ## all 517 of them (half an hour)
	@bash scripts/autobahn.sh $(TARGET)/autobahn --full $(AUTOBAHN_CLIENTS)
