"""`kehu import-products`, against the service that it is for."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from kehu.orders.v1 import products_pb2
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from cli.importing.gateway import Gateway
from cli.importing.problem import ImportProblem
from cli.importing.products import run
from cli.importing.progress import Silent
from cli.importing.report import Remarks, Results
from kit.rpc import Server
from tests.support.rpc import Keys

ROWS = """sku,title,price,currency,weight_grams,images,attribute:origin
LJ-1,龙井,99.00,CNY,250,https://img.example/1 https://img.example/2,杭州
KM-1,祁门红茶,50,,,,
KM-1,again,50,,,,
X-1,no price,,,,,
X-2,half a fen,1.005,,,,
X-3,heavy,1,,a lot,,
X-4,short
X-5,"open,1,,,,
"""


async def test_a_file_is_imported_and_every_bad_row_is_told(
    orders: OrdersServiceStub, server: Server, keys: Keys, tmp_path: Path
) -> None:
    file = tmp_path / "products.csv"
    file.write_bytes(ROWS.encode("gb18030"))
    remarks = Remarks(tmp_path / "rejected.csv")
    async with Gateway(f"127.0.0.1:{server.port}", keys.bearer("importer").removeprefix("Bearer ")) as gateway:
        first = await run(file, "CNY", remarks, gateway, Silent())
        again = await run(file, "CNY", Remarks(tmp_path / "again.csv"), gateway, Silent())
    assert first == Results(created=2, rejected=2)
    assert again == Results(unchanged=2, rejected=2)
    with remarks.path.open(encoding="utf-8", newline="") as told:
        found = [(row["line"], row["column"], row["reason"]) for row in csv.DictReader(told)]
    assert found == [
        ("4", "sku", "ROW_REPEATED"),
        ("5", "price", "ROW_INVALID"),
        ("6", "price", "NUMBER"),
        ("7", "weight_grams", "NUMBER"),
        ("8", "", "FIELDS_MISCOUNTED"),
        ("9", "", "QUOTES_BROKEN"),
    ]
    kept = await orders.ListProducts(products_pb2.ListProductsRequest(sku="LJ-1"))
    product = kept.products[0]
    assert (product.title, product.price.units, product.weight_grams) == ("龙井", 99, 250)
    assert (len(product.images), dict(product.attributes)) == (2, {"origin": "杭州"})


@pytest.mark.parametrize("header", ["title,price", "sku,colour", "sku,sku"])
async def test_a_header_that_means_nothing_is_refused_before_anything_is_sent(tmp_path: Path, header: str) -> None:
    file = tmp_path / "products.csv"
    file.write_text(f"{header}\na,b\n", encoding="utf-8")
    with pytest.raises(ImportProblem):
        await run(file, "CNY", Remarks(tmp_path / "rejected.csv"), None, Silent())
