"""Pictures of explanations. Every function returns a matplotlib `Figure` and touches no global state, as in `bcdetect.plots`.

Sizes are inches, laid out by hand: captions and pictures keep their size however many there are. One inch has 144 dots.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import cache

import numpy as np

from bcdetect import NOTICE
from bcdetect.errors import require
from bcdetect.explain.planes import Plane
from bcdetect.plots import GREY, VERMILION, colours, shorten

MAP = "viridis"  # from dark to bright evenly, and so for colour-blind readers
EDGE, GAP, BAR = 0.3, 0.25, 0.16
TEXT, LINE = 8.5, 0.17  # points, inches
LETTER = 0.066  # inches that a letter of that size takes
WIDEST = 9.0  # of a row of panels
SHOWN = 15  # features of a table's row
ACROSS, SMALL = 4, 1.35  # pairs of pictures in a row of a contact sheet, inches a picture


class Sheet:
    """A white page of width x height inches, to be filled from the top left corner."""

    def __init__(self, width: float, height: float):
        require("matplotlib", "plots", "drawing explanations")
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.width, self.height = width, height
        self.figure = Figure(figsize=(width, height), facecolor="white")
        FigureCanvasAgg(self.figure)

    def axes(self, left: float, top: float, width: float, height: float):
        """Axes at a place of the page."""
        w, h = self.width, self.height
        return self.figure.add_axes((left / w, 1 - (top + height) / h, width / w, height / h))

    def text(self, left: float, top: float, text: str, within: float | None = None, **style) -> None:
        """Text whose upper left corner is at a place of the page, cut in its middle to so many inches."""
        style = {"va": "top", "size": TEXT} | style
        text = plain(text) if within is None else self.cut(plain(text), within, style["size"], style.get("weight", "normal"))
        self.figure.text(left / self.width, 1 - top / self.height, text, parse_math=False, **style)

    def cut(self, text: str, within: float, size: float, weight: str) -> str:
        """The text, or as much of its beginning and its end as has room in so many inches."""
        from matplotlib.font_manager import FontProperties

        renderer, font, shown = self.figure.canvas.get_renderer(), FontProperties(size=size, weight=weight), text
        while len(shown) > 3:
            inches = renderer.get_text_width_height_descent(shown, font, False)[0] / self.figure.dpi
            if inches <= within:
                break
            shown = middle(text, max(3, min(len(shown) - 1, int(len(shown) * within / inches))))
        return shown

    def canvas(self):
        """Axes over the whole page, in inches from its upper left corner, for many small pictures: axes each would take long."""
        axes = self.axes(0, 0, self.width, self.height)
        axes.set(xlim=(0, self.width), ylim=(self.height, 0))
        axes.set_axis_off()
        return axes

    def picture(self, canvas, image: np.ndarray, left: float, top: float, width: float, framed: bool = False, **style) -> None:
        """A picture on the canvas, upright, its pixels square."""
        from matplotlib.patches import Rectangle

        height = width * image.shape[0] / image.shape[1]
        style = {"cmap": "gray", "vmin": 0, "vmax": 1} | style
        canvas.imshow(image, extent=(left, left + width, top + height, top), aspect="auto", **style)
        canvas.set(xlim=(0, self.width), ylim=(self.height, 0))  # which imshow moves to what it shows
        if framed:
            canvas.add_patch(Rectangle((left, top), width, height, fill=False, color=VERMILION, linewidth=2.5))

    def lines(self, top: float, lines: Sequence[str]) -> None:
        """Wrapped lines over the page's width, the notice last."""
        for number, line in enumerate(lines):
            self.text(EDGE, top + number * LINE, line, **({"color": GREY} if line == NOTICE else {}))


def wrapped(lines: Sequence[str], width: float) -> list[str]:
    """Lines that fit on a page of this width, and the notice."""
    letters = int((width - 2 * EDGE) / LETTER)
    return [part for line in (*lines, NOTICE) for part in textwrap.wrap(line, letters) or [""]]


