"""Two kinds of plots as SVG, written directly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

FONT = 'font-family="system-ui, sans-serif" font-size="13"'
OURS, OTHERS, INK, GRID = "#1b6ac9", "#b9c0c9", "#24292f", "#d8dee4"
COLOURS = ("#1b6ac9", "#7fb2ea", "#c4570c", "#eda877")


def _svg(width: int, height: int, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" {FONT}>\n'
        f'<rect width="{width}" height="{height}" fill="white"/>\n{body}\n</svg>\n'
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{INK}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str = GRID) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def bars(title: str, panels: Mapping[str, Mapping[str, float]], ours: str) -> str:
    """Panels of horizontal bars on one logarithmic scale; names that begin with ``ours`` stand out. 1 is marked."""
    left, scale, row, top = 190, 470, 20, 34
    values = [value for panel in panels.values() for value in panel.values()]
    low, high = min([*values, 1.0]) / 1.3, max([*values, 1.0]) * 1.05

    def at(value: float) -> float:
        return left + scale * math.log(value / low) / math.log(high / low)

    parts, y = [_text(14, 24, title, bold=True)], top
    for name, panel in panels.items():
        y += 24
        parts.append(_text(14, y, name, bold=True))
        y += 8
        bottom = y + row * len(panel)
        parts.append(_line(at(1), y, at(1), bottom, INK))
        for label, value in sorted(panel.items(), key=lambda item: item[1]):
            colour = OURS if label.startswith(ours) else OTHERS
            parts.append(_text(left - 8, y + 14, label, anchor="end"))
            parts.append(
                f'<rect x="{left}" y="{y + 3}" width="{at(value) - left:.1f}" height="{row - 6}" fill="{colour}"/>'
            )
            parts.append(_text(at(value) + 6, y + 14, f"{value:.2f}"))
            y += row
    return _svg(left + scale + 60, y + 16, parts)


def lines(title: str, sizes: Sequence[int], panels: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Panels of lines over sizes on a logarithmic axis, each from 0 upwards; a flat line is linear growth."""
    left, width, height, gap = 60, 270, 150, 90
    total = 40 + len(panels) * (width + gap)
    parts = [_text(14, 24, title, bold=True)]
    for place, (name, series) in enumerate(panels.items()):
        x0, y0 = left + place * (width + gap), 60
        most = max(value for values in series.values() for value in values) * 1.15
        parts.append(_text(x0, y0 - 10, name))
        for step in range(5):
            y = y0 + height * (1 - step / 4)
            parts += [_line(x0, y, x0 + width, y), _text(x0 - 6, y + 4, f"{most * step / 4:.3g}", anchor="end")]

        def point(index: int, value: float, x0: int = x0, most: float = most) -> str:
            return f"{x0 + width * index / (len(sizes) - 1):.1f},{60 + height * (1 - value / most):.1f}"

        for index, size in enumerate(sizes):
            parts.append(_text(x0 + width * index / (len(sizes) - 1), y0 + height + 18, f"{size:,}", anchor="middle"))
        for colour, values in zip(COLOURS, series.values(), strict=False):
            track = " ".join(point(index, value) for index, value in enumerate(values))
            parts.append(f'<polyline points="{track}" fill="none" stroke="{colour}" stroke-width="2"/>')
    names = list(next(iter(panels.values())))
    for place, (colour, name) in enumerate(zip(COLOURS, names, strict=False)):
        x = left + place * 170
        parts += [f'<rect x="{x}" y="252" width="12" height="12" fill="{colour}"/>', _text(x + 18, 263, name)]
    return _svg(total, 280, parts)
