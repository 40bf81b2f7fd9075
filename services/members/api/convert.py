"""Members' messages and what the use-cases take and answer."""

from __future__ import annotations

from datetime import UTC, timedelta
from uuid import UUID

from google.type.date_pb2 import Date
from kehu.members.v1 import members_pb2 as pb

from kit import names
from kit.errors import Fault
from kit.masking import mask_number
from kit.posting import Lot
from kit.rpc.convert import etag, instant, masked_fields, wire_instant, wire_money
from services.members.api.programme import programme_asked, programme_name
from services.members.domain.hold import Hold
from services.members.domain.loyalty_card import LoyaltyCard
from services.members.domain.member import Identifier, Identity, Member, Profile, external, parse_email
from services.members.domain.phone import parse_phone
from services.members.domain.points import Posted, Wallet
from services.members.domain.programme import DEFAULT
from services.members.domain.tier import TierChange
from services.members.usecases.hold import ConfirmHold, HoldKey, PlaceHold, ReleaseHold
from services.members.usecases.member import Enroll, EnrolledRow, RowState, Shown, UpdateMember
from services.members.usecases.points import Accrue, LotsAsked, Spend

_MEMBER_FIELDS = ("display_name", "phone", "email", "card_number", "identities", "home_store", "birthday", "org")
_MEMBER_OUTPUT = (
    "name",
    "enroll_time",
    "tier",
    "tier_expire_time",
    "create_time",
    "update_time",
    "loyalty_cards",
    "tags",
    "state",
    "erase_time",
    "merged_members",
    "etag",
)
_TTL = timedelta(minutes=30)
_ROW_STATES = {state: pb.EnrollResult.State.Value(f"STATE_{state}") for state in RowState}


def member_id(name: str, *, field: str = "name") -> UUID:
    """The id in `members/{member}`."""
    return names.id_of("members", name, field=field)


def balance_of(request: pb.GetBalanceRequest) -> tuple[UUID, str]:
    """The member whose balance is asked for, and the programme."""
    return names.parse("members/{member}/balance", request.name)["member"], programme_asked(request.programme)


def enroll(request: pb.EnrollMemberRequest) -> Enroll:
    """Read a request to enrol; the new member gets its id here."""
    member = request.member
    time = instant(member.enroll_time, field="member.enroll_time") if member.HasField("enroll_time") else None
    return Enroll(names.new_id(), _profile(member), time)


def enroll_rows(request: pb.BatchEnrollRequest) -> list[Enroll]:
    """Read the rows of a batch."""
    return [_row(index, row) for index, row in enumerate(request.rows)]


def identifier(request: pb.LookupMemberRequest) -> Identifier:
    """What a look-up goes by, in the form in which it is kept."""
    match request.WhichOneof("key"):
        case "phone":
            return Identifier("phone", "", parse_phone(request.phone))
        case "email":
            return Identifier("email", "", parse_email(request.email))
        case "card_number":
            return Identifier("card", "", request.card_number)
        case _:
            return external(Identity(request.identity.channel, request.identity.external_id))


def update_member(request: pb.UpdateMemberRequest) -> UpdateMember:
    """Read a change of a member."""
    member = request.member
    fields = masked_fields(member, request.update_mask, mutable=_MEMBER_FIELDS, output_only=_MEMBER_OUTPUT)
    return UpdateMember(member_id(member.name, field="member.name"), fields, _profile(member), _version(member.etag))


def accrue(request: pb.AccruePointsRequest) -> Accrue:
    """Read a request to give points."""
    time = instant(request.effective_time, field="effective_time") if request.HasField("effective_time") else None
    programme = programme_asked(request.programme)
    return Accrue(member_id(request.parent, field="parent"), request.points, request.source, time, programme)


def spend(request: pb.SpendPointsRequest) -> Spend:
    """Read a request to take points."""
    programme = programme_asked(request.programme)
    return Spend(member_id(request.parent, field="parent"), request.points, request.source, programme)


def place_hold(request: pb.CreateHoldRequest) -> PlaceHold:
    """Read a request to set points aside; the new hold gets its id here."""
    ttl = request.ttl.ToTimedelta() if request.HasField("ttl") else _TTL
    member = member_id(request.parent, field="parent")
    programme = programme_asked(request.programme)
    return PlaceHold(names.new_id(), member, request.hold.points, request.source, ttl, programme)


