"""`python -m deploy.image`: build the image and its bill of materials, and look for what must not be in it.

python -m deploy.image [--version V] [--base IMAGE] [--build-base IMAGE] [--engine docker|podman] [--debian]
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from deploy.image import base, build, contents, engine, sbom
from deploy.local.folder import PROJECT
from deploy.local.problem import Problem, explained


@explained()
def main() -> None:
    """Build as the command line says."""
    asked = _arguments()
    machine = engine.find(asked.engine)
    bases = base.Bases(asked.base, asked.build_base)
    if asked.debian:
        bases = base.make(machine)
    recipe = build.here(version=asked.version, base=bases.runs, build_base=bases.builds)
    made = build.build(machine, recipe)
    path = Path(asked.sbom.format(version=recipe.version))
    bill = sbom.write(machine, made, path)
    if sbom.packages(bill, "pypi") != sbom.locked():
        raise Problem(f"The image {made} holds other Python packages than requirements/base.txt names: see {path}.")
    found = contents.faults(machine.image(made), contents.files(machine, made), base=_files_of_base(machine, bases))
    if found:
        raise Problem(f"The image {made} must not be used: {'; '.join(found)}.")
    size = machine.image(made)["Size"] / 1_000_000
    sys.stdout.write(f"{made}: {size:.0f} MB, {len(bill['components'])} packages listed in {path}\n")


def _files_of_base(machine: engine.Engine, bases: base.Bases) -> list[contents.File]:
    return contents.files(machine, bases.runs or build.default_base())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.image", description="Build Kehu's container image.")
    parser.add_argument("--version", default="", help="tag and label (default: the project's version)")
    parser.add_argument("--base", default=os.environ.get("KEHU_BASE_IMAGE", ""), help="the image that runs it")
    parser.add_argument("--build-base", default=os.environ.get("KEHU_BUILD_IMAGE", ""), help="the image that builds it")
    parser.add_argument("--debian", action="store_true", help="make both bases with debootstrap; needs root")
    parser.add_argument("--engine", default="", choices=["", *engine.KNOWN], help="default: the first that works")
    parser.add_argument("--sbom", default=str(PROJECT / ".run/image/kehu-{version}.cdx.json"), help="the bill's file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
