"""Changes of formulas that no test can notice, each with the reason."""

EQUIVALENT: dict[tuple[str, str, str, str], str] = {}