def confirm_hold(request: pb.ConfirmHoldRequest) -> ConfirmHold:
    """Read a request to spend held points."""
    ids = names.parse("members/{member}/holds/{hold}", request.name)
    return ConfirmHold(ids["member"], ids["hold"], request.points)


def release_hold(request: pb.ReleaseHoldRequest) -> ReleaseHold:
    """Read a request to give held points back."""
    ids = names.parse("members/{member}/holds/{hold}", request.name)
    return ReleaseHold(ids["member"], ids["hold"])


def hold_of(request: pb.GetHoldRequest) -> HoldKey:
    """Which hold is asked for."""
    ids = names.parse("members/{member}/holds/{hold}", request.name)
    return HoldKey(ids["member"], ids["hold"])


def member(shown: Shown, *, full: bool = True) -> pb.Member:
    """Show a member; unless in `full`, with what is personal masked."""
    known = shown.member
    profile = known.profile if full else known.profile.masked()
    wire = pb.Member(
        name=names.join("members", known.id),
        display_name=profile.display_name,
        phone=profile.phone,
        email=profile.email,
        card_number=profile.card_number,
        identities=[pb.Identity(channel=each.channel, external_id=each.external_id) for each in profile.identities],
        home_store=profile.home_store,
        birthday=_wire_birthday(profile.birthday) if profile.birthday else None,
        loyalty_cards=[loyalty_card(known.id, card, full=full) for card in known.cards],
        tags=known.tags,
        org=profile.org,
        tier=shown.tier,
        state=pb.Member.STATE_ERASED if known.erase_time else pb.Member.STATE_ACTIVE,
        merged_members=[_merged(each, full=full) for each in known.merged],
        etag=etag(known.version),
    )
    _times(wire, known)
    if shown.tier_expire_time is not None:
        wire.tier_expire_time.FromDatetime(shown.tier_expire_time)
    return wire


def _merged(known: Member, *, full: bool) -> pb.MergedMember:
    profile = known.profile if full else known.profile.masked()
    return pb.MergedMember(
        member=names.join("members", known.id),
        display_name=profile.display_name,
        phone=profile.phone,
        email=profile.email,
        birthday=_wire_birthday(profile.birthday) if profile.birthday else None,
        identities=[pb.Identity(channel=each.channel, external_id=each.external_id) for each in profile.identities],
        loyalty_cards=[loyalty_card(known.id, card, full=full) for card in known.cards],
    )


def loyalty_card(member: UUID, card: LoyaltyCard, *, full: bool = True) -> pb.LoyaltyCard:
    """Show a card of a member; unless in `full`, with its number masked."""
    return pb.LoyaltyCard(
        name=names.join("members", member, "loyaltyCards", str(card.ordinal)),
        number=card.number if full else mask_number(card.number),
        state=pb.LoyaltyCard.State.Value(f"STATE_{card.state}"),
        issue_time=wire_instant(card.issue_time),
        end_time=wire_instant(card.end_time) if card.end_time else None,
    )


def enroll_results(outcomes: list[EnrolledRow | Fault]) -> pb.BatchEnrollResponse:
    """Show what became of each row."""
    return pb.BatchEnrollResponse(results=[_result(outcome) for outcome in outcomes])


def tier_change(change: TierChange) -> pb.TierChange:
    """Show a change of tier."""
    return pb.TierChange(
        from_tier=change.from_tier,
        to_tier=change.to_tier,
        change_time=wire_instant(change.time),
        manual=change.manual,
    )


def balance(wallet: Wallet, programme: str = DEFAULT) -> pb.Balance:
    """Show a balance."""
    own = ("balance",) if programme == DEFAULT else ("balances", programme)
    return pb.Balance(
        name=names.join("members", wallet.member, *own),
        available=wallet.available,
        held=wallet.held,
        receivable=wallet.receivable,
        pending=wallet.pending,
    )


def lots_asked(request: pb.ListLotsRequest) -> LotsAsked:
    """Read which lots are asked for."""
    time = instant(request.as_of_time, field="as_of_time") if request.HasField("as_of_time") else None
    before = instant(request.expire_before, field="expire_before") if request.HasField("expire_before") else None
    programme = programme_asked(request.programme)
    return LotsAsked(member_id(request.parent, field="parent"), time, before, programme)


