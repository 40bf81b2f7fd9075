"""The limits of `buf.validate` as limits of JSON schema, and in words where JSON schema has none for them."""

from __future__ import annotations

from typing import Any

from buf.validate import validate_pb2

Json = dict[str, Any]

_NUMBERS = {"gte": "minimum", "lte": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}
_WORDS = {"gte": "at least", "lte": "at most", "gt": "more than", "lt": "less than"}
_INTEGERS = ("int32", "sint32", "uint32", "fixed32", "sfixed32", "float", "double")
_LONGS = ("int64", "sint64", "uint64", "fixed64", "sfixed64")


def limits(rules: validate_pb2.FieldRules) -> Json:
    """The keywords for one value (of a list: for its items)."""
    kind = rules.WhichOneof("type")
    if kind == "string":
        return _unless_empty(_string(rules.string), rules)
    if kind in _INTEGERS:
        number = getattr(rules, kind)
        return {word: getattr(number, name) for name, word in _NUMBERS.items() if number.HasField(name)}
    return {}


def list_limits(rules: validate_pb2.FieldRules) -> Json:
    """The keywords for a list as a whole."""
    if rules.WhichOneof("type") != "repeated":
        return {}
    given = {
        "minItems": rules.repeated.min_items,
        "maxItems": rules.repeated.max_items,
        "uniqueItems": rules.repeated.unique,
    }
    return {word: value for word, value in given.items() if value}


def words(rules: validate_pb2.FieldRules) -> str:
    """Limits that JSON schema can't say: of 64-bit integers, which JSON carries as strings, and of expressions."""
    sentences = [f"Rule: {rule.message}." for rule in rules.cel]
    kind = rules.WhichOneof("type")
    if kind in _LONGS:
        number = getattr(rules, kind)
        bounds = [f"{word} {getattr(number, name):,}" for name, word in _WORDS.items() if number.HasField(name)]
        bounds += [f"not {value:,}" for value in number.not_in]
        if bounds:
            sentence = ", ".join(bounds)
            sentences.insert(0, f"{sentence[0].upper()}{sentence[1:]}.")
    return " ".join(sentences)


def _string(rules: validate_pb2.StringRules) -> Json:
    found: Json = {}
    if rules.HasField("min_len"):
        found["minLength"] = rules.min_len
    if rules.HasField("max_len"):
        found["maxLength"] = rules.max_len
    if rules.HasField("len"):
        found |= {"minLength": rules.len, "maxLength": rules.len}
    if rules.HasField("pattern"):
        found["pattern"] = _portable(rules.pattern)
    well_known = rules.WhichOneof("well_known")
    if well_known in ("email", "uuid", "uri"):
        found["format"] = well_known
    return found


def _portable(pattern: str) -> str:
    """An expression that every language's validator reads: few know classes of characters by their names."""
    control = r"[^\x00-\x1f\x7f-\x9f]"
    # These stand within brackets in our expressions. Letters and digits of all scripts are told a little too widely.
    inside = {r"\p{Cc}": r"\x00-\x1f\x7f-\x9f", r"\p{L}\p{N}": r"0-9A-Za-z\u00aa-\uffff"}
    for named, spelled in inside.items():
        pattern = pattern.replace(named, spelled)
    return pattern.replace(r"\P{Cc}", control).replace(r"\P{C}", control)


def _unless_empty(found: Json, rules: validate_pb2.FieldRules) -> Json:
    """Rules that an empty value is spared."""
    spared = rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE
    if not spared or not found.keys() - {"maxLength", "format"}:
        return found
    return {"anyOf": [{"maxLength": 0}, found]}
