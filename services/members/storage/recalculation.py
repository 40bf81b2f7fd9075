"""Recalculations as rows."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, text

from services.members.domain.recalculation import Recalculation

_COLUMNS = """
    id, programme, version, start_time, end_time, actor, create_time, position, purchases, changed, points, finish_time,
    state = 'FAILED'
"""
_READ = text(f"select {_COLUMNS} from recalculations where id = :id")  # noqa: S608 - constants
_RUNNING = text("select 1 from recalculations where programme = :programme and state = 'RUNNING'")
_CLAIM = text(f"""
    select {_COLUMNS} from recalculations where state = 'RUNNING' order by create_time limit 1 for update skip locked
""")  # noqa: S608 - constants
_ADD = text("""
    insert into recalculations (id, programme, version, start_time, end_time, state, purchases, changed, points, actor,
                                create_time)
    values (:id, :programme, :version, cast(:start as timestamptz), cast(:end as timestamptz), 'RUNNING', 0, 0, 0,
            :actor, cast(:create_time as timestamptz))
""")
_SAVE = text("""
    update recalculations set position = :position, purchases = :purchases, changed = :changed, points = :points,
           state = :state, finish_time = cast(:finish_time as timestamptz)
    where id = :id
""")

# Members go by their ids; what earns by this version or a newer one is done.
_MEMBERS = text("""
    select distinct p.member from purchases p
    where p.member > coalesce(cast(:position as uuid), '00000000-0000-0000-0000-000000000000')
      and p.pay_time >= cast(:start as timestamptz) and p.pay_time < cast(:end as timestamptz)
      and p.currency = :currency
      and case when :programme = 'default' then p.rules < :version
               else not exists (select 1 from earnings e where e."order" = p."order" and e.programme = :programme
                                and e.version >= :version) end
    order by p.member limit :limit
""")


class RecalculationStore:
    """Keeps recalculations."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, job: Recalculation) -> None:
        """Keep a new one."""
        self._connection.execute(
            _ADD,
            {
                "id": job.id,
                "programme": job.programme,
                "version": job.version,
                "start": job.start,
                "end": job.end,
                "actor": job.actor,
                "create_time": job.create_time,
            },
        )

    def read(self, job: UUID) -> Recalculation | None:
        """One of them."""
        row = self._connection.execute(_READ, {"id": job}).one_or_none()
        return Recalculation(*row) if row else None

    def running(self, programme: str) -> bool:
        """Whether one of the programme is under way."""
        return self._connection.execute(_RUNNING, {"programme": programme}).first() is not None

    def claim(self) -> Recalculation | None:
        """One that is under way and that nobody else advances, locked."""
        row = self._connection.execute(_CLAIM).one_or_none()
        return Recalculation(*row) if row else None

    def members(self, job: Recalculation, currency: str, limit: int) -> list[UUID]:
        """The next members with purchases to be recalculated."""
        query = {
            "position": job.position,
            "start": job.start,
            "end": job.end,
            "currency": currency,
            "programme": job.programme,
            "version": job.version,
            "limit": limit,
        }
        return list(self._connection.execute(_MEMBERS, query).scalars())

    def save(self, job: Recalculation) -> None:
        """Keep how far it is."""
        self._connection.execute(
            _SAVE,
            {
                "id": job.id,
                "position": job.position,
                "purchases": job.purchases,
                "changed": job.changed,
                "points": job.points,
                "state": "RUNNING" if job.running else "FAILED" if job.failed else "DONE",
                "finish_time": job.finish_time,
            },
        )
