"""Cancellations and returns: matched where the file tells, rejected where it does not."""

from __future__ import annotations

from cli.importing import mapping
from tests.unit.cli.reading_of import Read, mapping_of, read

HEADER = "order,cancels,date,sku,qty,price\n"


def of(rows: str) -> Read:
    return read(HEADER + rows, mapping_of(columns={"cancels": "cancels"}))


def test_a_return_takes_units_and_money_off_its_line() -> None:
    result = of("1,,2024-05-01,a,3,2.00\n1,,2024-05-01,b,1,5.00\n9,1,2024-06-01,a,-2,2.00\n")
    assert not result.rejected
    assert result.account.accepted == 3
    assert [(line.sku, line.quantity, line.amount) for line in result.orders[0].lines] == [("a", 1, 200), ("b", 1, 500)]


def test_a_line_that_is_returned_as_a_whole_goes() -> None:
    (order,) = of("1,,2024-05-01,a,3,2.00\n1,,2024-05-01,b,1,5.00\n9,1,2024-06-01,a,3,2.00\n").orders
    assert [line.sku for line in order.lines] == ["b"]


def test_a_return_may_stand_before_its_order() -> None:
    assert of("9,1,2024-06-01,a,1,2.00\n1,,2024-05-01,a,3,2.00\n").orders[0].lines[0].quantity == 2


def test_an_order_that_is_cancelled_as_a_whole_is_not_imported() -> None:
    result = of("1,,2024-05-01,a,3,2.00\n9,1,2024-06-01,a,3,2.00\n2,,2024-05-01,a,1,1\n")
    assert [order.external for order in result.orders] == ["2"]
    assert result.reasons == [(2, "ORDER_CANCELLED"), (3, "ORDER_CANCELLED")]


def test_a_return_of_more_than_was_bought_is_rejected_and_the_order_stays() -> None:
    result = of("1,,2024-05-01,a,3,2.00\n9,1,2024-06-01,a,4,2.00\n8,1,2024-06-01,a,3,2.50\n7,1,2024-06-01,z,1,1\n")
    assert {reason for _, reason in result.reasons} == {"CANCELLATION_EXCEEDS"}
    assert result.orders[0].lines[0].quantity == 3


def test_all_units_for_a_part_of_the_money_is_no_return() -> None:
    assert of("1,,2024-05-01,a,3,2.00\n9,1,2024-06-01,a,3,1.00\n").reasons == [(3, "CANCELLATION_EXCEEDS")]


def test_a_return_of_an_order_that_is_not_in_the_file_is_rejected() -> None:
    assert of("9,404,2024-06-01,a,1,1\n").reasons == [(2, "CANCELLATION_UNMATCHED")]


def test_a_return_in_another_currency_is_rejected() -> None:
    content = "order,cancels,date,qty,price,money\n1,,2024-05-01,1,1,USD\n2,1,2024-05-01,1,1,EUR\n"
    result = read(content, mapping_of(columns={"cancels": "cancels", "currency": "money"}))
    assert result.reasons == [(3, "CURRENCY_MIXED")]


def test_negative_quantities_are_returns_where_the_mapping_says_so() -> None:
    content = (
        "order,customer,date,sku,qty,price\n1,c,2024-05-01,a,3,2.00\n1,c,2024-05-01,a,-1,2.00\n2,c,2024-05-01,a,-1,2\n"
    )
    result = read(content, mapping_of(numbers={"negative_quantity": "return"}))
    assert result.orders[0].lines[0].quantity == 2
    assert result.reasons == [(4, "CANCELLATION_UNMATCHED")]


RETAIL = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,12/1/2010 8:26,2.55,17850,United Kingdom
536365,71053,"WHITE METAL LANTERN, LARGE",6,12/1/2010 8:26,3.39,17850,United Kingdom
536414,22139,,56,12/1/2010 11:52,0,,United Kingdom
536544,21773,DECORATIVE ROSE BATHROOM BOTTLE,1,12/1/2010 14:32,2.51,,United Kingdom
C536379,D,Discount,-1,12/1/2010 9:41,27.5,14527,United Kingdom
536589,21777,,-10,12/1/2010 16:50,0,,United Kingdom
A563185,B,Adjust bad debt,1,8/12/2011 14:50,11062.06,,United Kingdom
A563186,B,Adjust bad debt,1,8/12/2011 14:51,-11062.06,,United Kingdom
550193,PADS,PADS TO MATCH ALL CUSHIONS,1,4/15/2011 9:27,0.001,13952,United Kingdom
553521,85123A,CAFÉ SIGN £5,2,5/12/2011 8:26,1.25,14911.0,EIRE
553522,85123A,LATE,2,13/12/2011 8:26,1.25,12x,EIRE
"""


def test_online_retail_comes_in_as_its_mapping_says() -> None:
    result = read(RETAIL.encode("latin-1"), mapping.load("online-retail"))
    assert result.encoding == "latin-1"
    assert [(order.external, order.customer, len(order.lines)) for order in result.orders] == [
        ("536365", "17850", 2),
        ("536414", "", 1),
        ("536544", "", 1),
        ("553521", "14911", 1),
    ]
    assert result.reasons == [
        (6, "CANCELLATION_UNMATCHED"),
        (7, "QUANTITY_NEGATIVE"),
        (8, "NO_SALE"),
        (9, "NO_SALE"),
        (10, "AMOUNT_TOO_FINE"),
        (12, "TIME_INVALID"),
    ]
    assert result.orders[0].lines[1].title == "WHITE METAL LANTERN, LARGE"
    assert result.orders[1].lines[0].title == "22139"
    assert result.orders[3].lines[0].title == "CAFÉ SIGN £5"
    assert result.orders[3].time == 1_305_185_160_000_000
