"""Files a user has: tables, text, arrays, pictures, and what installed packages bring along."""

import csv
import gzip
import json
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from minigrad import datasets
from minigrad.datasets import (
    ImageFolder,
    from_package,
    read_csv,
    read_image,
    read_json,
    read_json_lines,
    read_lines,
    read_npy,
    read_npz,
    read_text,
    read_tsv,
)
from minigrad.serialization import FileError
from minigrad.utils.data import DataLoader


@pytest.fixture
def written(tmp_path):
    """A function that writes a file and returns its path."""

    def write(contents, name: str = "file.csv", encoding: str = "utf-8"):
        path = tmp_path / name
        path.write_bytes(contents if isinstance(contents, bytes) else contents.encode(encoding))
        return path

    return write


def shown(columns):
    """Columns with arrays as (dtype, list)."""
    return {k: (str(v.dtype), v.tolist()) if isinstance(v, np.ndarray) else v for k, v in columns.items()}


# ---- CSV -----------------------------------------------------------------------------------------
def test_columns_by_name_in_the_dtype_of_their_cells(written):
    path = written("n,x,name\n1,0.5,Ann\n-2,1e3,Bo\n+3, .25 ,\n")
    assert shown(read_csv(path)) == {
        "n": ("int64", [1, -2, 3]),
        "x": ("float64", [0.5, 1000.0, 0.25]),
        "name": ["Ann", "Bo", None],
    }
    assert list(read_csv(path, columns=["name", "n"])) == ["name", "n"]


def test_missing_values(written):
    path = written("a,b,c,d\n1,NA,x,\n,2.5,NULL,\n")
    columns = read_csv(path)
    np.testing.assert_array_equal(columns["a"], [1.0, np.nan])
    np.testing.assert_array_equal(columns["b"], [np.nan, 2.5])
    assert columns["c"] == ["x", None]
    np.testing.assert_array_equal(columns["d"], [np.nan, np.nan])
    assert read_csv(path, missing=[])["d"] == ["", ""]
    np.testing.assert_array_equal(read_csv(written("a\n-99\n3\n"), missing=["-99"])["a"], [np.nan, 3.0])


def test_what_is_no_number_stays_text(written):
    for cell in ("1_000", "0x10", "1,5", "12 34", "--1", "1e", "NaN!", "\u0663", "9" * 30):
        assert read_csv(written(f'a\n"{cell}"\n'))["a"] == [cell]
    assert shown(read_csv(written("a\ninf\n-Infinity\n")))["a"] == ("float64", [np.inf, -np.inf])


def test_quotes_and_line_ends(written):
    path = written('a,b\r\n"x, ""y""","two\r\nlines"\r\n1,\r\n')
    assert read_csv(path) == {"a": ['x, "y"', "1"], "b": ["two\r\nlines", None]}
    assert read_tsv(written("a\tb\n1\tx,y\n"))["b"] == ["x,y"]
    assert read_csv(written("a;b\n1;2\n"), delimiter=";")["b"].tolist() == [2]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_decide_the_encoding(written, encoding):
    assert read_csv(written("ä,b\né,1\n", encoding=encoding)) == {"ä": ["é"], "b": np.array([1])}


def test_other_encodings_and_packed_files(written):
    assert read_csv(written("ä\né\n", encoding="latin-1"), encoding="latin-1") == {"ä": ["é"]}
    assert read_csv(written(gzip.compress(b"a\n1\n"), "a.csv.gz"))["a"].tolist() == [1]
    with pytest.raises(FileError, match="it does not unpack"):
        read_csv(written(gzip.compress(b"a\n1\n")[:-4], "a.csv.gz"))


def test_headers(written):
    path = written("1,2\n3,4\n")
    assert shown(read_csv(path, header=False)) == {"0": ("int64", [1, 3]), "1": ("int64", [2, 4])}
    assert list(read_csv(path, header=["x", "y"])) == ["x", "y"]
    assert shown(read_csv(written("a,b\n"))) == {"a": [], "b": []}


