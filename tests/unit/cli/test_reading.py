"""Whole files: a real one to the cent, and any bytes at all."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.demo.history import cdnow_file
from cli.importing import mapping
from cli.importing.problem import ImportProblem
from tests.unit.cli.reading_of import mapping_of, read, read_file


def test_cdnow_is_read_to_the_cent() -> None:
    result = read_file(cdnow_file(), mapping.load("cdnow"))
    assert result.account.rows == result.account.accepted == 69_659
    assert not result.rejected
    assert len(result.customers) == 23_570
    assert len({order.external for order in result.orders}) == len(result.orders) == 69_659
    lines = [line for order in result.orders for line in order.lines]
    assert sum(line.quantity for line in lines) == 167_881
    assert Decimal(sum(line.amount for line in lines)) / 100 == Decimal("2500315.63")
    assert sum(line.amount == 0 for line in lines) == 80
    assert sum(not order.external.endswith("-1") for order in result.orders) == 255


_KINDS = [
    mapping_of(),
    mapping_of(columns={"order": "nothing"}, file={"format": "whitespace"}),
    mapping_of(numbers={"thousands": ",", "signs": ["$"], "negative_quantity": "return"}, file={"escape": "\\"}),
    mapping_of(columns={"title": "sku", "name": "customer", "phone": "customer"}, customers={"region": "CN"}),
]
_HEADERS = [
    b"",
    b"order,customer,date,sku,qty,price\n",
    b"order customer date sku qty price\n",
    "order,customer,date,sku,qty,price\n".encode("utf-16"),
    b"\xef\xbb\xbforder\tcustomer\tdate\tsku\tqty\tprice\r\n",
]
_FIELD = st.sampled_from(
    ["1", "2024-05-01", "-3", "9.99", "1,000", '"', '"a\nb"', "", "\\", "é", "客户", "\x00", "\x85"]
)
_ROW = st.lists(_FIELD, min_size=5, max_size=7).map(",".join)
_BODY = st.one_of(
    st.binary(max_size=400),
    st.lists(_ROW, max_size=12)
    .map("\n".join)
    .flatmap(lambda text: st.sampled_from(["utf-8", "gb18030", "utf-16-le"]).map(text.encode)),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(header=st.sampled_from(_HEADERS), body=_BODY, kind=st.sampled_from(_KINDS))
def test_any_bytes_are_read_with_every_row_accounted_for(header: bytes, body: bytes, kind: mapping.Mapping) -> None:
    try:
        result = read(header + body, kind)
    except ImportProblem:
        return
    account = result.account
    assert account.rows == account.accepted + len(result.rejected)
    for order in result.orders:
        assert order.external
        for line in order.lines:
            assert line.quantity >= 1
            assert line.amount >= 0
            assert 1 <= len(line.title) <= 200
