"""Secrets that were written where everybody can read them: in the files that git keeps, and in all it ever kept."""

from __future__ import annotations

import math
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ALLOWED = Path(__file__).with_name("allowed.txt")
"""Findings that are no secrets: a fingerprint and the reason, one a line."""

_SHAPES = {
    "private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s*(?:\\n)?[A-Za-z0-9+/=]{40,}",
    "cloud key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{35}\b|\bLTAI[0-9A-Za-z]{12,28}\b",
    "token of a forge": r"\bgh[pousr]_[0-9A-Za-z]{36,}\b|\bgithub_pat_\w{60,}\b|\bglpat-[\w-]{20,}\b",
    "token of a registry": r"\bpypi-[A-Za-z0-9_-]{50,}\b|\bnpm_[A-Za-z0-9]{36}\b|\bdckr_pat_[\w-]{20,}\b",
    "chat token": r"\bxox[abposr]-[0-9A-Za-z-]{10,}\b",
    "JSON web token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}",
    "password in an address": r"\b[a-z][a-z0-9+.-]*://[^\s:/@\"'{}<>$]+:(?P<password>[^\s:/@\"'{}<>$]{6,})@",
    "assigned secret": (
        r"(?i:\b\w*(?:passw(?:or)?d|secret|api_?key|private_?key|access_?key|auth_?token)\w*[\"']?\s*[:=]\s*"
        r"[\"'](?P<value>(?![/.])[^\s\"'{}$<>]{12,})[\"'])"
    ),
}
_SHAPE = re.compile("|".join(f"(?P<s{number}>{shape})" for number, shape in enumerate(_SHAPES.values())))
# Quick to look for; a line without any of them has no secret of the shapes above.
_HINT = re.compile(
    r"(?i)BEGIN|AKIA|ASIA|AIza|LTAI|gh[pousr]_|github_pat|glpat|pypi-|npm_|dckr_pat|xox|eyJ|://|pass|secret|key|token"
)
_LEAST_ENTROPY = 3.5
"""Bits per character below which an assigned text is taken for words."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that looks like a secret, and where."""

    kind: str
    where: str
    text: str

    @property
    def fingerprint(self) -> str:
        """What it is allowed by, which doesn't repeat it."""
        return sha256(self.text.encode()).hexdigest()[:16]

    def __str__(self) -> str:
        return f"{self.where}: {self.kind} {self.text[:4]}… ({self.fingerprint})"


def scan(text: str, where: str) -> Iterator[Finding]:
    """What looks like a secret in a text."""
    for match in _SHAPE.finditer(text) if _HINT.search(text) else ():
        kind = next(name for number, name in enumerate(_SHAPES) if match[f"s{number}"] is not None)
        value = match["password"] or match["value"] or match[0]
        if match["value"] is None or entropy(value) >= _LEAST_ENTROPY:
            yield Finding(kind, where, value)


def entropy(text: str) -> float:
    """Bits per character."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def in_tree() -> Iterator[Finding]:
    """Findings in the files as they are."""
    listed = _git("ls-files", "-z").split("\0")
    for name in filter(None, listed):
        path = ROOT / name
        if path.is_file() and not path.is_symlink():
            text = path.read_bytes().decode("utf-8", errors="ignore")
            # By lines where there is no key over several, for most lines can be left out at a glance.
            for part in [text] if "PRIVATE KEY" in text else text.splitlines():
                yield from scan(part, name)


def in_history() -> Iterator[Finding]:
    """Findings in every line that any commit ever added."""
    commit = ""
    for line in _git("log", "--all", "-p", "-U0", "--no-color", "--no-ext-diff", "--format=commit %h").splitlines():
        if line.startswith("commit "):
            commit = line
        elif line.startswith("+") and _HINT.search(line):
            yield from scan(line[1:], commit)


def allowed() -> set[str]:
    """The fingerprints of what is known to be no secret."""
    return {line.split(maxsplit=1)[0] for line in ALLOWED.read_text().splitlines() if line and not line.startswith("#")}


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True)
    return done.stdout.decode("utf-8", errors="ignore")
