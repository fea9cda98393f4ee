"""Bar charts as SVG, from the rows of a report; which ones stands in gates.json under "plots"."""
import html

WIDTH, LABEL, BAR, GAP, TOP, VALUE = 760, 250, 18, 8, 56, 90
COLOURS = {"varve": "#2a6f97", "baseline": "#b8b8b8", "value": "#2a6f97"}


def bars_of(plot, rows):
    """(label, figure, colour) of each bar whose measure is in the report."""
    found = {row["measure"]: row for row in rows if row.get("value") is not None}
    bars = []
    for label, measure, field in plot["bars"]:
        figure = found.get(measure, {}).get(field)
        if figure is not None:
            bars.append((label, float(figure), COLOURS.get(field, COLOURS["value"])))
    return bars


def nice(figure):
    return f"{figure:.3g}" if abs(figure) < 1e4 else f"{figure:,.0f}"


def svg(plot, bars):
    """The text of the picture; lengths are in proportion to the greatest figure."""
    height = TOP + len(bars) * (BAR + GAP) + GAP
    room = WIDTH - LABEL - VALUE
    greatest = max(figure for _, figure, _ in bars) or 1
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="13" role="img" '
        f'aria-label="{html.escape(plot["title"])}">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="24" font-size="16" font-weight="bold">'
        f'{html.escape(plot["title"])}</text>',
        f'<text x="12" y="43" fill="#555555">{html.escape(plot["unit"])}</text>',
    ]
    for index, (label, figure, colour) in enumerate(bars):
        y = TOP + index * (BAR + GAP)
        length = max(1, round(room * figure / greatest))
        lines.append(f'<text x="{LABEL - 8}" y="{y + 14}" text-anchor="end">'
                     f'{html.escape(label)}</text>')
        lines.append(f'<rect x="{LABEL}" y="{y}" width="{length}" height="{BAR}" '
                     f'fill="{colour}"/>')
        lines.append(f'<text x="{LABEL + length + 6}" y="{y + 14}">{nice(figure)}</text>')
    lines.append("</svg>")
    return "\n".join(lines) + "\n"


def write_plots(plots, rows, folder):
    """Writes the pictures that have bars; returns [(file name, title)]."""
    written = []
    for plot in plots:
        bars = bars_of(plot, rows)
        if bars:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / plot["file"]).write_text(svg(plot, bars), encoding="utf-8")
            written.append((plot["file"], plot["title"]))
    return written
