#!/bin/bash
# Every rule of the house that a program can check. All of them run; the exit status says whether all hold.
set -uo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"

failed=()
check() {
    local name=$1
    shift
    echo "== $name"
    "$@" || failed+=("$name")
}

check "ruff check" ruff check --quiet
check "ruff format" ruff format --check --quiet
check "mypy" mypy
check "import-linter" lint-imports --no-logo
check "buf lint" buf lint
check "buf breaking" buf breaking protos --against protos/released.binpb
check "generated code is fresh" python -m tools.generate --check
check "API pages are fresh" python -m tools.openapi --check
check "the page of errors is fresh" python -m tools.errors --check
check "dashboards and objectives are fresh" python -m deploy.observability.generate --check
check "the page of states is fresh" python -m tools.states --check
check "the page of metrics is fresh" python -m tools.metrics --check
check "the chart's copies are fresh" python -m tools.chart.files --check
check "links lead somewhere" python -m tools.links
check "no secrets, no licences that don't fit" python -m tools.audit --quick
check "lock files are fresh" python -m tools.locks --check

if ((${#failed[@]})); then
    printf 'lint failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
echo "lint: every rule holds"