def overlay(
    name: str, planes: Sequence[Plane], found: np.ndarray, top: float, peak, outline: bool, words: dict, caption: Sequence[str]
):
    """The picture as the network sees it, and a map (H, W) over its greys; of several sequences a column each.

    `top` is the strength of full colour, 0 where there is nothing to show; `peak` (row, column) or None; with `outline` a line is
    drawn at half the strength; `words` are the "title" of the map, its "unit", and what a "blank" one is.
    """
    single = len(planes) == 1
    across, down = (2, 1) if single else (len(planes), 2)
    side = min(3.6, max(1.5, (WIDEST - GAP * (across - 1)) / across))
    height, width = (s * side / max(found.shape) for s in found.shape)
    page_width = 2 * EDGE + across * width + (across - 1) * GAP + 0.95
    lines = wrapped(caption, page_width)
    head = 0.62 if single else 0.95
    page = Sheet(page_width, head + down * height + (down - 1) * 0.4 + 0.25 + LINE * len(lines) + 0.15)
    page.text(EDGE, 0.12, name, within=page_width - 2 * EDGE, size=11, weight="bold")
    if not single:
        page.text(
            EDGE, 0.4, f"above as the network sees them ({found.shape[0]} x {found.shape[1]} pixels), below {words['title']}"
        )
    for number, plane in enumerate(planes):
        left = EDGE + number * (width + GAP)
        _seen(page.axes(left, head, width, height), plane)
        if single:
            axes = page.axes(left + width + GAP, head, width, height)
        else:
            axes = page.axes(left, head + height + 0.4, width, height)
        _over(axes, plane, found, top, peak, outline)
        small = {"size": 9} | ({"color": VERMILION} if not found.any() else {})
        said = words["title"] if found.any() else words["blank"]
        axes.set_title(plain(said if single else f"over {shorten(plane.title, 16)}"), parse_math=False, **small)
    bar_top = head + (0 if single else height + 0.4)
    if top > 0:
        _bar(page, page_width - EDGE - 0.75, bar_top, height, (0, top), words["unit"])
    if not single and not found.any():
        page.text(EDGE, head + height + 0.02, words["blank"], color=VERMILION)
    page.lines(page.height - 0.15 - LINE * len(lines), lines)
    return page.figure


def blend(plane: Plane, found: np.ndarray, top: float) -> np.ndarray:
    """A map (H, W) over the dimmed greys of a picture; nothing covers them where the map is 0. Shape: (H, W, 3)."""
    from matplotlib import colormaps

    grey = np.repeat(0.08 + 0.72 * plane.grey[:, :, None], 3, axis=2)
    if not top > 0:
        return grey
    share = np.clip(found / top, 0, 1)
    cover = 0.8 * np.sqrt(share)[:, :, None]
    return (1 - cover) * grey + cover * colormaps[MAP](share)[:, :, :3]


def _seen(axes, plane: Plane) -> None:
    axes.set_axis_off()
    axes.set_title(plain(shorten(plane.title, 44)), size=9, parse_math=False)
    if plane.values is None:
        axes.text(0.5, 0.5, "not taken", ha="center", va="center", size=10, color=GREY, transform=axes.transAxes)
        return
    axes.imshow(plane.values, cmap="gray", vmin=0, vmax=1)


def _over(axes, plane: Plane, found: np.ndarray, top: float, peak, outline: bool) -> None:
    axes.set_axis_off()
    if plane.values is None:
        plane = Plane(plane.title, np.zeros(found.shape, np.float32))
    axes.imshow(blend(plane, found, top))
    if peak is None:
        return
    if outline and found.min() < found.max() / 2 and min(found.shape) > 1:
        axes.contour(found, [found.max() / 2], colors="white", linewidths=0.9)
    row, column = peak
    for colour, wide in (("black", 3.2), ("white", 1.5)):
        axes.plot(column, row, "o", markersize=11, fillstyle="none", color=colour, markeredgewidth=wide, clip_on=False)


def _bar(page: Sheet, left: float, top: float, height: float, ends: tuple[float, float], unit: str, colour: str = MAP) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    axes = page.axes(left, top, BAR, height)
    bar = page.figure.colorbar(ScalarMappable(Normalize(*ends), colour), cax=axes)
    bar.outline.set_visible(False)
    axes.tick_params(labelsize=8, length=2)
    axes.yaxis.get_major_locator().set_params(nbins=max(2, min(6, int(height / 0.3))))
    axes.yaxis.get_major_formatter().set_powerlimits((-3, 4))
    axes.yaxis.get_major_formatter().set_useMathText(True)
    axes.yaxis.get_offset_text().set_size(7)
    bar.set_label(plain(unit), size=8)


