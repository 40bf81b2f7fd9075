"""One module per dashboard, each with a BOARD; the JSON beside it is made from it."""

from __future__ import annotations

from deploy.observability.dashboards import database, events, loyalty, overview, peak, rpc, sales
from deploy.observability.panels import Board

BOARDS: tuple[Board, ...] = (
    overview.BOARD,
    peak.BOARD,
    rpc.BOARD,
    events.BOARD,
    database.BOARD,
    loyalty.BOARD,
    sales.BOARD,
)
