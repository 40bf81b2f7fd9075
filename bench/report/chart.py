"""Two kinds of charts as SVG: bars for comparing, lines for courses. Readable on a light and on a dark page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

_WIDTH = 860
_LABEL = 430
_BAR = 18
_GAP = 6
_TOP = 40
_GOOD, _OTHER, _GREY = "#2f8f5b", "#c2603a", "#888888"
_COLOURS = ("#2f8f5b", "#3b6fb6", "#c2603a", "#8a56ac", "#b0982d", "#2c9aa0", "#a64d6d", "#6b7d3a")
_HEIGHT = 320
_MARGIN = 56

Bar = tuple[str, float, str, bool]
"""A label, a value, the value as text, and whether it is one to be proud of."""

Points = Sequence[tuple[float, float]]


def bars(title: str, found: Sequence[Bar], *, mark: float | None = None) -> str:
    """Horizontal bars; `mark` draws a line at a value."""
    height = _TOP + len(found) * (_BAR + _GAP) + 10
    room = _WIDTH - _LABEL - 80
    most = max([value for _, value, _, _ in found] + ([mark] if mark else [])) or 1.0

    def drawn() -> Iterator[str]:
        for place, (label, value, text, good) in enumerate(found):
            y = _TOP + place * (_BAR + _GAP)
            long = max(1.0, value / most * room)
            yield _text(_LABEL - 8, y + _BAR - 5, label, anchor="end")
            yield f'<rect x="{_LABEL}" y="{y}" width="{long:.1f}" height="{_BAR}" fill="{_GOOD if good else _OTHER}"/>'
            yield _text(_LABEL + long + 6, y + _BAR - 5, text)
        if mark is not None:
            x = _LABEL + mark / most * room
            yield _line((x, _TOP - 6), (x, height - 8), 'stroke-dasharray="4 3"')

    return _svg(title, height, drawn())


def lines(title: str, series: Mapping[str, Points]) -> str:
    """A line for each series over the same axes, the seconds below."""
    everything = [point for points in series.values() for point in points]
    right = max((x for x, _ in everything), default=1.0) or 1.0
    most = _rounded(max((y for _, y in everything), default=1.0))
    legend = _TOP + _HEIGHT + 30
    height = legend + 18 * math.ceil(len(series) / 3) + 6

    def place(x: float, y: float) -> str:
        return f"{_MARGIN + x / right * (_WIDTH - _MARGIN - 20):.1f},{_TOP + _HEIGHT - y / most * _HEIGHT:.1f}"

    def drawn() -> Iterator[str]:
        for part in range(5):
            value = most * part / 4
            y = _TOP + _HEIGHT - part / 4 * _HEIGHT
            yield _line((_MARGIN, y), (_WIDTH - 20, y), 'stroke-opacity="0.3"')
            yield _text(_MARGIN - 6, y + 4, f"{value:g}", anchor="end")
        yield _text(_WIDTH - 20, _TOP + _HEIGHT + 16, f"{right:.0f} s", anchor="end")
        for index, (name, points) in enumerate(series.items()):
            colour = _COLOURS[index % len(_COLOURS)]
            path = " ".join(place(x, y) for x, y in points)
            yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
            x, y = _MARGIN + index % 3 * 265, legend + index // 3 * 18
            yield f'<rect x="{x}" y="{y - 9}" width="12" height="4" fill="{colour}"/>' + _text(x + 18, y - 3, name)

    return _svg(title, height, drawn())


def _rounded(value: float) -> float:
    """The next number above that is easy to read."""
    if value <= 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(value))
    return next(times * unit for times in (1, 2, 4, 5, 8, 10) if times * unit >= value)


def _line(start: tuple[float, float], end: tuple[float, float], how: str) -> str:
    (x1, y1), (x2, y2) = start, end
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{_GREY}" {how}/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(title: str, height: int, drawn: Iterator[str]) -> str:
    style = f"text{{font:12px sans-serif;fill:{_GREY}}}.title{{font:bold 15px sans-serif}}"
    size = f'width="{_WIDTH}" height="{height}"'
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {_WIDTH} {height}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{style}</style>",
            f'<text class="title" x="8" y="22">{escape(title)}</text>',
            *drawn,
            "</svg>\n",
        )
    )
