"""What the use-cases need of a unit of work. `storage` provides it without knowing of this."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.merges import Link
from kit.page import Page
from services.campaigns.domain.automation import Automation, Run
from services.campaigns.domain.coupon import Coupon, State
from services.campaigns.domain.coupon_template import CouponTemplate, Terms
from services.campaigns.domain.events import SegmentEntered, SegmentLeft
from services.campaigns.domain.profile import Bounds, Key, Profile, Spending
from services.campaigns.domain.purchase import Change, Purchase
from services.campaigns.domain.redemption import Refused
from services.campaigns.domain.rfm import Cell, Standing
from services.campaigns.domain.rule import Rule
from services.campaigns.domain.segment import Membership, Segment


class Members(Protocol):
    """What is stored of members beside what is theirs: who stands for whom, who was erased."""

    def keep(self) -> None:
        """Let nobody be merged until the transaction ends; many may hold this at once.

        Whoever stores something for a member takes this before any row: a merge can't move what it does not see yet.
        """

    def change(self) -> None:
        """Wait for those who keep the members, and change them alone."""

    def roots(self, members: Collection[UUID]) -> dict[UUID, UUID]:
        """Who stands for those of the members that were merged into others."""

    def link(self, links: Sequence[Link]) -> set[UUID]:
        """Store the newest links, sorted by member; answers whose were news."""

    def family(self, members: Collection[UUID]) -> tuple[dict[UUID, Link], dict[UUID, UUID]]:
        """The links of the members and of all that are linked with them; and their roots, as they were stored."""

    def move(self, roots: Mapping[UUID, UUID]) -> None:
        """Store who stands for members now, and give what came under their names to those."""

    def erase(self, members: Collection[UUID], now: datetime) -> set[UUID]:
        """Store that members were erased; answers those of whom that is news."""

    def erased(self, members: Collection[UUID]) -> set[UUID]:
        """Which of the members were erased."""


class CouponTemplates(Protocol):
    """The stored coupon templates."""

    def add(self, template: CouponTemplate) -> None:
        """Store a new template."""

    def save(self, template: CouponTemplate) -> None:
        """Store a changed template, all but its counters."""

    def find(self, template: UUID) -> CouponTemplate | None:
        """A template, if there is one."""

    def find_all(self, templates: Collection[UUID]) -> dict[UUID, CouponTemplate]:
        """The templates that exist, by id."""

    def lock(self, templates: Collection[UUID]) -> dict[UUID, CouponTemplate]:
        """As `find_all`, and nobody else counts them until the transaction ends. Locked in sorted order."""

    def page(self, page: Page, *, org: str = "") -> list[CouponTemplate]:
        """A page of templates, newest first; of a part of the organisation, if given."""

    def budgets(self, now: datetime) -> dict[str, int]:
        """What is left of the budgets of templates that can still be issued, in minor units by currency."""

    def count(self, issued: Mapping[UUID, int], expired: Mapping[UUID, int]) -> None:
        """Add to the counters of locked templates. Raises a Fault when that would pass a limit."""


class Coupons(Protocol):
    """The stored coupons."""

    def add(self, coupons: Sequence[Coupon]) -> None:
        """Store new coupons."""

    def save(self, coupons: Sequence[Coupon]) -> None:
        """Store changed coupons, which must be locked."""

    def find(self, coupon: UUID) -> Coupon | None:
        """A coupon, if there is one."""

    def lock(self, coupons: Collection[UUID]) -> dict[UUID, Coupon]:
        """The coupons that exist; nobody else changes them until the transaction ends. Locked in sorted order."""

    def overdue(self, now: datetime, limit: int) -> list[Coupon]:
        """Coupons whose validity or lock has ended, locked; those that somebody else works on are left out."""

    def page(
        self,
        page: Page,
        *,
        member: UUID | None = None,
        template: UUID | None = None,
        state: State | None = None,
        org: str = "",
    ) -> list[Coupon]:
        """A page of coupons, newest first; of templates of a part of the organisation, if given."""

    def caused(self, wanted: Collection[tuple[UUID, UUID, str]]) -> list[Coupon]:
        """The coupons that were issued from a template to a member for a cause."""

    def held(self, pairs: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], int]:
        """How many coupons of a template a member got, void ones not counted."""

    def lock_all(self, members: Collection[UUID]) -> dict[UUID, Coupon]:
        """The coupons that were issued to members, whatever their state, locked in sorted order."""

    def forget(self, members: Collection[UUID]) -> None:
        """Clear what people wrote about why coupons, which must be locked, were issued to members; the causes of the
        house stay."""

    def with_terms(self, coupons: Collection[UUID]) -> dict[UUID, tuple[Coupon, Terms]]:
        """The coupons that exist, with the terms of their templates."""


class ReturnedOrders(Protocol):
    """The stored orders of which nothing is left. Whoever reads or adds one holds the locks of its coupons."""

    def add(self, orders: Collection[UUID], now: datetime) -> set[UUID]:
        """Keep that orders gave their coupons back; answers those of which that is news."""

    def among(self, orders: Collection[UUID]) -> set[UUID]:
        """Which of the orders gave their coupons back."""


class Purchases(Protocol):
    """The stored purchases."""

    def record(self, purchases: Sequence[Purchase]) -> list[Change]:
        """Store the newest states of orders, sorted by order; answers those that were news."""

    def bounds(self, keys: Collection[Key]) -> dict[Key, Bounds]:
        """When the first and the last purchase that counts were paid, by member and currency."""


class Profiles(Protocol):
    """The stored profiles. Whoever changes a profile or a membership holds the profile's row lock."""

    def touch(self, members: Sequence[UUID], now: datetime) -> list[Profile]:
        """Lock the profiles of `members`, sorted, with their next version; those missing come into being. Who is gone
        is found anew."""

    def find(self, member: UUID) -> Profile | None:
        """A member's profile, if there is one."""

    def lock_after(self, member: UUID | None, limit: int) -> list[Profile]:
        """Lock the next profiles after `member`, in the order of members."""

    def lock_due(self, now: datetime, limit: int) -> list[Profile]:
        """Lock profiles that are to be judged again; those that somebody else works on are left out."""

    def advance(self, members: Collection[UUID]) -> None:
        """Give locked profiles their next version."""

    def plan(self, due_times: Mapping[UUID, datetime | None]) -> None:
        """Set when locked profiles are to be judged again."""

    def save(self, changed: Sequence[Spending]) -> None:
        """Store the spendings of locked profiles."""

    def known(self, members: Collection[UUID]) -> set[UUID]:
        """Which of the members have a profile, or purchases that one is to be made of."""

    def recount(self, members: Collection[UUID]) -> None:
        """Make the spendings of members anew of all their purchases, which nobody else changes meanwhile."""


