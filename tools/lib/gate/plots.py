"""Charts as SVG, from what the programs measured; which ones stands in gates.json under "plots".

  bars   {"file", "title", "unit", "series": [name], "groups": [[label, [measure, field], ...]]}
         a group of bars for each label, in the colours of the series
  lines  {"file", "title", "unit", "x": [label], "lines": [[name, measure with {x}, field]]}
         figures on a logarithmic scale, a point for each x
"""
import html
import math

WIDTH, LABEL, VALUE, TOP = 760, 210, 80, 76
BAR, GAP, GROUP_GAP = 15, 3, 12
PLOT_HEIGHT, PLOT_LEFT, PLOT_RIGHT = 280, 70, 190
COLOURS = ["#2a6f97", "#8fc1e3", "#b0b0b0", "#6d6d6d", "#d08c60", "#7a9e7e"]


def figure_of(lines, measure, field):
    """What was measured; None if it was not."""
    figure = lines.get(measure, {}).get(field)
    return None if figure is None else float(figure)


def nice(figure):
    return f"{figure:.3g}" if abs(figure) < 1000 else f"{figure:,.0f}"


def text(x, y, content, more=""):
    return f'<text x="{x:g}" y="{y:g}"{more}>{html.escape(content)}</text>'


def frame(plot, height, body):
    title = html.escape(plot["title"])
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" '
        f'font-family="sans-serif" font-size="12" role="img" aria-label="{title}">',
        f'<rect width="{WIDTH}" height="{height:g}" fill="#ffffff"/>',
        text(12, 24, plot["title"], ' font-size="16" font-weight="bold"'),
        text(12, 42, plot["unit"], ' fill="#555555"'),
        *body, "</svg>"]) + "\n"


def legend(names):
    """The colours of the series, in one row."""
    parts, x = [], 12
    for name, colour in zip(names, COLOURS):
        parts.append(f'<rect class="key" x="{x}" y="52" width="11" height="11" fill="{colour}"/>')
        parts.append(text(x + 16, 62, name))
        x += 34 + 7 * len(name)
    return parts


def bars(plot, lines):
    """The chart, or None if nothing of it was measured; lengths are in proportion."""
    groups = []
    for label, *places in plot["groups"]:
        figures = [figure_of(lines, *place) if place else None for place in places]
        if any(figure is not None for figure in figures):
            groups.append((label, figures))
    if not groups:
        return None
    greatest = max(figure for _, figures in groups for figure in figures if figure is not None)
    room = WIDTH - LABEL - VALUE
    parts, y = legend(plot["series"]) if len(plot["series"]) > 1 else [], TOP
    for label, figures in groups:
        shown = [(colour, figure) for colour, figure in zip(COLOURS, figures)
                 if figure is not None]
        middle = y + (len(shown) * (BAR + GAP) - GAP) / 2 + 4
        parts.append(text(LABEL - 8, middle, label, ' text-anchor="end"'))
        for colour, figure in shown:
            length = max(1, round(room * figure / (greatest or 1)))
            parts.append(f'<rect class="bar" x="{LABEL}" y="{y}" width="{length}" '
                         f'height="{BAR}" fill="{colour}"/>')
            parts.append(text(LABEL + length + 5, y + BAR - 3, nice(figure)))
            y += BAR + GAP
        y += GROUP_GAP
    return frame(plot, y, parts)


def scale(figures):
    """(lowest, highest) power of ten around all figures."""
    lowest = math.floor(math.log10(min(figures)))
    return lowest, max(lowest + 1, math.ceil(math.log10(max(figures))))


def lines_chart(plot, lines):
    """The chart, or None if nothing of it was measured."""
    curves = []
    for name, measure, field in plot["lines"]:
        points = [(at, figure_of(lines, measure.replace("{x}", x), field))
                  for at, x in enumerate(plot["x"])]
        points = [(at, figure) for at, figure in points if figure is not None and figure > 0]
        if points:
            curves.append((name, points))
    if not curves:
        return None
    low, high = scale([figure for _, points in curves for _, figure in points])
    width = WIDTH - PLOT_LEFT - PLOT_RIGHT

    def place(at, figure):
        share = (math.log10(figure) - low) / (high - low)
        return (PLOT_LEFT + width * at / max(1, len(plot["x"]) - 1),
                TOP + PLOT_HEIGHT * (1 - share))

    parts = []
    for power in range(low, high + 1):
        y = place(0, 10.0 ** power)[1]
        parts.append(f'<path d="M{PLOT_LEFT} {y:.1f}h{width}" stroke="#dddddd"/>')
        parts.append(text(PLOT_LEFT - 8, y + 4, nice(10.0 ** power), ' text-anchor="end"'))
    for at, x in enumerate(plot["x"]):
        parts.append(text(place(at, 10.0 ** low)[0], TOP + PLOT_HEIGHT + 20, x,
                          ' text-anchor="middle"'))
    ends = []
    for (name, points), colour in zip(curves, COLOURS):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" '
                     f'stroke-width="2"/>')
        for point in points:
            x, y = place(*point)
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
        ends.append((place(*points[-1]), f"{name} {nice(points[-1][1])}"))
    return frame(plot, TOP + PLOT_HEIGHT + 36, parts + names_at(ends))


def names_at(ends):
    """Names behind the ends of curves, moved apart where they would meet."""
    parts, free = [], -math.inf
    for (x, y), name in sorted(ends, key=lambda end: end[0][1]):
        free = max(y, free + 15)
        parts.append(text(x + 10, free + 4, name))
    return parts


def write_plots(plots, lines, folder):
    """Writes the pictures of which something was measured; returns [(file name, title)]."""
    written = []
    for plot in plots:
        picture = lines_chart(plot, lines) if "lines" in plot else bars(plot, lines)
        if picture is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / plot["file"]).write_text(picture, encoding="utf-8")
            written.append((plot["file"], plot["title"]))
    return written
