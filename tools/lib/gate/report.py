"""The table: on the terminal, as Markdown and as JSON."""
import json


def number(value):
    if value is None:
        return ""
    if float(value).is_integer() and abs(value) < 1e9:
        return f"{int(value)}"
    return f"{value:.4g}" if abs(value) < 1e6 else f"{value:.3e}"


def cells(row, phases):
    """What one row shows, in the order of HEADINGS."""
    unit = f" {row['unit']}" if row.get("unit") and row.get("varve") is not None else ""
    verdict = row["verdict"] + (f": {row['why']}" if row["why"] else "")
    if len(row["tries"]) > 1:
        verdict += f" ({', '.join(map(number, row['tries']))})"
    return [phases[row["phase"]], row["measure"], number(row.get("baseline")),
            number(row.get("varve")) + unit, number(row.get("value")),
            f"{row['relation']} {number(row['target'])}", verdict]


HEADINGS = ["phase", "measure", "baseline", "varve", "value", "target", "verdict"]
RIGHT = {"baseline", "value", "target"}


def print_table(rows, phases):
    table = [HEADINGS] + [cells(row, phases) for row in rows]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEADINGS))]
    for line in table:
        padded = (text.rjust(width) if heading in RIGHT else text.ljust(width)
                  for heading, text, width in zip(HEADINGS, line, widths))
        print("  ".join(padded).rstrip())


def markdown_lines(headings, table):
    lines = ["| " + " | ".join(headings) + " |", "|---" * len(headings) + "|"]
    for line in table:
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |")
    return "\n".join(lines) + "\n"


def markdown_table(rows, phases):
    table = []
    for row in rows:
        reading = f" ({row['reading']})" if "reading" in row else ""
        table.append(cells(row, phases) + [row["source"] + reading])
    return markdown_lines(HEADINGS + ["source of the target"], table)


def describe(description):
    return " · ".join(f"{name} {value}" for name, value in description.items())


def write_markdown(path, rows, phases, description):
    with open(path, "w", encoding="utf-8") as file:
        file.write(describe(description) + "\n\n" + markdown_table(rows, phases))


# ------------------------------------------------------------------------------ RESULTS.md

def grown_table(table, lines):
    """A table of "tables" in gates.json: figures by size; None if nothing of it was measured."""
    body = []
    for size in table["rows"]:
        found = [lines.get(measure.replace("{row}", size), {}).get("value")
                 for _, measure in table["columns"]]
        if any(figure is not None for figure in found):
            body.append([size] + [number(figure) if figure is not None else "not measured"
                                  for figure in found])
    headings = [table["head"]] + [heading for heading, _ in table["columns"]]
    return markdown_lines(headings, body) if body else None


def gains_table(gains, switches):
    """What each measure is with all phases, and with one of them switched off."""
    def cell(figure, whole, name):
        if figure is None:
            return "not measured"
        factor = f" ({figure / whole:.2g}x)" if name and whole else ""
        return number(float(f"{figure:.4g}")) + factor

    headings = ["measure", "unit", "all phases"] + [f"without {name}" for name in switches]
    table = []
    for measure, figures in gains.items():
        whole = figures[""].get("varve")
        table.append([measure, figures[""].get("unit", ""), cell(whole, whole, "")] +
                     [cell(figures.get(name, {}).get("varve"), whole, name) for name in switches])
    return markdown_lines(headings, table)


def missed_list(rows, phases):
    """Each missed row with its figure and what bounds it."""
    lines = []
    for row in rows:
        if row["verdict"].lower().startswith("missed"):
            why = row["why"] or "nothing is known of why"
            lines.append(f"- **{phases[row['phase']]}: {row['measure']}**: "
                         f"{number(row.get('value'))}, target {row['relation']} "
                         f"{number(row['target'])}. {why}\n")
    return "".join(lines)


def write_results(path, run):
    """RESULTS.md: the run as a page to read. run: what tools/gate knows of it, by name."""
    rows, phases, plan = run["rows"], run["phases"], run["plan"]
    verdicts = [row["verdict"] for row in rows]
    met = sum(verdict in ("met", "aim met") for verdict in verdicts)
    missed = missed_list(rows, phases)
    parts = ["# Results\n\nWritten by `" + run["command"] + "`; do not edit. Ratios are of "
             "interleaved runs on one machine; bare times are aims and gate nothing.\n\n",
             markdown_lines(["machine", ""], [[name, str(value)] for name, value
                                              in run["description"].items()]),
             f"\n{len(rows)} rows: {met} met, {verdicts.count('aim')} aims not reached, "
             f"{sum(v.lower().startswith('missed') for v in verdicts)} missed, "
             f"{verdicts.count('not measured')} not measured.\n"]
    for name, title in run["pictures"]:
        parts.append(f"\n![{title}](results/{name})\n")
    if run["gains"]:
        parts.append("\n## What each phase gives\n\nThe same engine with one phase switched off: " +
                     "; ".join(f"without {name}: {switch['instead']}"
                               for name, switch in plan["without"].items()) + ". The quick form of "
                     "the programs; in brackets the factor to all phases.\n\n" +
                     gains_table(run["gains"], plan["without"]))
    for table in plan.get("tables", []):
        grown = grown_table(table, run["lines"])
        if grown is not None:
            parts.append(f"\n## {table['title']}\n\n{grown}")
    if missed:
        parts.append("\n## What is missed, and what bounds it\n\n" + missed)
    for key, phase in phases.items():
        own = [row for row in rows if row["phase"] == key]
        if own:
            parts.append(f"\n## {phase[0].upper()}{phase[1:]}\n\n" + markdown_table(own, phases))
    with open(path, "w", encoding="utf-8") as file:
        file.write("".join(parts))


def write_json(path, rows, description, seconds, lines):
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"machine": description, "seconds": seconds, "rows": rows, "lines": lines}, file,
                  indent=1)
        file.write("\n")
