"""The licences of what runs in production: only those that let everybody use, change and sell the whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from tools.locks import FOLDER, read_lock

# LGPL and MPL ask nothing of programs that only use the library as it is.
_FREE = re.compile(
    r"(?i)\b(MIT|BSD|0BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|LGPL|Lesser|Zope|ZPL|Unlicense)"
)
_NOT = re.compile(r"(?i)\b(AGPL|Affero|GPL|SSPL|BUSL|Business Source|Commons Clause|Proprietary)")
_LESSER = re.compile(r"(?i)L(?:esser )?GPL|GNU (?:Library or )?Lesser General Public License|\(LGPL\)")
LOCKS = ("base", "local")


def licence(package: Distribution) -> str:
    """What a package says of its licence: the expression, else the classifiers, else the first words of the text."""
    said = package.metadata
    if "License-Expression" in said:
        return str(said["License-Expression"])
    classes = [name.rpartition(" :: ")[2] for name in said.get_all("Classifier") or [] if name.startswith("License ::")]
    return "; ".join(classes) if classes else (said.get_all("License") or [""])[0][:60].strip()


def fits(said: str) -> bool:
    """Whether a licence may be in production."""
    return bool(_FREE.search(said)) and not _NOT.search(_LESSER.sub("lesser", said))


def findings() -> Iterator[str]:
    """What has no licence that fits, a sentence each."""
    for name in LOCKS:
        for pin in read_lock(name, (FOLDER / f"{name}.txt").read_text()).values():
            try:
                said = licence(distribution(pin.name))
            except PackageNotFoundError:
                continue  # of another platform
            if not fits(said):
                yield f"{pin.name} {pin.version} is under {said or 'no licence that it names'}"
