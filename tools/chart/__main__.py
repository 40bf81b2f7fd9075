"""`make chart-files`: write what the chart takes from elsewhere, its page, and what its sets of values render to."""

from __future__ import annotations

import shutil
from pathlib import Path

from tools.chart import examples, files, readme


def main() -> None:
    """Entry point."""
    for stray in files.strays():
        stray.unlink()
    for path, content in files.made().items():
        _write(path, content)
    _write(readme.FILE, readme.page().encode())
    for name in examples.SETS:
        made = examples.kept(name)
        shutil.rmtree(examples.FOLDER / name / "rendered", ignore_errors=True)
        for path, text in made.items():
            _write(path, text.encode())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


if __name__ == "__main__":
    main()
