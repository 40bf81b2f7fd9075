"""Conditions in the Common Expression Language (https://cel.dev), narrowed to what can neither fail nor run long.

A condition is checked when somebody writes it and evaluated by the `cel` library when it is used. The check knows the
declared variables and accepts a part of the language: comparisons, `in`, `&&`, `||`, `!`, sums, the remainder by a
literal, the texts' `startsWith`, `endsWith` and `contains`, `size`, and `exists` and `all` over a list, not nested. No
multiplication, so that no sum of 1,000 characters can overflow; no index, regular expression or conversion, so that
nothing can be missing or malformed. What passes the check always answers true or false, within the product of its
length and the longest list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import Any, NamedTuple

MAX_LENGTH = 1_000
"""Characters of a condition. The library's parser would also take what is deep enough to exhaust its stack."""

_MAX_DEPTH = 20


class Mistake(Exception):
    """Why a text is no condition; `position` is the character that it was noticed at, from 1."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(message)
        self.position = position
        self.message = message


@dataclass(frozen=True, slots=True)
class Scalar:
    """A truth, a whole number or a text."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class List:
    """A list whose items are all of one type."""

    item: Type

    def __str__(self) -> str:
        return f"list of {self.item}"


@dataclass(frozen=True, slots=True)
class Record:
    """Named fields, all of them always there."""

    fields: Mapping[str, Type] = field(hash=False)

    def __str__(self) -> str:
        return "record"


Type = Scalar | List | Record
BOOL, INT, STRING = Scalar("bool"), Scalar("int"), Scalar("string")


class Context:
    """Values of all declared variables, ready to be used by any number of conditions."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    @cached_property
    def compiled(self) -> Any:
        """The values as the library wants them; built once, for it costs more than a condition."""
        return _library().Context(dict(self._values))


class Condition:
    """A condition that has passed the check."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._program = _library().compile(source)

    def holds(self, context: Context) -> bool:
        """Whether it is true of these values."""
        return self._program.execute(context.compiled) is True


class Language:
    """What conditions may speak of: the types of the variables."""

    def __init__(self, variables: Mapping[str, Type]) -> None:
        self._variables = dict(variables)

    def compile(self, source: str) -> Condition:
        """The condition that a text states. Raises a Mistake when it states none."""
        self.check(source)
        return Condition(source)

    def check(self, source: str) -> None:
        """Raise a Mistake unless the text states a condition."""
        if len(source) > MAX_LENGTH:
            raise Mistake(MAX_LENGTH + 1, f"must have at most {MAX_LENGTH} characters")
        _Check(_tokens(source), self._variables).whole()


class _Token(NamedTuple):
    kind: str
    text: str
    position: int


