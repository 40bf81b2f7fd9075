"""Rows out of lines: quotes, delimiters, line ends, and what is broken."""

from __future__ import annotations

import pytest

from cli.importing.problem import ImportProblem
from tests.unit.cli.reading_of import mapping_of, read

HEADER = "order,customer,date,sku,qty,price\n"


def row(order: str, sku: str = "s") -> str:
    return f"{order},c,2024-05-01,{sku},1,9.90\n"


def test_quoted_fields_hold_delimiters_quotes_and_line_ends() -> None:
    content = HEADER + row("1", '"a, ""b"""') + row("2", '"two words"')
    assert [order.lines[0].sku for order in read(content, mapping_of()).orders] == ['a, "b"', "two words"]


def test_a_quoted_title_over_several_lines_is_one_row() -> None:
    rows = '1,c,2024-05-01,s,1,1,"first\nsecond\n\nthird"\n2,c,2024-05-01,s,1,1,x\n'
    content = f"order,customer,date,sku,qty,price,title\n{rows}"
    result = read(content, mapping_of(columns={"title": "title"}))
    assert [order.lines[0].title for order in result.orders] == ["first second third", "x"]
    assert [order.lines[0].line for order in result.orders] == [2, 6]


def test_a_quote_that_is_never_closed_costs_its_own_line_only() -> None:
    rows = [row(str(n)) for n in range(500)]
    rows[3] = row("3", '"open')
    result = read(HEADER + "".join(rows), mapping_of())
    assert result.reasons == [(5, "QUOTES_BROKEN")]
    assert result.account.accepted == 499


def test_a_stray_quote_before_a_quoted_row_does_not_swallow_it() -> None:
    content = HEADER + row("1", '"open') + row("2") + row("3", '"closed"') + row("4")
    result = read(content, mapping_of())
    assert result.reasons == [(2, "QUOTES_BROKEN")]
    assert [order.external for order in result.orders] == ["2", "3", "4"]


def test_two_stray_quotes_do_not_make_one_row_of_what_is_between() -> None:
    content = HEADER + row("1", '"open') + row("2") + row("3", 'half"') + row("4")
    result = read(content, mapping_of())
    assert [order.external for order in result.orders][-1] == "4"
    assert "2" in [order.external for order in result.orders]


def test_letters_after_a_closing_quote_are_rejected() -> None:
    assert read(HEADER + row("1", '"a"b') + row("2"), mapping_of()).reasons == [(2, "QUOTES_BROKEN")]


def test_an_inch_sign_inside_a_plain_field_is_just_a_letter() -> None:
    result = read(HEADER + row("1", '5" pipe'), mapping_of())
    assert result.orders[0].lines[0].sku == '5" pipe'


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_understood(end: str) -> None:
    content = (HEADER + row("1") + "\n" + row("2")).replace("\n", end)
    result = read(content.removesuffix(end), mapping_of())
    assert [order.lines[0].line for order in result.orders] == [2, 4]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_in_the_header(delimiter: str) -> None:
    content = (HEADER + row("1")).replace(",", delimiter)
    assert read(content, mapping_of()).account.accepted == 1


def test_a_tsv_may_hold_commas() -> None:
    content = (HEADER + row("1")).replace(",", "\t").replace("9.90", "9,90")
    result = read(content, mapping_of(file={"format": "tsv"}, numbers={"decimal": ","}))
    assert result.orders[0].lines[0].amount == 990


def test_lines_above_the_header_can_be_skipped() -> None:
    assert read("Report of May\n\n" + HEADER + row("1"), mapping_of(file={"skip": 1})).account.accepted == 1


def test_columns_can_be_counted_where_there_is_no_header() -> None:
    mapping = mapping_of(
        file={"header": False}, columns={"order": 1, "customer": 2, "time": 3, "sku": 4, "quantity": 5, "unit_price": 6}
    )
    result = read(row("1") + row("2"), mapping)
    assert [order.external for order in result.orders] == ["1", "2"]


def test_a_row_with_too_few_or_too_many_fields_is_rejected() -> None:
    content = HEADER + "1,c,2024-05-01\n" + row("2").strip() + ",more\n" + row("3").strip() + ",,\n"
    result = read(content, mapping_of())
    assert result.reasons == [(2, "FIELDS_MISCOUNTED"), (3, "FIELDS_MISCOUNTED")]
    assert [order.external for order in result.orders] == ["3"]


def test_an_endless_line_is_rejected_and_the_next_one_read() -> None:
    content = HEADER + "x" * (3 << 20) + "\n" + row("2")
    result = read(content, mapping_of())
    assert result.reasons == [(2, "LINE_TOO_LONG")]
    assert result.orders[0].external == "2"


def test_backslashes_can_escape_quotes() -> None:
    result = read(HEADER + row("1", '"a \\" b"'), mapping_of(file={"escape": "\\"}))
    assert result.orders[0].lines[0].sku == 'a " b'


def test_the_text_of_a_rejected_row_is_kept() -> None:
    content = HEADER + row("1").replace(",1,", ",one,")
    (rejected,) = read(content, mapping_of()).rejected
    assert rejected == {
        "line": "2",
        "column": "quantity",
        "reason": "QUANTITY_INVALID",
        "explanation": "'one' is no number in the format of the mapping",
        "text": "1,c,2024-05-01,s,one,9.90",
    }


def test_a_quoted_header_is_divided_at_its_own_delimiter() -> None:
    content = '"order";"customer";"date";"sku";"qty";"price"\n' + row("1").replace(",", ";")
    assert read(content, mapping_of()).account.accepted == 1


def test_a_header_that_can_not_be_divided_is_told() -> None:
    with pytest.raises(ImportProblem, match="can't be divided"):
        read('"order,date\n', mapping_of())
