# Lists the recipes.
default:
    @just --justfile {{ justfile() }} --list

# Runs all that CI runs: formatting, lints, tests, docs, dependencies, the systemd unit.
check:
    .ci/run

# Formats the code.
fmt:
    cargo fmt

# Runs the tests; arguments are passed on: just test settings::
test *arguments:
    cargo test --locked {{ arguments }}

# Runs the lints alone.
lint:
    cargo clippy --locked --all-targets -- -D warnings

# Writes the JSON Schemas anew.
schemas:
    cargo run --locked --quiet -- schema release > target/release.schema.json
    mv target/release.schema.json schemas/release.schema.json
    cargo run --locked --quiet -- schema config > target/config.schema.json
    mv target/config.schema.json schemas/config.schema.json

# Lives through pushes, faults and kills for so many minutes: just soak 10
soak minutes:
    cargo bench --locked --bench soak -- --minutes {{ minutes }}

# Measures what a day costs where much exists, beside a hundred files: just scale 10000
scale count:
    cargo bench --locked --bench scale -- 100 {{ count }}

# Builds the program as packages have it.
dist:
    cargo build --locked --profile dist
