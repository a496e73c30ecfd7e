"""Time series: what was measured, when, and in which unit."""

from importlib.resources import files
from typing import NamedTuple

import numpy as np


class Series(NamedTuple):
    """A regularly sampled series: `values` (T,) float64 in `unit`, measured at `time` (T,) datetime64."""

    values: np.ndarray
    time: np.ndarray
    name: str
    unit: str


def sunspots() -> Series:
    """The mean sunspot number of each year from 1700 to 2008, T = 309: an uneven cycle of about 11 years.

    Source: US National Geophysical Data Center, as packaged by statsmodels; public domain.
    """
    years, counts = _columns("sunspots.csv")
    return Series(counts.astype(np.float64), years.astype("datetime64[Y]"), "sunspots", "sunspot number")


def co2(interpolate: bool = False) -> Series:
    """CO2 in the air at Mauna Loa, weekly from 29 March 1958 to 29 December 2001, T = 2284, in ppm by volume.

    The 59 weeks without a measurement are NaN. `interpolate=True` draws a straight line across each gap; such
    a week knows the next measurement, so leave it out where forecasts are scored. Source: Keeling and Whorf
    (2004), Carbon Dioxide Information Analysis Center, as packaged by statsmodels; public domain.
    """
    weeks, readings = _columns("co2.csv")
    values = np.where(readings == "", "nan", readings).astype(np.float64)
    if interpolate:
        measured = ~np.isnan(values)
        values = np.interp(np.arange(len(values)), np.flatnonzero(measured), values[measured])
    return Series(values, weeks.astype("datetime64[D]"), "CO2 at Mauna Loa", "ppm")


def _columns(name: str) -> np.ndarray:
    """The columns of a shipped CSV file below its heading, as strings (C, T)."""
    lines = files(__package__).joinpath("data", name).read_text("ascii").splitlines()
    return np.array([line.split(",") for line in lines[1:]]).T
