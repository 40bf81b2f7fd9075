"""Points for a birthday, once a year, and for a complete profile, once."""

from __future__ import annotations

from calendar import isleap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from services.members.domain.member import Profile

_LEAP_DAY = "02-29"


class LeapDay(StrEnum):
    """When those born on the 29th of February celebrate in years that have none."""

    FEBRUARY_28 = "FEBRUARY_28"
    MARCH_1 = "MARCH_1"


class Celebration(NamedTuple):
    """A day, and the birthdays (each as `02-28`) that are celebrated on it."""

    day: date
    birthdays: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BirthdayRules:
    """So many points on each birthday."""

    points: int
    leap_day: LeapDay = LeapDay.FEBRUARY_28

    def celebrated(self, day: date) -> Celebration:
        """Which birthdays are celebrated on a day."""
        birthday = f"{day:%m-%d}"
        instead = "02-28" if self.leap_day is LeapDay.FEBRUARY_28 else "03-01"
        born = (birthday, _LEAP_DAY) if birthday == instead and not isleap(day.year) else (birthday,)
        return Celebration(day, born)

    def lately(self, today: date, days: int) -> Sequence[Celebration]:
        """The celebrations of today and of so many days before, for a sweep that was away."""
        return [self.celebrated(today - timedelta(days=ago)) for ago in range(days, -1, -1)]


class ProfileField(StrEnum):
    """A field of a profile that can be asked for, by the name that it has there."""

    DISPLAY_NAME = "display_name"
    PHONE = "phone"
    EMAIL = "email"
    BIRTHDAY = "birthday"
    HOME_STORE = "home_store"


@dataclass(frozen=True, slots=True)
class ProfileRules:
    """So many points when all of these fields are filled."""

    points: int
    fields: tuple[ProfileField, ...]

    def complete(self, profile: Profile) -> bool:
        """Whether a profile has all that is asked for."""
        return all(getattr(profile, field) for field in self.fields)
