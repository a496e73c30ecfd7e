"""The page that runs in a browser: its recipe, its parts, and Python as it is there, which cannot start
anything. `make browser` runs it under Pyodide itself.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "_static" / "try"

#: Python as Pyodide has it: modules that are not there, threads and processes that do not start
AS_IN_A_BROWSER = """
import os, sys, threading
for missing in ("ctypes", "_multiprocessing", "_posixsubprocess", "fcntl", "termios", "tkinter", "ssl"):
    sys.modules[missing] = None
def refused(*args, **kwargs):
    raise RuntimeError("can't start new thread")
threading.Thread.start = refused
os.fork = os.posix_spawn = refused
sys.platform = "emscripten"
shown = []
display = shown.append
"""
AT_THE_END = """
import ast
assert all("<svg" in picture._repr_svg_() for picture in shown)
print(len(shown), "pictures")
"""


def test_the_recipe_runs_where_nothing_can_be_started(tmp_path):
    code = (PAGE / "recipe.py").read_text().replace("range(40)", "range(20)")
    body, last = code.rstrip().rsplit("\n", 1)
    run = subprocess.run(
        [sys.executable, "-c", f"{AS_IN_A_BROWSER}{body}\ndisplay({last})\n{AT_THE_END}"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not run.stderr
    assert run.stdout.endswith("2 pictures\n")
    ours, baseline = re.findall(r"LSTM ([\d.]+), as last year ([\d.]+)", run.stdout)[0]
    assert float(ours) < float(baseline)


def test_the_page_names_files_and_elements_that_are_there():
    page = {path.name: path.read_text() for path in PAGE.iterdir() if path.suffix in (".html", ".js")}
    ids = set(re.findall(r'id="(\w+)"', page["index.html"]))
    assert set(re.findall(r'\bat\("(\w+)"\)', page["page.js"])) == ids
    named = set(re.findall(r'"([\w]+\.(?:js|py|json))"', "".join(page.values())))
    assert named - {"settings.json", "pyodide.js"} == {"page.js", "worker.js", "recipe.py"}
    assert (ROOT / "docs" / "browser.md").read_text().count("_static/try/index.html") == 2


def test_what_is_built_beside_the_page(tmp_path, monkeypatch):
    pytest.importorskip("hatchling")
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    import playground

    playground.prepare(tmp_path)
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert (tmp_path / settings["wheel"]).exists()
    assert settings["pyodide"].startswith("https://")
    with pytest.raises(FileNotFoundError, match=r"pyodide\.js"):
        playground.prepare(tmp_path, str(tmp_path))


def test_a_pyodide_in_a_folder_is_copied_beside_the_page(tmp_path, monkeypatch):
    pytest.importorskip("hatchling")
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    import playground

    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    for name in playground.PARTS:
        (source / name.replace("*", "1")).write_bytes(name.encode())
    playground.prepare(target, str(source))
    assert json.loads((target / "settings.json").read_text())["pyodide"] == "pyodide/"
    assert len(list((target / "pyodide").iterdir())) == len(playground.PARTS)


def test_the_probe_answers_everything(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "browser"))
    import probe

    answers = probe.answers()
    assert len(answers) > 130
    assert not {name: told for name, told in answers.items() if re.search(r"(Error|Warning):", str(told))}
