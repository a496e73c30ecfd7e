"""The documents: their code runs and prints what they say, their exercises fail before and pass after."""

import contextlib
import doctest
import io
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
#: a block of Python, and the block of text behind it, if there is one, that it prints
BLOCK = re.compile(r"```python\n(.*?)```(?:\n+```text\n(.*?)```)?", re.S)
AS_PRINTED = doctest.OutputChecker().check_output  # "..." stands for anything, as in a doctest
EXERCISES = runpy.run_path(str(ROOT / "docs" / "exercises" / "check.py"))


@pytest.mark.parametrize("page", [p for p in PAGES if BLOCK.search(p.read_text())], ids=lambda p: p.stem)
def test_the_code_of_a_page_runs_and_prints_what_the_page_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # what it saves stays here
    names: dict = {"__name__": "__main__"}
    for code, wanted in BLOCK.findall(page.read_text()):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, str(page), "exec"), names)
        assert not wanted or AS_PRINTED(wanted, printed.getvalue(), doctest.ELLIPSIS), printed.getvalue()


@pytest.mark.parametrize("name", EXERCISES["CHECKS"])
def test_an_exercise_fails_before_and_passes_after(name):
    with pytest.raises(Exception, match=r"."):
        EXERCISES["check"](name)
    EXERCISES["check"](name, ROOT / "docs" / "exercises" / "answers")


def test_every_page_is_reached_from_the_first():
    index = (ROOT / "docs" / "index.md").read_text()
    listed = set(re.findall(r"^([\w/]+)$", index, re.M))
    assert {p.stem for p in PAGES} - {"index"} <= listed


def test_what_pages_quote_exists():
    for page in PAGES:
        for file, name in re.findall(r"literalinclude\} (\S+)\n:pyobject: (\S+)", page.read_text()):
            source = (page.parent / file).read_text()
            assert re.search(rf"(def|class) {name.rpartition('.')[2]}\b", source), (
                f"{page.name}: {file} {name}"
            )
