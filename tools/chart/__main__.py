"""`make chart-files`: write what the chart takes from elsewhere, its page, and what its sets of values render to."""

from __future__ import annotations

import shutil

from tools.chart import examples, files, readme


def main() -> None:
    """Entry point."""
    files.copy()
    readme.FILE.write_text(readme.page())
    for name in examples.SETS:
        made = examples.kept(name)
        shutil.rmtree(examples.FOLDER / name / "rendered", ignore_errors=True)
        for path, text in made.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


if __name__ == "__main__":
    main()
