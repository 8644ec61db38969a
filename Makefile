# Hansa. Everything is built out of tree, in build/. `make help` lists what there is.

BUILD   ?= build
PREFIX  ?= /usr/local
CC      ?= cc
CFLAGS  ?= -O2 -g
VARIANT ?=
SEED    ?=
SEEDS   ?= 1..200
DROPS   ?=
CHECK   ?= all
V       ?= 0

PACKAGES = libsodium lmdb jansson nanomsg
override CFLAGS += -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
    -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla -Wundef -fno-strict-aliasing \
    -fstack-protector-strong -pthread -I. $(VARIANT)
# Asked for when a file is compiled, not when this file is read: by then build/.deps has seen to it
# that pkg-config and the libraries are there.
LIBS_CFLAGS = $(shell pkg-config --cflags $(PACKAGES))
LIBS        = $(shell pkg-config --libs $(PACKAGES))

LIB_SOURCES  := $(wildcard crypto/base/*.c crypto/*.c genesis/*.c ledger/*.c node/*.c node/pbft/*.c \
                 node/driver/*.c net/*.c)
NODE_SOURCES := $(wildcard node/hansad/*.c)
TOOL_SOURCES := $(wildcard tools/hansa/*.c)
HELP_SOURCES := $(wildcard tests/help/*.c)
UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
PROG_SOURCES := $(wildcard tests/programs/*.c)
SIM_SOURCES  := $(wildcard tests/sim/*.c)

objects  = $(patsubst %.c,$(BUILD)/%.o,$(1))
UNITS    := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(UNIT_SOURCES))
PROGRAMS := $(patsubst tests/programs/%.c,$(BUILD)/tests/programs/%,$(PROG_SOURCES))
LIBRARY  := $(BUILD)/libhansa.a
NODE_LIBRARY := $(BUILD)/libnode.a
TOOL_LIBRARY := $(BUILD)/libtools.a
TEST_LIBRARY := $(BUILD)/libtest.a
SOURCES  := $(LIB_SOURCES) $(NODE_SOURCES) $(TOOL_SOURCES) $(HELP_SOURCES) $(UNIT_SOURCES) $(PROG_SOURCES) \
            $(SIM_SOURCES)

ifeq ($(V),0)
Q = @
say = @printf '  %-7s %s\n' $(1) $(2);
endif

.PHONY: all test unit check asan tsan demo sim model mutants mutants-drops lint fmt install clean help bench fast-sim
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BUILD)/hansa $(BUILD)/hansad

help:
	@printf '%s\n' \
	  'make            build the tool build/hansa and the node build/hansad' \
	  'make test       build and run all tests' \
	  'make asan       the same under AddressSanitizer and UBSan, in build/asan' \
	  'make tsan       unit tests and a short run of four nodes under ThreadSanitizer, in build/tsan' \
	  'make demo       four nodes take 6,471 real payments, and are killed on the way' \
	  'make sim        simulated clusters: SEED=n, or SEEDS=a..b' \
	  'make fast-sim   build/fast/hansa-sim, for tens of thousands of seeds (gcc)' \
	  'make model      search the protocol with Spin (tests/model/README.md)' \
	  'make mutants    break one rule after the other: the tests must notice' \
	  'make mutants-drops  remove every drop of the core in turn: the same' \
	  'make lint       the rules of the house, as a script' \
	  'make fmt        format the C sources' \
	  'make bench      measure the ledger (prints ratios to this machine)' \
	  'make install    to $$(DESTDIR)$$(PREFIX), with a service for systemd' \
	  'make clean      remove build/' \
	  'variables: BUILD, CC, CFLAGS, PREFIX, DESTDIR, V=1 shows the commands'

# Install what is missing, once.
$(BUILD)/.deps: tools/deps.sh
	$(Q)mkdir -p $(BUILD)
	$(Q)sh tools/deps.sh build
	$(Q)touch $@

$(BUILD)/.deps-test: tools/deps.sh $(BUILD)/.deps
	$(Q)sh tools/deps.sh test
	$(Q)touch $@

$(BUILD)/%.o: %.c Makefile | $(BUILD)/.deps
	$(Q)mkdir -p $(@D)
	$(call say,CC,$<) $(CC) $(CFLAGS) $(LIBS_CFLAGS) -MMD -MP -c -o $@ $<

$(LIBRARY): $(call objects,$(LIB_SOURCES))
	$(call say,AR,$@) rm -f $@; ar rcs $@ $^

$(TEST_LIBRARY): $(call objects,$(HELP_SOURCES))
	$(call say,AR,$@) rm -f $@; ar rcs $@ $^

# The programs without their main(), for tests of their parts.
$(NODE_LIBRARY): $(filter-out %/main.o,$(call objects,$(NODE_SOURCES)))
	$(call say,AR,$@) rm -f $@; ar rcs $@ $^

$(TOOL_LIBRARY): $(filter-out %/main.o,$(call objects,$(TOOL_SOURCES)))
	$(call say,AR,$@) rm -f $@; ar rcs $@ $^

$(BUILD)/hansa: $(BUILD)/tools/hansa/main.o $(TOOL_LIBRARY) $(LIBRARY)
	$(call say,LD,$@) $(CC) $(CFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/hansad: $(BUILD)/node/hansad/main.o $(NODE_LIBRARY) $(LIBRARY)
	$(call say,LD,$@) $(CC) $(CFLAGS) -o $@ $^ $(LIBS)

# The simulator. tests/sim/sign.c, digest.c, mix.c and mem.c take the places of the library's
# crypto/sign.o, digest.o, checksum.o and base/mem.o.
$(BUILD)/hansa-sim: $(call objects,$(SIM_SOURCES) tests/help/rot.c) $(NODE_LIBRARY) $(TOOL_LIBRARY) $(LIBRARY)
	$(call say,LD,$@) $(CC) $(CFLAGS) -o $@ $^ $(LIBS)

# Printed with a failure, so that it can be run again; rewritten only when the commit changes.
COMMIT = $(shell git describe --always --dirty 2>/dev/null || echo unknown)
$(BUILD)/.commit: FORCE
	$(Q)mkdir -p $(BUILD)
	$(Q)echo '$(COMMIT)' | cmp -s - $@ || echo '$(COMMIT)' >$@
$(BUILD)/tests/sim/run.o: $(BUILD)/.commit
$(BUILD)/tests/sim/run.o: override CFLAGS += -DSIM_COMMIT='"$(COMMIT)"'
FORCE:

# Unit tests and test programs: one source each, with what they use of tests/help.
$(BUILD)/tests/%: $(BUILD)/tests/%.o $(TEST_LIBRARY) $(NODE_LIBRARY) $(TOOL_LIBRARY) $(LIBRARY)
	$(call say,LD,$@) $(CC) $(CFLAGS) -o $@ $^ $(LIBS) -lcmocka

test: $(BUILD)/.deps-test
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD) VARIANT='$(VARIANT)' check

# Needs what .deps-test installed; call `make test`.
check: $(BUILD)/hansa $(BUILD)/hansad $(BUILD)/hansa-sim $(UNITS) $(PROGRAMS)
	$(Q)BUILD=$(BUILD) sh tests/run.sh $(CHECK)

unit: $(BUILD)/.deps-test
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD) VARIANT='$(VARIANT)' $(UNITS)
	$(Q)BUILD=$(BUILD) sh tests/run.sh unit

asan:
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/asan \
	    VARIANT='-fsanitize=address,undefined -fno-sanitize-recover=all -O1' test

tsan:
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/tsan VARIANT='-fsanitize=thread -O1' \
	    CHECK='unit tests/e2e/short_run.sh' test

# One seed, with its trace (SEED=n), or a range (SEEDS=a..b).
sim: $(BUILD)/hansa-sim
	$(Q)$(BUILD)/hansa-sim $(if $(SEED),$(SEED),$(SEEDS))

# The same simulator, and the same runs, in less time: compiled as a whole, by what some runs show to
# be worth it. -w: what gcc sees in inlined code is not always there, and all is compiled elsewhere.
# No guards on the stack either: sanitizers, which find more, run the same seeds.
FAST      = $(BUILD)/fast
FAST_MAKE = $(MAKE) --no-print-directory BUILD=$(FAST) VARIANT='-w -fno-stack-protector' $(FAST)/hansa-sim
fast-sim:
	$(Q)rm -rf $(FAST)
	$(Q)$(FAST_MAKE) CFLAGS='-O2 -g -flto=auto -fprofile-generate'
	$(Q)$(FAST)/hansa-sim --jobs 1 1..40 >/dev/null
	$(Q)find $(FAST) \( -name '*.o' -o -name '*.a' -o -name hansa-sim \) -delete
	$(Q)$(FAST_MAKE) CFLAGS='-O2 -g -flto=auto -fprofile-use -fprofile-correction'

model:
	$(Q)sh tools/deps.sh model
	$(Q)BUILD=$(BUILD) CC='$(CC)' sh tests/model/run.sh

# Four nodes, real payments, kill -9 of all: one command (tools/demo/demo.sh).
demo: $(BUILD)/.deps-test
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD) all
	$(Q)BUILD=$(BUILD) sh tools/demo/demo.sh

mutants: $(BUILD)/.deps-test
	$(Q)BUILD=$(BUILD) sh tests/mutants/run.sh

# All of them, or DROPS='pbft_on_checked ...'.
mutants-drops: $(BUILD)/.deps-test
	$(Q)BUILD=$(BUILD) /usr/bin/python3 tests/mutants/drops.py $(DROPS)

# The core's objects: lint.sh looks at what they need from outside.
lint: tools/deps.sh $(call objects,$(wildcard node/pbft/*.c))
	$(Q)sh tools/deps.sh lint
	$(Q)BUILD=$(BUILD) sh tools/lint.sh

fmt:
	$(Q)sh tools/deps.sh lint
	clang-format -i $$(git ls-files '*.c' '*.h')

bench: $(BUILD)/.deps-test
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD) all $(PROGRAMS)
	$(Q)BUILD=$(BUILD) sh tests/bench/bench.sh

# The programs, the service, and the texts that go with it (tools/packaging/README.md).
BINDIR  = $(PREFIX)/bin
UNITDIR = $(PREFIX)/lib/systemd/system
DOCDIR  = $(PREFIX)/share/doc/hansa
install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(UNITDIR) $(DESTDIR)$(DOCDIR)
	install -m 755 $(BUILD)/hansa $(BUILD)/hansad $(DESTDIR)$(BINDIR)/
	sed 's|@bindir@|$(BINDIR)|; s|@docdir@|$(DOCDIR)|' tools/packaging/hansad@.service \
	    >$(DESTDIR)$(UNITDIR)/hansad@.service
	chmod 644 $(DESTDIR)$(UNITDIR)/hansad@.service
	install -m 644 tools/packaging/README.md tools/packaging/node.json tools/packaging/hansa.nft \
	    $(DESTDIR)$(DOCDIR)/

clean:
	rm -rf $(BUILD)

-include $(patsubst %.c,$(BUILD)/%.d,$(SOURCES))