class Segments(Protocol):
    """The stored segments."""

    def keep_rules(self) -> None:
        """Let no rule change until the transaction ends; many may hold this at once.

        A member whose judgement is not committed yet is invisible to the build that a new rule starts, so the rule
        must wait for it.
        """

    def change_rules(self) -> None:
        """Wait for those who keep the rules, and change them alone."""

    def add(self, segment: Segment) -> None:
        """Store a new segment."""

    def save(self, segment: Segment) -> None:
        """Store a changed segment; a new rule is built from the first member on."""

    def find(self, segment: UUID) -> Segment | None:
        """A segment, if there is one."""

    def lock(self, segment: UUID) -> Segment | None:
        """As `find`, and nobody else changes it until the transaction ends."""

    def page(self, page: Page) -> list[Segment]:
        """A page of segments, newest first."""

    def all(self) -> list[Segment]:
        """Every segment."""

    def lock_unbuilt(self) -> tuple[Segment, UUID | None] | None:
        """The segment that has waited longest for its build, locked, and the last member who was judged, if any."""

    def built(self, segment: Segment, up_to: UUID | None) -> None:
        """Note the last member who was judged; None when all have been."""

    def inside(self, members: Sequence[UUID]) -> dict[UUID, set[UUID]]:
        """The segments that members are in, by member."""

    def enter(self, entered: Collection[SegmentEntered]) -> None:
        """Store new memberships."""

    def leave(self, left: Collection[SegmentLeft]) -> None:
        """Remove memberships."""

    def members(self, segment: UUID, page: Page) -> list[Membership]:
        """A page of a segment's members, by id."""

    def count(self, rule: Rule, now: datetime) -> tuple[int, int]:
        """How many members satisfy a rule, and how many have a profile."""


