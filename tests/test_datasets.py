"""The shipped data is what its README says, loads the same each time, and can be learned from."""

import ast
import hashlib
import re
from collections import Counter
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.datasets import baselines, co2, hamlet, spellings, split_by_name, sunspots, surnames

FOLDER = files("minigrad.datasets")
DATA = FOLDER / "data"
ROW = re.compile(r"\| `(\S+)` \| ([\d,]+) \| `([0-9a-f]{64})` \|$", re.MULTILINE)
LISTED = {
    name: (int(size.replace(",", "")), sha)
    for name, size, sha in ROW.findall((FOLDER / "README.md").read_text())
}
LOADERS = [surnames, spellings, sunspots, co2, hamlet]


def same(a, b):
    return (
        np.array_equal(a, b, equal_nan=True)
        if isinstance(a, np.ndarray) and a.dtype.kind == "f"
        else np.all(a == b)
    )


# ---- the files


def test_readme_lists_every_file_as_it_is():
    contents = {path.name: path.read_bytes() for path in DATA.iterdir()}
    assert {name: (len(c), hashlib.sha256(c).hexdigest()) for name, c in contents.items()} == LISTED


def test_data_is_small():
    assert sum(size for size, _ in LISTED.values()) < 600_000


def test_licences_are_there():
    text = (FOLDER / "LICENSES.md").read_text()
    assert "Permission is hereby granted" in text
    assert all(name in text for name in LISTED)