def _above(found: np.ndarray) -> float:
    """The largest number, and something above the smallest where all are the same."""
    return float(max(found.max(), found.min() + 1e-6 + 1e-6 * abs(found.min())))


def contact_sheet(title: str, cells: Sequence[tuple], top: float, unit: str, caption: Sequence[str]):
    """Pictures with their maps, in rows of ACROSS, each cell (picture, map, its two lines of text, whether to frame it).

    `top` is the strength of full colour.
    """
    across = min(ACROSS, max(2, len(cells)))  # one picture alone leaves room for the caption all the same
    rows = -(-len(cells) // across)
    wide, high = 2 * SMALL + 0.05, SMALL + 0.55
    width = 2 * EDGE + across * wide + (across - 1) * GAP + (0.95 if top > 0 else 0)
    lines = wrapped(caption, width)
    page = Sheet(width, 0.6 + rows * high + LINE * len(lines) + 0.15)
    page.text(EDGE, 0.15, title, within=width - 2 * EDGE, size=12, weight="bold")
    canvas = page.canvas()
    for number, (picture, found, said, framed) in enumerate(cells):
        left, upper = EDGE + number % across * (wide + GAP), 0.6 + number // across * high
        for k, image in enumerate((picture, blend(Plane("", picture), found, top))):
            page.picture(canvas, image, left + k * (SMALL + 0.05), upper, SMALL, framed)
        first, second = said
        page.text(left, upper + SMALL + 0.05, first, within=wide, size=7.5, color=VERMILION if framed else "black")
        page.text(left, upper + SMALL + 0.2, second, within=wide, size=7.5, color=GREY)
    if top > 0:
        _bar(page, width - EDGE - 0.75, 0.6, min(3.6, rows * high - 0.55), (0, top), unit)
    page.lines(page.height - 0.15 - LINE * len(lines), lines)
    return page.figure


def tiles(title: str, pictures: Sequence[tuple], colouring: tuple[str, float, float], unit: str, caption: Sequence[str]):
    """Small pictures (h, w) side by side, each with a word under it, all in one colouring (map, low, high)."""
    tall, broad = pictures[0][0].shape
    across = min(len(pictures), 8)
    side = min(1.35, 1.35 * broad / tall)
    cell = max(side, 0.6) + 0.12
    height = side * tall / broad
    width = max(6.5, 2 * EDGE + across * cell + 0.95)
    rows = -(-len(pictures) // across)
    lines = wrapped(caption, width)
    page = Sheet(width, 0.6 + rows * (height + 0.3) + 0.1 + LINE * len(lines) + 0.15)
    page.text(EDGE, 0.15, title, within=width - 2 * EDGE, size=12, weight="bold")
    canvas, (colour, low, high) = page.canvas(), colouring
    for number, (image, word) in enumerate(pictures):
        left, top = EDGE + number % across * cell, 0.6 + number // across * (height + 0.3)
        page.picture(canvas, image, left, top, side, cmap=colour, vmin=low, vmax=high)
        page.text(left, top + height + 0.03, word, within=cell - 0.04, size=7.5, color=GREY)
    _bar(page, width - EDGE - 0.75, 0.6, max(0.8, min(3.6, rows * (height + 0.3) - 0.3)), (low, high), unit, colour)
    page.lines(page.height - 0.15 - LINE * len(lines), lines)
    return page.figure


def strip(title: str, found: np.ndarray, names: Sequence[str], unit: str, caption: Sequence[str]):
    """What a layer makes of a row of a table, (places, K): a line a place, named where there are names, a column a channel."""
    lines, height = wrapped(caption, 9.0), max(1.2, 0.18 * len(found))
    page = Sheet(9.0, 0.85 + height + 0.55 + LINE * len(lines) + 0.15)
    page.text(EDGE, 0.15, title, within=9.0 - 2 * EDGE, size=12, weight="bold")
    axes = page.axes(2.7 if len(names) else 0.9, 0.7, 5.2 if len(names) else 7.0, height)
    axes.imshow(found, cmap=MAP, aspect="auto", interpolation="nearest", vmin=found.min(), vmax=_above(found))
    if len(names):
        axes.set_yticks(range(len(names)), [plain(shorten(name, 30)) for name in names], parse_math=False, size=8)
    else:
        axes.set_ylabel("place", size=8)
        axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("channel", size=8)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.tick_params(labelsize=8, length=0)
    axes.spines[:].set_visible(False)
    _bar(page, 8.05, 0.7, height, (float(found.min()), _above(found)), unit)
    page.lines(page.height - 0.15 - LINE * len(lines), lines)
    return page.figure


def exciting(title: str, rows: Sequence[tuple], caption: Sequence[str]):
    """A row of pictures for each channel: (its word, its strongest output, [(picture, map, word), ...]), the strongest first."""
    across = max(3, *(len(cells) for _, _, cells in rows))
    width = 2 * EDGE + 1.0 + across * (SMALL + 0.12)
    lines = wrapped(caption, width)
    page = Sheet(width, 0.6 + len(rows) * (SMALL + 0.4) + LINE * len(lines) + 0.15)
    page.text(EDGE, 0.15, title, within=width - 2 * EDGE, size=12, weight="bold")
    canvas = page.canvas()
    for number, (word, top, cells) in enumerate(rows):
        upper = 0.6 + number * (SMALL + 0.4)
        page.text(EDGE, upper + 0.05, word, size=9, weight="bold")
        page.text(EDGE, upper + 0.25, f"up to {top:.3g}", size=8, color=GREY)
        for k, (picture, found, said) in enumerate(cells):
            left = EDGE + 1.0 + k * (SMALL + 0.12)
            page.picture(canvas, blend(Plane("", picture), found, top), left, upper, SMALL)
            page.text(left, upper + SMALL + 0.04, said, within=SMALL, size=7.5, color=GREY)
    page.lines(page.height - 0.15 - LINE * len(lines), lines)
    return page.figure


def feature_bars(name: str, features: Sequence[dict], sides: tuple[str, str], add_up: bool, words: dict, caption: Sequence[str]):
    """Bars of a row's features, each a dict of name, value and evidence, the one that weighs most on top, SHOWN of them.

    `sides` are the class that evidence above 0 speaks for, and the one below: each bar has its colour. Where evidence may
    `add_up` the rest is one bar.
    """
    shown, rest = list(features[:SHOWN]), features[SHOWN:]
    names = [f"{shorten(each['name'], 32)} = {each['value']:.4g}" for each in shown]
    values = [each["evidence"] for each in shown]
    if rest and add_up:
        names.append(f"{len(rest)} others together")
        values.append(sum(each["evidence"] for each in rest))
    elif rest:
        caption = [*caption[:-1], f"{len(rest)} more features weigh less", caption[-1]]
    lines, bars = wrapped(caption, 9.0), 0.26 * len(names)
    page = Sheet(9.0, 0.75 + bars + 0.6 + LINE * len(lines) + 0.15)
    page.text(EDGE, 0.12, name, within=9.0 - 2 * EDGE, size=11, weight="bold")
    axes = page.axes(3.5, 0.72, 5.0, bars)
    colour_for, colour_against = colours(sides)
    drawn = axes.barh(range(len(names)), values, color=[colour_for if v > 0 else colour_against for v in values], height=0.72)
    axes.bar_label(drawn, [f"{v:+.2g}" for v in values], padding=3, size=8)
    axes.set_yticks(range(len(names)), list(map(plain, names)), parse_math=False, size=9)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.margins(x=0.14)
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    axes.xaxis.get_major_locator().set_params(nbins=6)
    axes.set_title(plain(words["title"]), size=9, parse_math=False)
    axes.set_xlabel(plain(words["unit"]), size=8, parse_math=False)
    axes.spines[["top", "right", "left"]].set_visible(False)
    page.lines(page.height - 0.15 - LINE * len(lines), lines)
    return page.figure


def middle(text: str, length: int) -> str:
    """Cut a text to at most `length` characters, an ellipsis in the middle: a file's name ends in what tells it from others."""
    if len(text) <= length:
        return text
    behind = length * 2 // 3
    return f"{text[: length - behind - 1]}…{text[-behind:]}"


def plain(text: str) -> str:
    """What the figures' font cannot show becomes a question mark."""
    return "".join(c if ord(c) in _shown() else "?" for c in text)


@cache
def _shown() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    return frozenset(code for code in FT2Font(findfont(FontProperties())).get_charmap() if code >= 32)
