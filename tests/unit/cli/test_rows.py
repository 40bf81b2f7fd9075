"""What makes a row a sale, and what rejects it."""

from __future__ import annotations

from typing import Any

import pytest

from cli.importing import mapping
from cli.importing.problem import Exit, ImportProblem
from tests.unit.cli.reading_of import Read, mapping_of, read

HEADER = "order,customer,date,sku,qty,price\n"


def one(**changed: str) -> str:
    fields = {"order": "1", "customer": "c", "date": "2024-05-01", "sku": "s", "qty": "2", "price": "9.95"} | changed
    return HEADER + ",".join(fields.values()) + "\n"


@pytest.mark.parametrize(
    ("changed", "column", "reason"),
    [
        ({"order": ""}, "order", "ORDER_MISSING"),
        ({"order": "x" * 129}, "order", "TEXT_TOO_LONG"),
        ({"order": "a\x00b"}, "order", "CONTROL_CHARACTER"),
        ({"date": ""}, "time", "TIME_MISSING"),
        ({"date": "yesterday"}, "time", "TIME_INVALID"),
        ({"date": "2024-02-30"}, "time", "TIME_INVALID"),
        ({"date": "1969-12-31"}, "time", "TIME_OUT_OF_RANGE"),
        ({"date": "2999-01-01"}, "time", "TIME_OUT_OF_RANGE"),
        ({"qty": ""}, "quantity", "QUANTITY_MISSING"),
        ({"qty": "two"}, "quantity", "QUANTITY_INVALID"),
        ({"qty": "1.5"}, "quantity", "QUANTITY_FRACTIONAL"),
        ({"qty": "0"}, "quantity", "QUANTITY_OUT_OF_RANGE"),
        ({"qty": "1000001"}, "quantity", "QUANTITY_OUT_OF_RANGE"),
        ({"qty": "-2"}, "quantity", "QUANTITY_NEGATIVE"),
        ({"price": ""}, "unit_price", "UNIT_PRICE_MISSING"),
        ({"price": "9.95 EUR"}, "unit_price", "UNIT_PRICE_INVALID"),
        ({"price": "-9.95"}, "unit_price", "AMOUNT_NEGATIVE"),
        ({"price": "0.001"}, "unit_price", "AMOUNT_TOO_FINE"),
        ({"price": "9999999999999999"}, "unit_price", "AMOUNT_OUT_OF_RANGE"),
        ({"sku": "x" * 65}, "sku", "TEXT_TOO_LONG"),
        ({"customer": "x" * 201}, "customer", "TEXT_TOO_LONG"),
    ],
)
def test_an_invalid_row_is_rejected_with_column_and_reason(changed: dict[str, str], column: str, reason: str) -> None:
    result = read(one(**changed), mapping_of())
    assert [(each["column"], each["reason"]) for each in result.rejected] == [(column, reason)]
    assert not result.orders
    assert not result.customers


def amount(price: str, qty: str = "2", **rules: Any) -> int:
    return read(one(price=price, qty=qty), mapping_of(**rules)).orders[0].lines[0].amount


def test_the_amount_is_the_exact_product_of_price_and_quantity() -> None:
    assert amount("9.95") == 1990
    assert amount("0.005", "2") == 1
    assert amount("0") == 0
    assert amount("2.0", "3.0") == 600


def test_the_smallest_coin_is_that_of_the_currency() -> None:
    assert amount("1500", currency="JPY") == 3000
    assert amount("1.234", currency="KWD") == 2468
    assert read(one(price="1.5", qty="1"), mapping_of(currency="JPY")).reasons == [(2, "AMOUNT_TOO_FINE")]


def test_a_mapping_may_allow_to_round_to_the_smallest_coin() -> None:
    rounded = {"numbers": {"rounding": "half_up"}}
    assert amount("0.333", "1", **rounded) == 33
    assert amount("0.335", "1", **rounded) == 34
    assert amount("0.001", "1", **rounded) == 0


def test_the_amount_of_the_line_goes_before_the_unit_price_where_the_row_has_it() -> None:
    content = "order,date,qty,price,amount\n1,2024-05-01,2,9.95,15.00\n2,2024-05-01,2,9.95,\n"
    result = read(content, mapping_of(columns={"amount": "amount"}))
    assert [order.lines[0].amount for order in result.orders] == [1500, 1990]


def test_the_lines_of_an_order_come_together_wherever_they_stand() -> None:
    content = HEADER + "".join(f"{n % 7},c{n % 7},2024-05-01,s{n},1,1\n" for n in range(70))
    result = read(content, mapping_of())
    assert [order.external for order in result.orders] == [str(n) for n in range(7)]
    assert [line.sku for line in result.orders[3].lines] == [f"s{n}" for n in range(3, 70, 7)]
    assert len(result.customers) == 7


def test_the_earliest_line_gives_the_order_its_time() -> None:
    content = HEADER + "1,c,2024-05-02,s,1,1\n1,c,2024-05-01,s,1,1\n"
    (order,) = read(content, mapping_of()).orders
    assert order.time == 1_714_521_600_000_000


def test_lines_that_contradict_their_order_are_rejected_and_the_order_stays() -> None:
    rows = ["1,a,2024-05-01,1,1,USD", "1,b,2024-05-01,1,1,USD", "1,,2024-05-01,1,1,EUR", "1,,2024-05-01,1,5,USD"]
    content = "order,customer,date,qty,price,money\n" + "\n".join(rows)
    result = read(content, mapping_of(columns={"currency": "money"}))
    assert result.reasons == [(3, "CUSTOMER_CONTRADICTS"), (4, "CURRENCY_MIXED")]
    assert [line.amount for line in result.orders[0].lines] == [100, 500]
    assert [customer.external for customer in result.customers] == ["a"]


