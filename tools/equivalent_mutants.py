"""Changes of formulas that no test can notice, under the reason why: `file:function: before -> after`."""

REASONS: dict[str, str] = {}

EQUIVALENT = {line.strip() for lines in REASONS.values() for line in lines.strip().splitlines()}
