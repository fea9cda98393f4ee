"""gate - the parts of tools/gate: machine and programs, verdicts, reports, comparisons, plots."""
