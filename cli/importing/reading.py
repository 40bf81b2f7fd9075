"""The first half of an import: read the file, judge every row, and put the valid ones together to orders."""

from __future__ import annotations

from collections.abc import Callable

from cli.importing import returning
from cli.importing.encoding import Text
from cli.importing.mapping import Mapping
from cli.importing.problem import ImportProblem
from cli.importing.records import Broken, Record, Records
from cli.importing.report import Account, Remark
from cli.importing.rows import Rows
from cli.importing.scratch import Scratch
from cli.importing.values import Refused

_STEP = 1_000


class Reading:
    """Reads one file into a scratch database. `now` is in microseconds since 1970."""

    def __init__(self, text: Text, mapping: Mapping, *, now: int) -> None:
        self._records = Records(text, mapping.file)
        try:
            self._rows = Rows(mapping, self._records.header, now=now)
        except ImportProblem:
            self._records.close()
            raise
        self.scratch = Scratch()

    def close(self) -> None:
        """Forget what was read."""
        self._records.close()
        self.scratch.close()

    @property
    def columns(self) -> dict[str, str]:
        """Which column of the file holds what, for people to check."""
        header = self._records.header
        return {name: header[place] if header else str(place + 1) for name, place in self._rows.columns.items()}

    def run(self, account: Account, advance: Callable[[int], None]) -> None:
        """Read all of it; `advance` is told how many more rows were read, now and then."""
        for record in self._records:
            account.rows += 1
            if account.rows % _STEP == 0:
                advance(_STEP)
            if isinstance(record, Broken):
                account.rejected.add(Remark(record.line, "", record.reason, record.explanation, record.text))
            else:
                self._take(record, account)
        self.scratch.flush()
        returning.settle(self.scratch, account)
        advance(account.rows % _STEP)

    def _take(self, record: Record, account: Account) -> None:
        try:
            sale = self._rows.judge(record.fields)
            content = "\x1f".join(map(str.strip, record.fields)).encode()
            self.scratch.add(record.line, sale, record.text, content=content)
        except Refused as refused:
            account.rejected.add(Remark(record.line, refused.column, refused.reason, str(refused), record.text))
            return
        account.accepted += 1
        for column, reason in sale.notices:
            account.noticed.add(Remark(record.line, column, reason, _NOTICES[reason], record.text))


_NOTICES = {
    "TITLE_CUT": "the title was cut to the length that a title may have",
    "CONTACT_LEFT_OUT": "the value can't be used and was left out; the customer is known by the rest",
}
"""What a notice says."""
