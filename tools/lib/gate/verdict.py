"""Compares what was measured with its target."""

TRIES = 3
NEAR = 0.05  # a ratio that misses its target by less is measured again


def holds(relation, value, target):
    return {"<=": value <= target, ">=": value >= target, "==": value == target}[relation]


def is_near(gate, value):
    return gate["kind"] == "ratio" and abs(value - gate["target"]) <= NEAR * gate["target"]


def is_tolerable(gate, value, tolerance_percent):
    """Whether a ratio misses by no more than a busy machine explains."""
    slack = tolerance_percent / 100 * gate["target"]
    return gate["kind"] == "ratio" and abs(value - gate["target"]) <= slack


def judge(gate, machine, programs, tolerance_percent=0):
    """The gate with its figures and a verdict: met, MISSED, missed within the tolerance, open
    (known to be missed, with the reason), aim (not gated) or not measured."""
    row = dict(gate, verdict="not measured", tries=[])
    needs = gate.get("needs", []) + (["release"] if gate["kind"] in ("ratio", "time") else [])
    row["why"] = next(filter(None, map(machine.lacks, needs)), None)
    if row["why"] is not None:
        return row
    line = programs.measured(gate["program"], gate["measure"])
    if "broken" in line:
        return dict(row, verdict="MISSED", why=line["broken"])
    if "missing" in line:
        return dict(row, why=line["missing"])
    if "idle" in needs and programs.disturbed(gate["program"]):
        return dict(row, why=programs.disturbed(gate["program"]))
    while True:
        row.update({key: line.get(key) for key in ("baseline", "varve", "unit", "value")})
        row["tries"].append(line["value"])
        met = holds(gate["relation"], line["value"], gate["target"])
        if met or not is_near(gate, line["value"]) or len(row["tries"]) == TRIES:
            break
        line = programs.measure_again(gate["program"], gate["measure"])
        if "value" not in line:
            break
    if gate["kind"] == "time":
        row["verdict"] = "aim met" if met else "aim"
    elif met:
        row["verdict"] = "met"
    elif "open" in gate:
        row.update(verdict="missed, open", why=gate["open"])
    elif is_tolerable(gate, line["value"], tolerance_percent):
        row["verdict"] = "missed within the tolerance"
    else:
        row["verdict"] = "MISSED"
    return row
