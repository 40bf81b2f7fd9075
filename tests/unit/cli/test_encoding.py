"""Encodings: declared, found out, and bytes that are no letters."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from cli.importing import encoding
from cli.importing.problem import Exit, ImportProblem
from tests.unit.cli.reading_of import mapping_of, read

HEADER = "order,customer,date,sku,qty,price\n"
CHINESE = "".join(f"{n},客户{n},2024-05-01,白色心形挂饰,1,9.90\n" for n in range(20))
WESTERN = "".join(f"{n},Café Müller {n},2024-05-01,£1 naïve,1,9.90\n" for n in range(20))
ASCII = "".join(f"{n},c{n},2024-05-01,plain,1,9.90\n" for n in range(20))


@pytest.mark.parametrize(
    ("content", "written", "found"),
    [
        (ASCII, "ascii", "utf-8"),
        (CHINESE, "utf-8", "utf-8"),
        (CHINESE, "utf-8-sig", "utf-8-sig"),
        (CHINESE, "gb18030", "gb18030"),
        (CHINESE, "gbk", "gb18030"),
        (CHINESE, "utf-16", "utf-16"),
        (ASCII, "utf-16-le", "utf-16-le"),
        (ASCII, "utf-16-be", "utf-16-be"),
        (WESTERN, "utf-8", "utf-8"),
        (WESTERN, "latin-1", "latin-1"),
        (WESTERN + "21,c,2024-05-01,“smart”,1,9.90\n", "windows-1252", "windows-1252"),
    ],
)
def test_the_encoding_is_found_out_and_every_row_read(content: str, written: str, found: str) -> None:
    result = read((HEADER + content).encode(written), mapping_of())
    assert result.encoding == found
    assert result.account.accepted == content.count("\n")
    assert {order.lines[0].sku for order in result.orders} == {line.split(",")[3] for line in content.splitlines()}


def test_a_letter_far_down_the_file_is_seen() -> None:
    content = HEADER + ASCII * 3_000 + "x,Café,2024-05-01,s,1,1\n"
    assert len(content) > 1 << 20
    result = read(content.encode("latin-1"), mapping_of(columns={"order": "nothing"}))
    assert result.encoding == "latin-1"
    assert not result.rejected


@pytest.mark.parametrize("written", ["utf-8", "gb18030"])
def test_bytes_that_are_no_letters_reject_their_row_and_no_other(written: str) -> None:
    lines = (HEADER + CHINESE).encode(written).split(b"\n")
    lines[5] = lines[5].replace(b",1,9.90", b"\xff\xfe\xff,1,9.90")
    result = read(b"\n".join(lines), mapping_of())
    assert result.encoding == written
    assert result.reasons == [(6, "BYTES_UNREADABLE")]
    assert "\\xff" in result.rejected[0]["text"]
    assert result.account.accepted == 19


def test_a_declared_encoding_is_taken_as_it_is() -> None:
    result = read((HEADER + WESTERN).encode("latin-1"), mapping_of(file={"encoding": "utf-8"}))
    assert len(result.rejected) == 20


def test_a_cut_off_utf_16_file_loses_its_last_row_only() -> None:
    content = codecs.BOM_UTF16_LE + (HEADER + ASCII).encode("utf-16-le")
    result = read(content[:-3], mapping_of())
    assert result.account.rows == 20
    assert [line for line, _ in result.reasons] == [21]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04rest", "save its sheet as CSV"),
        (b"\x1f\x8brest", "unpack it first"),
        (b"", "empty"),
        (b"\n\n", "empty"),
    ],
)
def test_what_is_no_text_file_is_refused_with_the_remedy(content: bytes, told: str) -> None:
    with pytest.raises(ImportProblem) as caught:
        read(content, mapping_of())
    assert told in str(caught.value)
    assert caught.value.exit_status is Exit.UNREADABLE


def test_a_missing_file_and_an_unknown_encoding_are_told(tmp_path: Path) -> None:
    with pytest.raises(ImportProblem, match="No such file"):
        encoding.inspect(tmp_path / "nothing.csv", "auto")
    with pytest.raises(ImportProblem, match="klingon"):
        read("a\n1\n", mapping_of(file={"encoding": "klingon"}))