def lot_position(known: Lot) -> tuple[str, ...]:
    """Where a lot stands in the order of spending; texts in this form sort as what they say does."""
    endless, first, granted, id_ = known.order
    return str(int(endless)), first.astimezone(UTC).isoformat(), granted.astimezone(UTC).isoformat(), str(id_)


def lot(known: Lot, programme: str) -> pb.Lot:
    """Show a lot of a programme."""
    return pb.Lot(
        name=names.join("members", known.owner, "lots", known.id),
        source=known.source,
        granted=known.granted,
        pending=known.pending,
        available=known.available,
        held=known.held,
        grant_time=wire_instant(known.grant_time),
        available_time=wire_instant(known.available_time) if known.available_time else None,
        expire_time=wire_instant(known.expire_time) if known.expire_time else None,
        programme=programme_name(programme),
    )


def entry(posted: Posted) -> pb.Entry:
    """Show an entry."""
    return pb.Entry(
        name=names.join("members", posted.member, "entries", str(posted.id)),
        kind=pb.Entry.Kind.Value(f"KIND_{posted.cause.kind}"),
        debit_account=pb.Entry.Account.Value(f"ACCOUNT_{posted.debit.upper()}"),
        credit_account=pb.Entry.Account.Value(f"ACCOUNT_{posted.credit.upper()}"),
        points=posted.points,
        source=posted.cause.source,
        effective_time=wire_instant(posted.cause.time),
        create_time=wire_instant(posted.create_time),
        lot=names.join("members", posted.member, "lots", posted.lot) if posted.lot else "",
    )


def hold(known: Hold) -> pb.Hold:
    """Show a hold."""
    return pb.Hold(
        name=names.join("members", known.member, "holds", known.id),
        points=known.points,
        value=wire_money(known.value),
        confirmed_points=known.confirmed,
        state=pb.Hold.State.Value(f"STATE_{known.state}"),
        source=known.source,
        create_time=wire_instant(known.create_time),
        expire_time=wire_instant(known.expire_time),
        end_time=wire_instant(known.end_time) if known.end_time else None,
        returned_points=known.returned,
        programme=programme_name(known.programme),
    )


def _profile(wire: pb.Member) -> Profile:
    return Profile(
        display_name=wire.display_name,
        phone=wire.phone,
        email=wire.email,
        card_number=wire.card_number,
        home_store=wire.home_store,
        birthday=_birthday(wire),
        org=wire.org,
        identities=tuple(Identity(each.channel, each.external_id) for each in wire.identities),
    )


def _birthday(wire: pb.Member | pb.EnrollRow) -> str:
    """The day in the domain's form, whatever the numbers are: the domain judges them."""
    if not wire.HasField("birthday"):
        return ""
    day = wire.birthday
    return f"{day.year:04}-{day.month:02}-{day.day:02}"


def _wire_birthday(text: str) -> Date:
    year, month, day = map(int, text.split("-"))
    return Date(year=year, month=month, day=day)


def _row(index: int, row: pb.EnrollRow) -> Enroll:
    profile = Profile(
        display_name=row.display_name,
        phone=row.phone,
        email=row.email,
        card_number=row.card_number,
        home_store=row.home_store,
        birthday=_birthday(row),
        org=row.org,
        identities=(Identity(row.channel, row.external_id),),
    )
    time = instant(row.enroll_time, field=f"rows[{index}].enroll_time") if row.HasField("enroll_time") else None
    return Enroll(names.new_id(), profile, time)


def _result(outcome: EnrolledRow | Fault) -> pb.EnrollResult:
    if isinstance(outcome, Fault):
        return pb.EnrollResult(state=pb.EnrollResult.STATE_REJECTED, reason=outcome.reason, message=outcome.message)
    return pb.EnrollResult(state=_ROW_STATES[outcome.state], member=names.join("members", outcome.member))


def _version(given: str) -> int | None:
    """The version that an etag stands for; None when no etag is given, and one that never was for a foreign etag."""
    if not given:
        return None
    try:
        version = int(given.strip('"'), 16)
    except ValueError:
        return -1
    return version if etag(version) == given else -1


def _times(wire: pb.Member, known: Member) -> None:
    wire.enroll_time.FromDatetime(known.enroll_time)
    wire.create_time.FromDatetime(known.create_time)
    wire.update_time.FromDatetime(known.update_time)
    if known.erase_time is not None:
        wire.erase_time.FromDatetime(known.erase_time)
