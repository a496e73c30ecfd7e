"""Data that comes with packages a user may have: scikit-learn, statsmodels, vega_datasets."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from .tables import Columns, read_csv, read_json

#: by package, where its files lie, as patterns of their names
_FILES = {
    "statsmodels": ("datasets/{name}/{name}.csv", "datasets/{name}/src/{name}.csv"),
    "vega_datasets": ("_data/{name}.csv", "_data/{name}.json"),
}
#: by package, what pip knows it as
PACKAGES = {"sklearn": "scikit-learn", **{package: package for package in _FILES}}


def from_package(package: str, name: str) -> Columns:
    """The columns of a data set that an installed package brings along, as `read_csv` gives them.

    `from_package("sklearn", "iris")`, `from_package("statsmodels", "macrodata")`,
    `from_package("vega_datasets", "seattle-weather")`; of scikit-learn what it has a function `load_...`
    for, its labels under "target". The files are read by minigrad itself, so pandas is not needed. Raises
    ModuleNotFoundError for a package that is not installed, ValueError for a name it does not have.
    """
    if package not in PACKAGES:
        raise ValueError(f"from_package: {package!r} is not one of {', '.join(PACKAGES)}")
    if find_spec(package) is None:
        raise ModuleNotFoundError(
            f"from_package: {package} is not installed: pip install {PACKAGES[package]}", name=package
        )
    if re.fullmatch(r"[\w-]+", name) is None:
        raise ValueError(f"from_package: {name!r} is no name of a data set")
    return _from_sklearn(name) if package == "sklearn" else _from_files(package, name)


def _from_sklearn(name: str) -> Columns:
    load = getattr(import_module("sklearn.datasets"), f"load_{name}", None)
    if load is None:
        raise ValueError(f"from_package: sklearn has no data set {name!r}")
    bunch = load()
    columns = dict(zip(map(str, bunch.feature_names), np.asarray(bunch.data).T, strict=True))
    targets = np.asarray(bunch.target)
    names = ["target"] if targets.ndim == 1 else map(str, bunch.target_names)
    return columns | dict(zip(names, targets.reshape(len(targets), -1).T, strict=True))


def _from_files(package: str, name: str) -> Columns:
    (root,) = find_spec(package).submodule_search_locations  # type: ignore[union-attr, misc]
    for pattern in _FILES[package]:
        path = Path(root, pattern.format(name=name))
        if path.exists():
            return read_json(path) if path.suffix == ".json" else read_csv(path)
    raise ValueError(f"from_package: {package} has no data set {name!r} among its files")