def test_shipped_data_needs_nothing_but_numpy_and_the_standard_library():
    imported = set()
    for path in FOLDER.iterdir():
        if path.name in ("baselines.py", "names.py", "series.py", "text.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    imported |= {alias.name for alias in node.names}
                if isinstance(node, ast.ImportFrom):
                    imported.add("." * node.level + (node.module or ""))
    assert not [name for name in imported if name.startswith(("minigrad", ".."))]


@pytest.mark.parametrize("load", LOADERS)
def test_loading_twice_gives_equal_and_separate_data(load):
    first, second = load(), load()
    if isinstance(first, str):
        assert first == second
        return
    assert first is not second
    assert all(same(a, b) for a, b in zip(first, second, strict=True))


# ---- surnames


def test_surnames_are_ascii_and_once_per_language():
    pairs = surnames()
    assert len(pairs) == len(set(pairs)) == 19_076
    assert all(re.fullmatch(r"[A-Z'][A-Za-z '-]*", name) for name, _ in pairs)


def test_languages_are_in_order_and_large_enough():
    languages = [language for _, language in surnames()]
    assert languages == sorted(languages)
    counts = Counter(languages)
    assert len(counts) == 22
    assert min(counts.values()) == counts["Portuguese"] == 144
    assert max(counts.values()) == 2_000


def test_ceiling_is_what_the_docstring_says():
    pairs = surnames()
    ceiling = len({name.casefold() for name, _ in pairs}) / len(pairs)
    assert f"{ceiling:.1%}".replace("%", " %") in surnames.__doc__


def test_no_spelling_crosses_the_split():
    train, held_out = split_by_name(surnames())
    assert sorted(train + held_out, key=lambda p: p[::-1]) == sorted(surnames(), key=lambda p: p[::-1])
    assert not {name.casefold() for name, _ in train} & {name.casefold() for name, _ in held_out}
    assert len(held_out) / len(surnames()) == pytest.approx(0.2, abs=0.01)


def test_side_of_a_name_stays_when_others_go_and_moves_with_the_seed():
    pairs = surnames()
    _, held_out = split_by_name(pairs)
    assert split_by_name(pairs[::-3])[1] == [pair for pair in pairs[::-3] if pair in set(held_out)]
    assert split_by_name(pairs, seed=1)[1] != held_out


def test_split_of_a_split_is_a_third_part():
    train, _ = split_by_name(surnames())
    assert len(split_by_name(train, held_out=0.1, seed=1)[1]) / len(train) == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("share", [0, 1, -0.1, 20])
def test_split_refuses_what_is_no_share(share):
    with pytest.raises(ValueError, match=r"split_by_name: held_out must lie between 0 and 1"):
        split_by_name([("Ada", "English")], held_out=share)


# ---- series


@pytest.mark.parametrize(("load", "length", "ends"), [
    (sunspots, 309, [("1700", 5.0), ("2008", 2.9)]),
    (co2, 2284, [("1958-03-29", 316.1), ("2001-12-29", 371.5)]),
])  # fmt: skip
def test_series_is_regular_and_ends_where_it_should(load, length, ends):
    series = load()
    assert series.values.shape == series.time.shape == (length,)
    assert series.values.dtype == np.float64
    assert series.time.dtype.kind == "M"
    assert len(set(np.diff(series.time))) == 1
    assert [(str(series.time[i]), series.values[i]) for i in (0, -1)] == ends


def test_gaps_are_nan_until_a_line_is_drawn_across_them():
    raw, whole = co2().values, co2(interpolate=True).values
    gaps = np.isnan(raw)
    assert gaps.sum() == 59
    assert np.array_equal(raw[~gaps], whole[~gaps])
    alone = np.flatnonzero(gaps[1:-1] & ~gaps[:-2] & ~gaps[2:]) + 1
    assert len(alone) > 0
    assert whole[alone] == pytest.approx((raw[alone - 1] + raw[alone + 1]) / 2)


# ---- Hamlet


def test_hamlet_is_the_whole_play_in_64_characters():
    text = hamlet()
    assert text.startswith("The Tragedy of Hamlet, Prince of Denmark\nACT I\n")
    assert "To be, or not to be: that is the question:" in text
    assert text.endswith("a peal of ordnance is shot off\n")
    assert len(set(text)) == 64
    assert str(len(set(text))) in hamlet.__doc__


# ---- baselines: right on what can be worked out by hand


def test_majority_class_is_the_most_frequent_and_settles_ties_by_the_alphabet():
    assert baselines.majority_class(["b", "a", "b"]) == "b"
    assert baselines.majority_class(iter(["b", "a"])) == "a"


def test_accuracy_is_a_share():
    assert baselines.accuracy(["a", "b", "b", "a"], ["a", "b", "a", "a"]) == 0.75


@pytest.mark.parametrize(("predicted", "wanted"), [([], []), (["a"], ["a", "b"])])
def test_accuracy_refuses_what_does_not_pair_up(predicted, wanted):
    with pytest.raises(ValueError, match=r"accuracy: .* give one for each"):
        baselines.accuracy(predicted, wanted)


def test_naive_bayes_is_the_formula():
    model = baselines.NGramBayes(longest=1, smoothing=1).fit(["aa", "ab", "b"], ["x", "x", "y"])
    # n-grams ^ a b $: x has counts 2 3 1 2, y has 1 0 1 1; one is added to each
    log_x = np.log(2 / 3) + np.log(np.array([3, 4, 2, 3]) / 12)[[0, 2, 2, 3]].sum() - np.log(2 / 3)
    log_y = np.log(1 / 3) + np.log(np.array([2, 1, 2, 2]) / 7)[[0, 2, 2, 3]].sum() - np.log(1 / 3)
    assert model._log_scores("Bb?") - model.log_prior == pytest.approx([log_x, log_y])
    assert model.predict(["bbb", "aaa"]) == ["y", "x"]


@given(st.text("abc", min_size=1), st.text("abcd", max_size=6), st.integers(1, 5))
def test_text_model_gives_probabilities(text, context, longest):
    model = baselines.NGramText(longest).fit(text)
    p = [model.probability(character, context) for character in [*model.alphabet, "unseen"]]
    assert min(p) > 0
    assert sum(p) == pytest.approx(1)


def test_text_model_knows_a_text_that_repeats():
    model = baselines.NGramText().fit("abcd" * 200)
    assert model.bits_per_character("abcd" * 20) < 0.2
    assert model.bits_per_character("dcba" * 20) > 5


@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 12))
def test_seasonal_naive_looks_back_whole_periods_and_no_further_than_needed(length, period, horizon):
    forecasts = baselines.seasonal_naive(np.arange(float(length)), period, horizon)
    steps = (np.arange(length) - forecasts)[~np.isnan(forecasts)]
    assert np.isnan(forecasts[: min(horizon, length)]).all()
    assert (steps % period == 0).all()
    assert ((horizon <= steps) & (steps < horizon + period)).all()


def test_last_value_is_the_value_horizon_steps_before():
    forecasts = baselines.last_value(np.array([3, 1, 4, 1, 5]), horizon=2)
    assert np.array_equal(forecasts, [np.nan, np.nan, 3, 1, 4], equal_nan=True)


@pytest.mark.parametrize(("period", "horizon"), [(1, 0), (7, -7), (-7, 7), (0, 1)])
def test_forecasts_refuse_to_look_at_the_present(period, horizon):
    with pytest.raises(ValueError, match=r"period and horizon must be 1 or more"):
        baselines.seasonal_naive(np.arange(9.0), period, horizon)


def test_autoregression_finds_the_rule_of_a_series_and_looks_only_back():
    values = np.array([1.0, 2.0])
    for _ in range(40):
        values = np.append(values, 1.3 * values[-1] - 0.8 * values[-2] + 0.5)
    forecasts = baselines.autoregression(values, lags=2, horizon=1, train=20)
    assert np.isnan(forecasts[:2]).all()
    assert forecasts[2:] == pytest.approx(values[2:])
    changed = np.append(values[:30], np.zeros(12))
    assert np.array_equal(
        baselines.autoregression(changed, 2, 3, train=20)[:33],
        baselines.autoregression(values, 2, 3, train=20)[:33],
        equal_nan=True,
    )