def test_types_of_ones_own(written):
    path = written("zip,day\n01234,2024-02-29\n00501,NA\n")
    columns = read_csv(path, types={"zip": str, "day": date.fromisoformat})
    assert columns == {"zip": ["01234", "00501"], "day": [date(2024, 2, 29), None]}


BAD = {
    "ragged": ("a,b\n1,2\n3\n4,5,6\n", {}, r"file\.csv:3: line 3: 1 cells, not 2; line 4: 3 cells, not 2$"),
    "after a long cell": ('a,b\n"1\n2",3\n\n4\n', {}, "line 5: 1 cells, not 2"),
    "many": ("a,b\n" + "1\n" * 9, {}, "line 4: 1 cells, not 2; and 6 more lines"),
    "open quote": ('a,b\n1,2\n"3,4\n5,6\n', {}, r"file\.csv:3: .*quote that is not closed"),
    "stray quote": ('a\n"x"y\n', {}, r"file\.csv:2: .*quote"),
    "conversion": ("a\n1\nx\n", {"types": {"a": int}}, "line 3: column 'a': 'x': invalid literal"),
    "characters": (b"a\n1\n\xff\n", {}, r"file\.csv:3: byte 0xff is not utf-8; pass encoding="),
    "empty": ("", {}, "the file has no rows"),
    "twice": ("a,a\n1,2\n", {}, "several columns are called 'a'"),
}


@pytest.mark.parametrize(("contents", "options", "message"), BAD.values(), ids=BAD.keys())
def test_bad_rows_are_named_and_nothing_is_read(written, contents, options, message):
    with pytest.raises(FileError, match=message):
        read_csv(written(contents), **options)


def test_columns_that_are_not_there(written):
    path = written("a,b\n1,2\n")
    for options in ({"columns": ["c"]}, {"types": {"c": int}}):
        with pytest.raises(ValueError, match="there is no column 'c'; there are 'a', 'b'"):
            read_csv(path, **options)
    with pytest.raises(FileNotFoundError):
        read_csv("no such.csv")


@given(
    st.lists(
        st.lists(st.text(st.characters(blacklist_categories=["Cs"])), min_size=2, max_size=2), min_size=1
    )
)
def test_what_python_writes_is_read(tmp_path_factory, rows):
    """Cells with any characters come back, as text."""
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])
    columns = read_csv(path, types={"a": str, "b": str}, missing=[])
    assert [list(row) for row in zip(columns["a"], columns["b"], strict=True)] == rows


@given(st.lists(st.floats(allow_nan=False) | st.integers(-(2**63) + 1, 2**63 - 1), min_size=1))
def test_numbers_come_back_exactly(tmp_path_factory, numbers):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_text("a\n" + "".join(f"{n!r}\n" for n in numbers))
    column = read_csv(path)["a"]
    assert column.dtype == (np.int64 if all(type(n) is int for n in numbers) else np.float64)
    assert column.tolist() == [n if column.dtype == np.int64 else float(n) for n in numbers]


def test_columns_train(written):
    """What a script does with columns."""
    columns = read_csv(written("x,y\n1,2\n3,4\n"))
    data = minigrad.utils.data.TensorDataset(
        *(minigrad.tensor(columns[n], dtype=minigrad.float32) for n in "xy")
    )
    assert [b[0].tolist() for b in DataLoader(data, 2)] == [[1.0, 3.0]]


# ---- JSON ----------------------------------------------------------------------------------------
def test_json_lines(written):
    lines = [
        {"n": 1, "x": 2, "t": "a", "ok": True, "l": [1]},
        {"n": 2, "x": 0.5, "ok": False},
        {"n": 3, "t": "b", "ok": True},
    ]
    path = written("\n".join(map(json.dumps, lines)) + "\n\n", "a.jsonl")
    columns = read_json_lines(path)
    np.testing.assert_array_equal(columns.pop("x"), [2, 0.5, np.nan])
    assert shown(columns) == {
        "n": ("int64", [1, 2, 3]),
        "t": ["a", None, "b"],
        "ok": ("bool", [True, False, True]),
        "l": [[1], None, None],
    }
    assert list(read_json_lines(path, columns=["t"])) == ["t"]
    with pytest.raises(ValueError, match="there is no column 'z'"):
        read_json_lines(path, columns=["z"])
    assert shown(read_json(written(json.dumps(lines[:1]), "a.json"))) == {
        "n": ("int64", [1]), "x": ("int64", [2]), "t": ["a"], "ok": ("bool", [True]), "l": [[1]]
    }  # fmt: skip
    assert read_json_lines(written('{"a": 99999999999999999999}', "a.jsonl")) == {"a": [10**20 - 1]}