_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<int>(?:0|[1-9][0-9]{0,14})(?![\w.]))
      | (?P<string>"[^"\\\n\r]*"|'[^'\\\n\r]*')
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign>&&|\|\||==|!=|<=|>=|[<>!+%.,()\[\]-])""",
    re.VERBOSE | re.ASCII,
)
_RESERVED = re.compile(
    "as|break|const|continue|else|false|for|function|if|import|in|let|loop|namespace|null|package|return|true|var|"
    "void|while"
)


def _tokens(source: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while position < len(source):
        match = _TOKEN.match(source, position)
        if match is None:
            raise Mistake(position + 1, f"{source[position]!r} can't stand here")
        if match.lastgroup and match.lastgroup != "space":
            tokens.append(_Token(match.lastgroup, match[0], position + 1))
        position = match.end()
    return [*tokens, _Token("end", "", len(source) + 1)]


class _Check:
    """Reads the tokens by the grammar of CEL, from the loosest operator to the tightest, and answers types."""

    def __init__(self, tokens: list[_Token], variables: Mapping[str, Type]) -> None:
        self._tokens = tokens
        self._variables = dict(variables)
        self._next = 0
        self._depth = 0
        self._in_macro = False

    def whole(self) -> None:
        """Read all of it. Raises a Mistake unless it is one condition."""
        start = self._peek()
        found = self._either()
        if self._peek().kind != "end":
            raise self._unexpected()
        self._want(BOOL, found, start)

    def _either(self) -> Type:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Mistake(self._peek().position, f"must not be nested deeper than {_MAX_DEPTH}")
        found = self._joined("||", lambda: self._joined("&&", self._relation))
        self._depth -= 1
        return found

    def _joined(self, sign: str, part: Any) -> Type:
        start = self._peek()
        found: Type = part()
        while self._peek().text == sign:
            self._want(BOOL, found, start)
            self._take()
            start = self._peek()
            found = part()
            self._want(BOOL, found, start)
        return found

    def _relation(self) -> Type:
        left = self._sum()
        sign = self._peek()
        if sign.text not in ("==", "!=", "<", "<=", ">", ">=", "in") or sign.kind == "string":
            return left
        self._take()
        right = self._sum()
        if sign.text == "in":
            if not isinstance(left, Scalar) or right != List(left):
                raise Mistake(sign.position, f"in needs a value and a list of such, not {left} and {right}")
        elif not isinstance(left, Scalar) or left != right:
            raise Mistake(sign.position, f"{sign.text} needs two of bool, int or string, not {left} and {right}")
        elif left == BOOL and sign.text not in ("==", "!="):
            raise Mistake(sign.position, f"{sign.text} needs two of int or string")
        return BOOL

    def _sum(self) -> Type:
        start = self._peek()
        found = self._remainder()
        while self._peek().text in ("+", "-") and self._peek().kind == "sign":
            self._want(INT, found, start)
            self._take()
            start = self._peek()
            found = self._remainder()
            self._want(INT, found, start)
        return found

    def _remainder(self) -> Type:
        start = self._peek()
        found = self._unary()
        while self._peek().text == "%" and self._peek().kind == "sign":
            self._want(INT, found, start)
            self._take()
            divisor = self._take()
            if divisor.kind != "int" or divisor.text == "0":
                raise Mistake(divisor.position, "the remainder needs a number above 0 here")
        return found

    def _unary(self) -> Type:
        sign = self._peek()
        if sign.kind != "sign" or sign.text not in ("!", "-"):
            return self._postfix(self._primary())
        self._take()
        start = self._peek()
        if start.kind == "sign" and start.text in ("!", "-"):
            raise self._unexpected()
        wanted = BOOL if sign.text == "!" else INT
        self._want(wanted, self._unary(), start)
        return wanted

    def _primary(self) -> Type:
        token = self._take()
        if token.kind == "int":
            return INT
        if token.kind == "string":
            return STRING
        if token.kind == "name":
            return self._named(token)
        if token.text == "(":
            found = self._either()
            self._expect(")")
            return found
        if token.text == "[":
            return self._list()
        self._next -= 1
        raise self._unexpected()

    def _named(self, token: _Token) -> Type:
        if token.text in ("true", "false"):
            return BOOL
        if token.text in self._variables:
            return self._variables[token.text]
        if token.text == "size" and self._peek().text == "(":
            self._take()
            self._sized(self._either(), token)
            self._expect(")")
            return INT
        raise Mistake(token.position, f"{token.text} is not known; there are {_names(self._variables)}")

    def _list(self) -> Type:
        start = self._peek()
        item = self._sum()
        if not isinstance(item, Scalar):
            raise Mistake(start.position, "a list holds bool, int or string")
        while self._peek().text == ",":
            self._take()
            token = self._peek()
            self._want(item, self._sum(), token)
        self._expect("]")
        return List(item)

    def _postfix(self, found: Type) -> Type:
        while self._peek().text == "." and self._peek().kind == "sign":
            self._take()
            name = self._take()
            if name.kind != "name":
                raise Mistake(name.position, "a name is missing here")
            if self._peek().text == "(" and self._peek().kind == "sign":
                self._take()
                found = self._call(found, name)
                self._expect(")")
            elif isinstance(found, Record) and name.text in found.fields:
                found = found.fields[name.text]
            elif isinstance(found, Record):
                raise Mistake(name.position, f"there is no {name.text}; there are {_names(found.fields)}")
            else:
                raise Mistake(name.position, f"{found} has no fields")
        return found

    def _call(self, on: Type, name: _Token) -> Type:
        if name.text == "size":
            self._sized(on, name)
            return INT
        if name.text in ("startsWith", "endsWith", "contains") and on == STRING:
            start = self._peek()
            self._want(STRING, self._sum(), start)
            return BOOL
        if name.text in ("exists", "all") and isinstance(on, List):
            return self._macro(on.item)
        raise Mistake(name.position, f"{on} has no {name.text}()")

    def _macro(self, item: Type) -> Type:
        variable = self._take()
        if self._in_macro:
            raise Mistake(variable.position, "exists and all must not be nested")
        if variable.kind != "name" or _RESERVED.fullmatch(variable.text) or variable.text in self._variables:
            raise Mistake(variable.position, "a new name for the items of the list is needed here")
        self._expect(",")
        self._variables[variable.text] = item
        self._in_macro = True
        start = self._peek()
        self._want(BOOL, self._either(), start)
        self._in_macro = False
        del self._variables[variable.text]
        return BOOL

    def _sized(self, found: Type, token: _Token) -> None:
        if found != STRING and not isinstance(found, List):
            raise Mistake(token.position, f"size needs a string or a list, not {found}")

    def _want(self, wanted: Type, found: Type, token: _Token) -> None:
        if found != wanted:
            raise Mistake(token.position, f"must be {wanted}, not {found}")

    def _expect(self, text: str) -> None:
        if self._peek().kind != "sign" or self._peek().text != text:
            raise Mistake(self._peek().position, f"{text} is missing here")
        self._take()

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        if token.kind != "end":
            self._next += 1
        return token

    def _unexpected(self) -> Mistake:
        token = self._peek()
        return Mistake(token.position, f"{token.text} can't stand here" if token.text else "something is missing here")


def _names(known: Mapping[str, Type]) -> str:
    return ", ".join(sorted(known))


def _library() -> Any:
    """The library, loaded when the first condition is met: it brings the packages of its own command line along."""
    return import_module("cel")
