#!/bin/sh
# Make sure that a Debian package is there: tools/need.sh PACKAGE TEST...
# When the command TEST fails, PACKAGE is installed (as root) or one sentence says what to do.
set -eu

package=$1
shift
"$@" >/dev/null 2>&1 && exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "The Debian package $package is missing; install it with \`sudo apt-get install $package\` and run this again." >&2
    exit 1
fi
echo "Installing the Debian package $package."
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
{ apt-get install -qy --no-install-recommends "$package" || { apt-get update -q && apt-get install -qy --no-install-recommends "$package"; }; } \
    </dev/null >"$log" 2>&1 && "$@" >/dev/null 2>&1 && exit 0
tail -n 5 "$log" >&2
echo "The Debian package $package could not be installed (apt-get's last lines are above); install it and run this again." >&2
exit 1
