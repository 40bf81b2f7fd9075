"""Look for secrets in the files and in the history, and for licences that don't fit.

`python -m tools.audit` looks everywhere; `python -m tools.audit --quick` leaves the history out. Known vulnerabilities
of packages are not looked for: that takes a service that knows them, see docs/security.md.
"""

from __future__ import annotations

import sys
from itertools import chain

from tools.audit import licences, secrets


def main() -> None:
    """Entry point."""
    known = secrets.allowed()
    past = [] if "--quick" in sys.argv[1:] else secrets.in_history()
    looks = {str(each) for each in chain(secrets.in_tree(), past) if each.fingerprint not in known}
    findings = [*sorted(looks), *licences.findings()]
    if findings:
        raise SystemExit("\n".join(findings))


if __name__ == "__main__":
    main()
