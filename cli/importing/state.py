"""How far an import came: one line of JSON for each batch that was answered, so that a killed run can go on.

The file belongs to one import: the same bytes, mapping and gateway. It is removed when the import is complete.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from cli.importing.report import Answer, Remark, Results, private


class State:
    """The answered batches, by stage and number; and `now`, by which the first run judged dates."""

    def __init__(self, path: Path, *, key: str, now: int) -> None:
        self._path = path
        self._key = key
        self._answers: dict[tuple[str, int], Answer] = {}
        self.now = now
        self._read()
        self._file: TextIO | None = None

    @property
    def resumed(self) -> bool:
        """Whether there is something to go on from."""
        return bool(self._answers)

    def answer(self, stage: str, number: int) -> Answer | None:
        """What a batch was answered in an earlier run."""
        return self._answers.get((stage, number))

    def last(self, stage: str) -> int:
        """The highest number of the answered batches of a stage; -1 without any."""
        return max((number for each, number in self._answers if each == stage), default=-1)

    def record(self, stage: str, number: int, answer: Answer) -> None:
        """Keep what a batch was answered."""
        if self._file is None:
            self._file = private(self._path)
            # Written anew from what is known: that also mends a torn line.
            self._file.write(json.dumps({"key": self._key, "now": self.now}) + "\n")
            self._file.writelines(_line(*each) for each in self._answers.items())
        self._answers[stage, number] = answer
        self._file.write(_line((stage, number), answer))
        self._file.flush()

    def forget(self) -> None:
        """Begin anew."""
        self._answers.clear()
        self.close()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Keep the file for the next run."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _read(self) -> None:
        try:
            lines = self._path.read_text(encoding="utf-8").split("\n")
            head = json.loads(lines[0])
        except (OSError, ValueError):
            return
        if not isinstance(head, dict) or head.get("key") != self._key:
            return
        self.now = int(head["now"])
        with suppress(ValueError, KeyError, TypeError):  # a run that was killed while it wrote leaves a torn last line
            for line in lines[1:]:
                entry = json.loads(line)
                self._answers[entry["stage"], entry["number"]] = _answer(entry)


def _line(batch: tuple[str, int], answer: Answer) -> str:
    return json.dumps({"stage": batch[0], "number": batch[1], **asdict(answer)}) + "\n"


def _answer(entry: dict[str, Any]) -> Answer:
    return Answer(
        Results(**entry["results"]),
        tuple(Remark(**remark) for remark in entry["refused"]),
        tuple(Remark(**remark) for remark in entry["noticed"]),
    )
