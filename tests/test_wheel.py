"""What is shipped: one pure wheel, small, whole, and with NumPy as its only dependency."""

import contextlib
import os
import re
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

hatchling = pytest.importorskip("hatchling.build")
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The path of a wheel built from the sources beside the tests."""
    folder = tmp_path_factory.mktemp("dist")
    with contextlib.chdir(ROOT):
        return folder / hatchling.build_wheel(str(folder))


@pytest.fixture(scope="module")
def contents(wheel):
    """{name in the wheel: its bytes}."""
    with zipfile.ZipFile(wheel) as file:
        return {name: file.read(name) for name in file.namelist()}


def headers(contents, name):
    (found,) = [text for path, text in contents.items() if path.endswith(f".dist-info/{name}")]
    return Parser().parsestr(found.decode())


def test_it_runs_anywhere_and_is_small(wheel, contents):
    assert wheel.name.endswith("-py3-none-any.whl")
    assert headers(contents, "WHEEL")["Root-Is-Purelib"] == "true"
    assert wheel.stat().st_size < 2**20


def test_it_holds_the_package_and_nothing_else(contents):
    sources = [p for p in (ROOT / "minigrad").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    packed = {name for name in contents if ".dist-info/" not in name}
    assert packed == {p.relative_to(ROOT).as_posix() for p in sources}
    assert not [name for name in packed if re.search(r"\.(so|pyd|dll|dylib|pyc)$", name)]
    for path in sources:
        assert contents[path.relative_to(ROOT).as_posix()] == path.read_bytes(), path


def test_numpy_is_all_it_depends_on(contents):
    metadata = headers(contents, "METADATA")
    needed = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    assert needed == ["numpy>=2.0"]
    assert metadata["Requires-Python"] == ">=3.11"


def test_licences_come_along(contents):
    names = [name.rpartition("/")[2] for name in contents if ".dist-info/licenses/" in name]
    assert sorted(names) == ["LICENSE", "LICENSES.md"]


def test_what_was_unpacked_works(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as file:
        file.extractall(tmp_path)
    run = subprocess.run(
        [sys.executable, "-W", "error", "-m", "minigrad"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(tmp_path / "minigrad") in run.stdout
    assert "309 years" in run.stdout
