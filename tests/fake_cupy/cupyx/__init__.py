"""The stand-in's extensions."""
