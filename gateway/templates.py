"""Path templates of `google.api.http`, for example `/v1/{parent=members/*}/holds` or `/v1/{name=orders/*}:cancel`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PIECE = re.compile(r"\{(?P<field>[a-z0-9_.]+)(?:=(?P<pattern>[^}]*))?\}|(?P<text>[^{}]+)")
# An id never holds a colon: what follows one is the custom verb.
_WILDCARDS = {"*": "[^/:]+", "**": "[^:]+"}


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that a path must have as it stands."""

    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A part of the path that fills a field: `members/*` for `{name=members/*}`."""

    field: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Template:
    """A path template, cut into its literals and variables."""

    text: str
    parts: tuple[Literal | Variable, ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Read a template; `ValueError` if it isn't one."""
        parts: list[Literal | Variable] = []
        end = 0
        for match in _PIECE.finditer(text):
            if match.start() != end:
                break
            parts.append(_part(match))
            end = match.end()
        if end != len(text) or not text.startswith("/"):
            raise ValueError(f"{text!r} is no path template")
        return cls(text, tuple(parts))

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The fields that the path fills."""
        return tuple(part for part in self.parts if isinstance(part, Variable))

    @property
    def shape(self) -> str:
        """The template without the names of its fields: two templates of one shape match the same paths."""
        return "".join(part.text if isinstance(part, Literal) else part.pattern for part in self.parts)

    @property
    def regex(self) -> str:
        """A regular expression (RE2) that matches exactly the paths of the template."""
        pieces = re.split(r"(\*\*|\*)", self.shape)
        return "".join(_WILDCARDS.get(piece) or re.escape(piece) for piece in pieces)


def _part(match: re.Match[str]) -> Literal | Variable:
    if match["text"] is not None:
        return Literal(match["text"])
    return Variable(match["field"], match["pattern"] or "*")