def test_bad_json_is_named(written):
    with pytest.raises(
        FileError, match=r"a\.jsonl:2: line 2: Expecting value.*; line 3: an object is wanted, not list"
    ):
        read_json_lines(written('{"a": 1}\n{"a": }\n[1]\n', "a.jsonl"))
    with pytest.raises(FileError, match=r"a\.json:2: Expecting"):
        read_json(written('[{"a": 1},\n{"a"]', "a.json"))
    for contents in ("{}", "[1]"):
        with pytest.raises(FileError, match=r"list of objects|an object is wanted"):
            read_json(written(contents, "a.json"))
    with pytest.raises(FileError):
        read_json_lines(written("[" * 100_000, "a.jsonl"))


# ---- text ----------------------------------------------------------------------------------------
def test_text(written):
    path = written("\ufeffone\r\ntwo\rthree\n", "a.txt")
    assert read_text(path) == "one\ntwo\nthree\n"
    assert read_lines(path) == ["one", "two", "three"]
    assert read_lines(written("", "empty.txt")) == []
    assert read_text(written("a\r\n", "b.txt"), newline="") == "a\r\n"
    with pytest.raises(FileError, match=r"c\.txt:2: byte 0xe9 is not ascii"):
        read_text(written("a\n\xe9", "c.txt", "latin-1"), "ascii")


# ---- arrays --------------------------------------------------------------------------------------
def test_arrays(tmp_path):
    array = np.random.default_rng(0).standard_normal((3, 4))
    np.save(tmp_path / "a.npy", array)
    np.savez_compressed(tmp_path / "a.npz", x=array, y=array[0])
    np.testing.assert_array_equal(read_npy(tmp_path / "a.npy"), array)
    mapped = read_npy(tmp_path / "a.npy", mmap=True)
    mapped[0] = 9
    np.testing.assert_array_equal(read_npy(tmp_path / "a.npy"), array)
    assert list(read_npz(tmp_path / "a.npz")) == ["x", "y"]
    np.testing.assert_array_equal(read_npz(tmp_path / "a.npz")["y"], array[0])


