"""SciPy's functions on the stand-in's arrays."""
