"""Where the rule of assignment stands, and the choices it made."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from kit import errors, names
from services.pipeline.domain.assignment import Assignment, Candidate, Choice, Rotation, Share, Standing, rule_of
from services.pipeline.storage.tables import assignments, rotations


class AssignmentStore:
    """Keeps the rotation and the assignments."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock_rotation(self, org: str = "") -> Rotation:
        """Where the rule stands for a part of the organisation; other assignments there wait until the transaction
        ends."""
        rule = rule_of(org)
        beginning = {"rule": rule, "period": 0, "shares": {}, "queue": []}
        self._connection.execute(upsert(rotations).values(beginning).on_conflict_do_nothing())
        query = select(rotations).where(rotations.c.rule == rule).with_for_update(key_share=True)
        row = self._connection.execute(query).one()
        shares = {UUID(rep): Share(weight, given) for rep, (weight, given) in row.shares.items()}
        return Rotation(row.period, shares, tuple(UUID(rep) for rep in row.queue), rule)

    def save_rotation(self, rotation: Rotation) -> None:
        """Keep where the rule stands now."""
        shares = {str(rep): [share.weight, share.given] for rep, share in rotation.shares.items()}
        values = {"period": rotation.period, "shares": shares, "queue": [str(rep) for rep in rotation.queue]}
        self._connection.execute(update(rotations).where(rotations.c.rule == rotation.rule).values(values))

    def add(self, assignment: Assignment) -> None:
        """Keep a choice, with all that the rule saw."""
        choice = assignment.choice
        row = {
            "lead": assignment.lead,
            "owner": choice.owner,
            "rule": choice.rule,
            "period": choice.period,
            "sequence": choice.sequence,
            "reason": choice.reason,
            "candidates": [[str(each.rep), each.weight, each.given, each.standing.value] for each in choice.candidates],
            "assign_time": assignment.assign_time,
        }
        self._connection.execute(insert(assignments).values(row))

    def get(self, lead: UUID) -> Assignment:
        """How the lead came to its owner. Raises NOT_FOUND while it has none."""
        row = self._connection.execute(select(assignments).where(assignments.c.lead == lead)).one_or_none()
        if row is None:
            raise errors.not_found(names.join("leads", lead, "assignment"))
        candidates = tuple(
            Candidate(UUID(rep), weight, given, Standing(standing)) for rep, weight, given, standing in row.candidates
        )
        choice = Choice(row.owner, row.period, row.sequence, row.reason, candidates, row.rule)
        return Assignment(lead, choice, row.assign_time)