class Automations(Protocol):
    """The stored automations."""

    def add(self, automation: Automation) -> None:
        """Store a new automation."""

    def save(self, automation: Automation) -> None:
        """Store a changed automation."""

    def find(self, automation: UUID) -> Automation | None:
        """An automation, if there is one."""

    def lock(self, automation: UUID) -> Automation | None:
        """As `find`, and nobody else changes it until the transaction ends."""

    def page(self, page: Page) -> list[Automation]:
        """A page of automations, newest first."""

    def of_segments(self, segments: Collection[UUID]) -> list[Automation]:
        """The automations of these segments, oldest first."""

    def granted(self, automations: Collection[UUID], members: Collection[UUID]) -> set[tuple[UUID, UUID]]:
        """Which of the members had their coupon from which of the automations."""

    def add_runs(self, runs: Sequence[Run]) -> None:
        """Store what automations did."""

    def runs(self, automation: UUID, page: Page) -> list[Run]:
        """A page of what an automation did, newest first."""


class Redemptions(Protocol):
    """The stored redemptions of coupons."""

    def claim(self, redemptions: Collection[UUID], now: datetime) -> set[UUID]:
        """Keep that redemptions are delivered; answers those of which nothing was kept before."""

    def refuse(self, refused: Sequence[Refused]) -> None:
        """Keep that claimed redemptions can't be delivered."""

    def attach(self, coupons: Mapping[UUID, UUID]) -> None:
        """Keep which coupons are of which redemptions."""

    def revoke(self, redemptions: Collection[UUID], now: datetime) -> set[UUID]:
        """Keep that redemptions are taken back; answers those of which that is news, locked."""

    def revoking(self, limit: int) -> set[UUID]:
        """Redemptions that orders still have coupons of, locked; those that somebody else works on are left out."""

    def coupons(self, redemptions: Collection[UUID]) -> dict[UUID, UUID]:
        """The coupons of redemptions, each with its redemption."""

    def revoked(self, coupons: Collection[UUID]) -> set[UUID]:
        """Which of the coupons are of redemptions that are taken back."""

    def end(self, redemptions: Sequence[UUID]) -> None:
        """Keep that nothing of redemptions is left to be taken back."""


class Rfm(Protocol):
    """Scores over all members."""

    def standings(self, member: UUID, as_of: datetime | None) -> list[tuple[Spending, Standing]]:
        """What a member bought, by currency, and how that compares; only currencies with purchases that count."""

    def cells(self, currency: str, as_of: datetime | None) -> list[Cell]:
        """How many members have which scores, sorted by the scores."""


class Work(Protocol):
    """One transaction, as the use-cases see it."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def members(self) -> Members:
        """Who stands for whom."""

    @property
    def templates(self) -> CouponTemplates:
        """The coupon templates."""

    @property
    def coupons(self) -> Coupons:
        """The coupons."""

    @property
    def returned_orders(self) -> ReturnedOrders:
        """The orders that gave their coupons back."""

    @property
    def purchases(self) -> Purchases:
        """The purchases."""

    @property
    def profiles(self) -> Profiles:
        """The profiles."""

    @property
    def segments(self) -> Segments:
        """The segments."""

    @property
    def automations(self) -> Automations:
        """The automations."""

    @property
    def redemptions(self) -> Redemptions:
        """The redemptions of coupons."""

    @property
    def rfm(self) -> Rfm:
        """The comparisons of all profiles."""

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts, if the transaction commits."""

    def note(self, fact: object) -> None:
        """Count a fact, if the transaction commits; it is not published."""
