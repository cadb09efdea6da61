# Tidegate: `make` lists what there is.
CARGO ?= cargo
GUESTS := tidegate-file tidegate-datagen tidegate-transforms tidegate-http tidegate-tcp
GUEST_TARGET := wasm32-wasip2
# Sixteen bytes at once, where records are compared and copied.
GUEST_FLAGS := -C target-feature=+simd128
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
PLUGINS := target/plugins
TIDEGATE := $(TARGET_DIR)/debug/tidegate
PREFIX ?= $(HOME)/.local

.DEFAULT_GOAL := help
.PHONY: help setup guests build install run test test-kafka test-registry test-adversarial fuzz fuzz-short conformance reference bench lint clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## installs what a new machine lacks: C compiler (librdkafka, SQLite), headers, the WebAssembly target
	@tests/setup.sh

guests: setup ## builds the components of sample-connectors/ into target/plugins
	CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS="$(GUEST_FLAGS)" \
	  $(CARGO) build --profile guest --target $(GUEST_TARGET) $(addprefix -p ,$(GUESTS))
	@mkdir -p $(PLUGINS)
	@for guest in $(GUESTS); do \
	  cmp -s $(TARGET_DIR)/$(GUEST_TARGET)/guest/$$(echo $$guest | tr - _).wasm $(PLUGINS)/$${guest#tidegate-}.wasm || \
	  cp $(TARGET_DIR)/$(GUEST_TARGET)/guest/$$(echo $$guest | tr - _).wasm $(PLUGINS)/$${guest#tidegate-}.wasm || exit 1; \
	done

build: guests ## builds components and worker
	$(CARGO) build --workspace --bin tidegate

# The commit is compiled in here only: elsewhere each commit would build several crates again.
install: guests ## puts the program into PREFIX/bin (PREFIX is ~/.local) and the plugins where it finds them
	TIDEGATE_COMMIT=$$(git rev-parse HEAD 2>/dev/null || echo unknown) \
	  $(CARGO) install --locked --path runtime/tidegate --root "$(PREFIX)"
	mkdir -p "$(PREFIX)/lib/tidegate/plugins"
	cp $(PLUGINS)/*.wasm "$(PREFIX)/lib/tidegate/plugins/"

run: build ## runs 2,699 real flights from a file through transforms and a topic into another file
	@examples/flights/run.sh $(TIDEGATE)

test: build ## runs all tests; those against Apache Kafka and a schema registry too, where Java and Maven are there
	$(CARGO) test --workspace
	@if command -v c++ >/dev/null; then $(MAKE) --no-print-directory fuzz-short; \
	else echo "Left out: the short run of the fuzzer, which needs c++."; fi
	@if command -v java >/dev/null && command -v mvn >/dev/null; then $(MAKE) --no-print-directory test-kafka; \
	else echo "Left out: the tests against Apache Kafka, which need java and mvn."; fi
	@if command -v java >/dev/null && command -v mvn >/dev/null && command -v python3 >/dev/null; then \
	  $(MAKE) --no-print-directory test-registry; \
	else echo "Left out: the tests against a schema registry, which need java, mvn and python3."; fi

test-kafka: build ## starts Apache Kafka 4.3.1 from Maven Central and runs the broker and pipeline tests against it
	@tests/kafka/run.sh

test-adversarial: build ## attacks with large numbers, which take minutes: compile bombs, millions of log lines, 10,000 mutations, loops of all kinds beside a connector that works
	TIDEGATE_ADVERSARIAL=1 $(CARGO) test --workspace --test attacks -- --nocapture --test-threads 1
	TIDEGATE_MUTATIONS=10000 $(CARGO) test --workspace --test pipeline mutations -- --nocapture
	$(CARGO) test --workspace --test pipeline fairness -- --ignored --nocapture --test-threads 1

fuzz: ## fuzzes each target for FUZZ_SECONDS (600), or FUZZ_TARGETS only; the first build takes many minutes
	@CARGO=$(CARGO) tests/fuzz/run.sh $(or $(FUZZ_SECONDS),600) $(FUZZ_TARGETS)

fuzz-short: ## fuzzes the targets that build quickly for FUZZ_SECONDS (5) each, from the seeds and with the same choices each time
	@CARGO=$(CARGO) FUZZ_SEED=1 tests/fuzz/run.sh $(or $(FUZZ_SECONDS),5) light

conformance: build ## runs the recorded cases of Kafka Connect in DIR (tests/conformance) through components and converters
	@TIDEGATE_CONFORMANCE=$(abspath $(or $(DIR),tests/conformance)) $(CARGO) test --quiet --workspace --test conformance

reference: build ## writes docs/transforms, docs/converters and docs/openapi.json from the definitions
	@TIDEGATE_WRITE_REFERENCE=1 $(CARGO) test --quiet --workspace --test reference
	@TIDEGATE_WRITE_REFERENCE=1 $(CARGO) test --quiet --workspace --lib openapi

test-registry: ## starts a schema registry from Maven Central and tests the Avro converter with it and Confluent's client
	@tests/registry/run.sh

bench: build ## benchmarks, with a table at the end; against Kafka Connect where Java and Maven are there
	@benches/run.sh

lint: setup ## formatting, clippy, and the dependencies' licences, sources and advisories
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	@CARGO=$(CARGO) tests/deny.sh

clean: ## deletes the demonstration's files; `cargo clean` deletes what was built
	rm -rf demo
