"""Generate everything under `gen/` from `protos/`: Python messages, gRPC stubs, types and the descriptor set.

`python -m tools.generate` writes; `python -m tools.generate --check` fails when `gen/` is not what it would write.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
ROOTS = ("protos", "third_party/protovalidate", "third_party/googleapis")
# Envoy renders an error's details as JSON only when their types are in the descriptor set (envoy#9796).
DETAIL_TYPES = ("google/rpc/status.proto", "google/rpc/error_details.proto")


def sources() -> list[str]:
    """The proto files that become Python, relative to their root; google's own come from its package."""
    return sorted(
        path.relative_to(ROOT / root).as_posix() for root in ROOTS[:2] for path in (ROOT / root).rglob("*.proto")
    )


def generate(out: Path) -> None:
    """Write the generated tree to `out`."""
    includes = [f"-I{ROOT / root}" for root in ROOTS]
    kehu = [name for name in sources() if name.startswith("kehu/")]
    services = [name for name in kehu if "service " in (ROOT / "protos" / name).read_text()]
    _protoc(*includes, f"--python_out={out}", f"--mypy_out=quiet:{out}", *sources())
    if services:
        _protoc(*includes, f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}", *services)
    _protoc(*includes, "--include_imports", f"--descriptor_set_out={out / 'descriptors.binpb'}", *kehu, *DETAIL_TYPES)
    for folder in sorted(path for path in out.rglob("*") if path.is_dir()):
        if folder.parts[-1] == "v1" or folder.parts[-1] == "validate":
            (folder / "__init__.py").write_text("")


def _protoc(*arguments: str) -> None:
    well_known = Path(protoc.__file__).parent / "_proto"
    # The mypy plugins stand beside the interpreter, which need not be on the caller's PATH.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    if protoc.main(["protoc", *arguments, f"-I{well_known}"]) != 0:
        raise SystemExit("protoc failed; the lines above name the file")


def differences(left: Path, right: Path) -> list[str]:
    """The files that differ between two trees, or stand in one only."""
    names = {
        path.relative_to(tree).as_posix()
        for tree in (left, right)
        for path in tree.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    return sorted(
        name
        for name in names
        if not ((left / name).is_file() and (right / name).is_file())
        or not filecmp.cmp(left / name, right / name, shallow=False)
    )


def main() -> None:
    """Entry point."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        generate(fresh)
        stale = differences(ROOT / "gen", fresh)
        if "--check" in sys.argv[1:]:
            if stale:
                raise SystemExit(f"gen/ is stale, run `make gen`: {', '.join(stale[:8])}")
            return
        for name in stale:
            target = ROOT / "gen" / name
            if (fresh / name).is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(fresh / name, target)
            else:
                target.unlink()


if __name__ == "__main__":
    main()
