"""The funnel, counted from the history of steps and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import Connection, TextClause, text

from kit.money import Money
from kit.org import condition
from services.pipeline.domain.funnel import FunnelStage, Window
from services.pipeline.domain.stage import STAGES

# A stay begins with a step into another stage and lasts until the next such step.
_STAYS = """
    with asked as (
        select cast(:start as timestamptz) as start, cast(:until as timestamptz) as until,
               cast(:as_of as timestamptz) as as_of, cast(:way as text[]) as way
    ),
    stays as (
        select opportunity, to_stage as stage, change_time as begun,
               lead(change_time) over (partition by opportunity order by number) as ended
        from stage_changes, asked
        where change_time <= as_of and from_stage <> to_stage {within}
    ),
    judged as (
        select stage, opportunity, ended is null as staying, coalesce(ended, as_of) - begun as lasting,
               (start is null or begun >= start) and begun < until as entered,
               max(array_position(way, stage)) over (partition by opportunity) > array_position(way, stage) as advanced
        from stays, asked
    )
    select stage,
           count(distinct opportunity) filter (where entered) as entered,
           count(distinct opportunity) filter (where entered and advanced) as advanced,
           avg(lasting) filter (where entered) as mean_time,
           count(*) filter (where staying) as staying
    from judged
    group by stage
"""

_AMOUNTS = """
    select to_stage as stage, currency, cast(sum(amount) as text) as amount
    from (
        select distinct on (opportunity) to_stage, currency, amount
        from stage_changes
        where change_time <= cast(:as_of as timestamptz) {within}
        order by opportunity, number desc
    ) as latest
    where currency is not null
    group by to_stage, currency
    order by to_stage, currency
"""

_WITHIN = f"and opportunity in (select o.id from opportunities o where {condition('o.org')})"  # noqa: S608 - constants
_ALL = (text(_STAYS.format(within="")), text(_AMOUNTS.format(within="")))
_PART = (text(_STAYS.format(within=_WITHIN)), text(_AMOUNTS.format(within=_WITHIN)))


class FunnelStore:
    """Counts the history."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def count(self, window: Window, *, org: str = "") -> list[FunnelStage]:
        """One row per stage of the table, in its order; of what belongs to a part of the organisation, if given."""
        of_stays, of_amounts = _PART if org else _ALL
        part = {"org": org} if org else {}
        asked = {"start": window.start, "until": window.end, "as_of": window.as_of, "way": list(STAGES.way)}
        stays = {row.stage: row for row in self._connection.execute(of_stays, {**asked, **part})}
        amounts = self._amounts(of_amounts, {"as_of": window.as_of, **part})
        counted = []
        for stage in STAGES.all:
            row = stays.get(stage.key)
            mean_time = row.mean_time if row and not STAGES.is_final(stage.key) else None
            entered, advanced, staying = (row.entered, row.advanced, row.staying) if row else (0, 0, 0)
            counted.append(FunnelStage(stage.key, entered, advanced, mean_time, staying, tuple(amounts[stage.key])))
        return counted

    def _amounts(self, statement: TextClause, asked: Mapping[str, object]) -> dict[str, list[Money]]:
        amounts: dict[str, list[Money]] = defaultdict(list)
        for row in self._connection.execute(statement, asked):
            amounts[row.stage].append(Money(int(row.amount), row.currency))
        return amounts