@pytest.mark.parametrize(("lags", "horizon", "train"), [(0, 1, 9), (2, 0, 9), (2, 1, 4), (20, 1, 9)])
def test_autoregression_refuses_what_it_cannot_fit(lags, horizon, train):
    with pytest.raises(ValueError, match=r"autoregression: .* (1 or more|raise train)"):
        baselines.autoregression(np.arange(9.0), lags, horizon, train)


def test_mean_absolute_error_leaves_gaps_out():
    assert baselines.mean_absolute_error(np.array([np.nan, 1, 2, 5]), np.array([9, np.nan, 4, 4])) == 1.5
    with pytest.raises(ValueError, match="no place"):
        baselines.mean_absolute_error(np.array([np.nan]), np.array([1.0]))


# ---- baselines: what the README says of them


def held_out_error(forecast, series, *args):
    start = len(series.values) * 4 // 5
    return baselines.mean_absolute_error(forecast(series.values, *args)[start:], series.values[start:])


def test_naive_bayes_learns_the_surnames():
    (names, languages), (new_names, wanted) = (zip(*part, strict=True) for part in split_by_name(surnames()))
    majority = [baselines.majority_class(languages)] * len(wanted)
    assert baselines.accuracy(majority, wanted) == pytest.approx(0.097, abs=5e-4)
    predicted = baselines.NGramBayes().fit(names, languages).predict(new_names)
    assert baselines.accuracy(predicted, wanted) == pytest.approx(0.762, abs=1e-3)


def test_text_model_learns_hamlet():
    text = hamlet()
    start = len(text) * 9 // 10
    assert baselines.NGramText().fit(text[:start]).bits_per_character(text[start:]) == pytest.approx(
        2.416, abs=1e-3
    )


@pytest.mark.parametrize(("load", "forecast", "args", "error"), [
    (sunspots, baselines.last_value, (1,), 25.4),
    (sunspots, baselines.seasonal_naive, (11, 1), 27.9),
    (co2, baselines.last_value, (1,), 0.405),
    (co2, baselines.last_value, (4,), 1.107),
    (co2, baselines.seasonal_naive, (52, 4), 1.650),
    (sunspots, baselines.autoregression, (22, 1, 247), 15.1),
    (sunspots, baselines.autoregression, (22, 11, 247), 29.4),
    (co2, baselines.autoregression, (104, 4, 1827), 0.369),
    (co2, baselines.autoregression, (104, 52, 1827), 0.589),
])  # fmt: skip
def test_naive_forecasts_score_what_the_readme_says(load, forecast, args, error):
    assert held_out_error(forecast, load(), *args) == pytest.approx(error, rel=3e-3)


# ---- names in two scripts ------------------------------------------------------------------------
def test_names_are_in_two_scripts():
    names = spellings()
    assert len(names) == len({(n.native, n.language) for n in names})
    assert Counter(n.language for n in names)["Greek"] == 900
    assert all(n.native.isalpha() and not n.native.isascii() for n in names)
    assert all(n.latin.isascii() for n in names)


def test_letter_by_letter_learns_which_letters_stand_for_which():
    table = {"а": "a", "ж": "zh", "и": "i", "к": "k", "ш": "sh", "щ": "shch"}  # noqa: RUF001
    words = ["жаша", "кащика", "шижа", "ащи", "кишка", "жик", "шаж", "щика", "ажик", "икаша"] * 3
    latin = ["".join(table[c] for c in word) for word in words]
    learned = baselines.LetterByLetter().fit(latin, words)
    assert learned.predict(["zhishka", "kizhash"]) == ["жишка", "кижаш"]
    assert learned.predict(["7ka"]) == ["ка"]


def test_context_tags_back_off_to_what_was_seen():
    text = "abcabdabc"
    labels = [c == "b" and text[i + 1] == "c" for i, c in enumerate(text)]
    tags = baselines.ContextTags(2).fit(text, labels)
    assert tags.predict("abc") == [False, True, False]
    assert tags.predict("zabd") == [False, False, False, False]


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_edit_distance_is_a_distance(one, other):
    distance = baselines.edit_distance(one, other)
    assert distance == baselines.edit_distance(other, one)
    assert (distance == 0) == (one == other)
    assert abs(len(one) - len(other)) <= distance <= max(len(one), len(other))
    assert baselines.edit_distance("a" + one, "a" + other) == distance