def test_a_customer_who_is_named_on_a_later_line_is_the_orders() -> None:
    content = HEADER + "1,,2024-05-01,s,1,1\n1,a,2024-05-01,s,1,1\n"
    assert read(content, mapping_of()).orders[0].customer == "a"


def test_an_order_without_a_customer_is_a_guests_or_rejected_as_the_mapping_says() -> None:
    assert read(one(customer=""), mapping_of()).orders[0].customer == ""
    assert read(one(customer=""), mapping_of(customers={"missing": "reject"})).reasons == [(2, "CUSTOMER_MISSING")]


def test_the_first_purchase_is_when_a_customer_joined() -> None:
    content = HEADER + "1,a,2024-05-03,s,1,1\n2,a,2024-05-01,s,1,1\n3,a,2024-05-02,s,1,1\n"
    (customer,) = read(content, mapping_of()).customers
    assert customer.first_time == 1_714_521_600_000_000


def test_rows_without_order_ids_are_known_by_content_and_occurrence() -> None:
    rows = ["a,2024-05-01,1,1", "a,2024-05-01,1,1", "b,2024-05-01,1,1", " a ,2024-05-01,1,1"]
    first = read("customer,date,qty,price\n" + "\n".join(rows), mapping_of())
    shuffled = read("customer,date,qty,price\n" + "\n".join([rows[2], rows[3], "", rows[1], rows[0]]), mapping_of())
    ids = [order.external for order in first.orders]
    assert len(set(ids)) == 4
    assert set(ids) == {order.external for order in shuffled.orders}
    assert len({each.rpartition("-")[0] for each in ids}) == 2


def test_statuses_tell_what_was_sold() -> None:
    content = "order,date,qty,price,status\n1,2024-05-01,1,1,Paid\n2,2024-05-01,1,1,CANCELLED\n3,2024-05-01,1,1,odd\n"
    columns = {"status": "status"}
    strict = mapping_of(columns=columns, status={"cancelled": ["cancelled"], "paid": ["paid"]})
    assert read(content, strict).reasons == [(3, "ORDER_CANCELLED"), (4, "STATUS_UNKNOWN")]
    assert read(content, mapping_of(columns=columns, status={"cancelled": ["cancelled"]})).reasons == [
        (3, "ORDER_CANCELLED")
    ]


def contacts(rows: str, **customers: str) -> Read:
    columns = {"name": "name", "phone": "phone", "email": "mail"}
    content = f"order,customer,name,phone,mail,date,qty,price\n{rows}"
    return read(content, mapping_of(columns=columns, customers=customers))


def test_what_is_known_of_a_customer_is_gathered_from_all_the_rows() -> None:
    rows = "1,a,,13800138000,,2024-05-01,1,1\n2,a,李雷,,L@X.com,2024-05-02,1,1\n"
    (customer,) = contacts(rows, region="CN").customers
    assert customer.contact == ("李雷", "+8613800138000", "l@x.com", "", "")


def test_a_phone_number_that_can_not_be_one_is_left_out_and_noticed() -> None:
    result = contacts("1,a,,123,,2024-05-01,1,1\n")
    assert result.customers[0].contact[1] == ""
    assert [(each["line"], each["column"], each["reason"]) for each in result.noticed] == [
        ("2", "phone", "CONTACT_LEFT_OUT")
    ]


def test_a_customer_without_an_id_is_known_by_phone_or_address() -> None:
    rows = "1,,,+8613800138000,,2024-05-01,1,1\n2,,,,l@x.com,2024-05-01,1,1\n"
    assert [customer.external for customer in contacts(rows).customers] == ["+8613800138000", "l@x.com"]


def test_a_long_title_is_cut_and_noticed() -> None:
    content = f"order,date,qty,price,title\n1,2024-05-01,1,1,{'長' * 300}\n"
    result = read(content, mapping_of(columns={"title": "title"}))
    assert len(result.orders[0].lines[0].title) == 200
    assert [each["reason"] for each in result.noticed] == ["TITLE_CUT"]


def test_a_missing_column_is_told_with_the_header() -> None:
    with pytest.raises(ImportProblem) as caught:
        read("order,when\n", mapping_of())
    assert "`time` (date)" in str(caught.value)
    assert "order, when" in str(caught.value)
    assert caught.value.exit_status is Exit.UNREADABLE


def test_a_file_without_any_amount_is_refused() -> None:
    with pytest.raises(ImportProblem, match="neither"):
        read("order,date,qty\n", mapping_of(columns={"optional": ["customer", "sku", "unit_price"]}))


def test_headers_are_found_whatever_their_case_and_name() -> None:
    result = read(
        "\ufeffInvoice,INVOICEDATE,quantity,Price,StockCode,description,customer id\n", mapping.load("online-retail")
    )
    assert result.columns["order"] == "Invoice"
    assert result.columns["customer"] == "customer id"


def test_a_chinese_export_in_its_own_encoding_is_read_by_the_generic_mapping() -> None:
    header = "订单编号,支付时间,商品名称,数量,单价,订单状态,会员号,手机号"
    rows = ["A1,2024/5/1 9:30,龙井茶,2,￥18.50,已付款,M1,+8613800138000", "A2,2024/5/1 9:31,茶壶,1,￥9.00,已取消,M2,"]
    result = read("\n".join([header, *rows]).encode("gb18030"), mapping.load("generic"))
    (order,) = result.orders
    assert (result.encoding, order.customer, order.lines[0].title, order.lines[0].amount) == (
        "gb18030",
        "M1",
        "龙井茶",
        3700,
    )
    assert result.reasons == [(3, "ORDER_CANCELLED")]
