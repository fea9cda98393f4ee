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


def markdown_table(rows, phases):
    lines = ["| " + " | ".join(HEADINGS) + " | source of the target |",
             "|---" * (len(HEADINGS) + 1) + "|"]
    for row in rows:
        line = cells(row, phases) + [row["source"]]
        lines.append("| " + " | ".join(text.replace("|", "\\|") for text in line) + " |")
    return "\n".join(lines) + "\n"


def describe(description):
    return " · ".join(f"{name} {value}" for name, value in description.items())


def write_markdown(path, rows, phases, description):
    with open(path, "w", encoding="utf-8") as file:
        file.write(describe(description) + "\n\n" + markdown_table(rows, phases))


def write_results(path, rows, phases, description, command, plots):
    """RESULTS.md: the run as a page to read, phase by phase, with its pictures."""
    verdicts = [row["verdict"] for row in rows]
    met = sum(verdict in ("met", "aim met") for verdict in verdicts)
    with open(path, "w", encoding="utf-8") as file:
        file.write("# Results\n\nWritten by `" + command + "`; do not edit. Ratios are of "
                   "interleaved runs on one machine; bare times are aims and gate nothing.\n\n")
        file.write(describe(description) + f"\n\n{len(rows)} rows, {met} met, "
                   f"{verdicts.count('aim')} aims not reached, "
                   f"{sum(v.startswith(('missed', 'MISSED')) for v in verdicts)} missed, "
                   f"{verdicts.count('not measured')} not measured.\n")
        for name, title in plots:
            file.write(f"\n![{title}](results/{name})\n")
        for key, phase in phases.items():
            own = [row for row in rows if row["phase"] == key]
            if own:
                file.write(f"\n## {phase}\n\n" + markdown_table(own, phases))


def write_json(path, rows, description, seconds):
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"machine": description, "seconds": seconds, "rows": rows}, file, indent=1)
        file.write("\n")