def test_bad_arrays(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(FileError, match=r"objects\.npy: Object arrays cannot be loaded"):
        read_npy(tmp_path / "objects.npy")
    np.savez(tmp_path / "objects.npz", a=np.array([{}], object))
    with pytest.raises(FileError, match="Object arrays"):
        read_npz(tmp_path / "objects.npz")
    np.savez(tmp_path / "a.npz", a=np.arange(100))
    with pytest.raises(FileError, match="use read_npz"):
        read_npy(tmp_path / "a.npz")
    whole = (tmp_path / "a.npz").read_bytes()
    for damaged in (
        b"",
        whole[:200],
        b"no array",
        whole[:60] + b"XX" + whole[62:],
        whole[:300] + b"XX" + whole[302:],
    ):
        (tmp_path / "bad.npz").write_bytes(damaged)
        with pytest.raises(FileError, match=r"bad\.npz"):
            read_npz(tmp_path / "bad.npz")
    with pytest.raises(FileNotFoundError):
        read_npy(tmp_path / "none.npy")


# ---- pictures ------------------------------------------------------------------------------------
@pytest.fixture
def pictures(tmp_path):
    """Two classes of small pictures, values by class."""
    image = pytest.importorskip("PIL.Image")
    for name, value in (("cat", 51), ("dog", 255)):
        (tmp_path / "data" / name / "more").mkdir(parents=True)
        image.new("RGB", (4, 2), (value, 0, 102)).save(tmp_path / "data" / name / "1.png")
        image.new("L", (4, 2), value).save(tmp_path / "data" / name / "more" / "2.PNG")
        (tmp_path / "data" / name / "notes.txt").write_text("no picture")
    return tmp_path / "data"


def test_picture_folders(pictures):
    data = ImageFolder(pictures)
    assert (data.classes, data.class_to_idx, len(data)) == (["cat", "dog"], {"cat": 0, "dog": 1}, 4)
    assert data.targets == [0, 0, 1, 1]
    x, y = data[0]
    assert (tuple(x.shape), x.dtype, y) == ((3, 2, 4), minigrad.float32, 0)
    np.testing.assert_allclose(x[:, 0, 0].tolist(), [0.2, 0.0, 0.4], rtol=1e-6)
    (batch, targets), _ = DataLoader(data, 3)
    assert (tuple(batch.shape), targets.tolist()) == ((3, 3, 2, 4), [0, 0, 1])
    changed = ImageFolder(pictures, transform=lambda x: x.mean(), target_transform=lambda y: -y)
    assert changed[3][1] == -1
    assert ImageFolder(pictures, is_valid_file=lambda p: p.endswith("1.png")).targets == [0, 1]


def test_one_picture(pictures, tmp_path):
    assert tuple(read_image(pictures / "cat" / "1.png", "L", size=(5, 7)).shape) == (1, 5, 7)
    (tmp_path / "bad.png").write_bytes((pictures / "cat" / "1.png").read_bytes()[:40])
    with pytest.raises(FileError, match=r"bad\.png"):
        read_image(tmp_path / "bad.png")
    with pytest.raises(FileNotFoundError):
        read_image(tmp_path / "none.png")


def test_folders_without_pictures(tmp_path):
    with pytest.raises(FileNotFoundError, match="one for each class"):
        ImageFolder(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no pictures for the classes empty"):
        ImageFolder(tmp_path)
    assert len(ImageFolder(tmp_path, allow_empty=True)) == 0


def test_pillow_is_asked_for_by_name(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install minigrad-rnn\[images\]"):
        read_image(tmp_path / "a.png")


# ---- installed packages --------------------------------------------------------------------------
def test_data_of_scikit_learn():
    pytest.importorskip("sklearn")
    iris = from_package("sklearn", "iris")
    assert iris["target"].tolist() == [0] * 50 + [1] * 50 + [2] * 50
    assert iris["petal width (cm)"][0] == 0.2
    assert {"Weight", "Chins"} <= from_package("sklearn", "linnerud").keys()
    with pytest.raises(ValueError, match="sklearn has no data set 'nothing'"):
        from_package("sklearn", "nothing")


def test_data_of_statsmodels():
    pytest.importorskip("statsmodels")
    found = from_package("statsmodels", "sunspots")
    np.testing.assert_allclose(found["SUNACTIVITY"], datasets.sunspots().values)


def test_data_of_vega():
    pytest.importorskip("vega_datasets")
    weather = from_package("vega_datasets", "seattle-weather")
    assert len(weather["date"]) == 1461
    assert weather["temp_max"].dtype == np.float64
    assert len(from_package("vega_datasets", "cars")["Name"]) == 406
    with pytest.raises(ValueError, match="has no data set 'airports2'"):
        from_package("vega_datasets", "airports2")


def test_packages_that_are_not_there(monkeypatch):
    with pytest.raises(ValueError, match="'numpy' is not one of sklearn, statsmodels, vega_datasets"):
        from_package("numpy", "iris")
    monkeypatch.setattr("minigrad.datasets.installed.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="sklearn is not installed: pip install scikit-learn"):
        from_package("sklearn", "iris")


def test_names_are_no_paths(monkeypatch, tmp_path):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr("minigrad.datasets.installed.find_spec", lambda name: spec)
    with pytest.raises(ValueError, match="is no name of a data set"):
        from_package("statsmodels", "../secret")
