"""What is left out says so, and what the document says is left out is."""

import copy
import pickle
from pathlib import Path

import pytest

import minigrad
from minigrad import left_out
from minigrad.dtypes import absent_dtype
from minigrad.tensor_left_out import LeftOutMethod, LeftOutMethods

DOCUMENT = Path(__file__).parent.parent / "docs" / "left_out.md"
FUNCTIONS = [name for name, what in left_out.NAMES.items() if not isinstance(what, absent_dtype)]
DTYPES = [name for name, what in left_out.NAMES.items() if isinstance(what, absent_dtype)]


def found(path: str):
    """What a user finds under a dotted name; of a Tensor's methods, on a tensor."""
    place = minigrad
    for part in path.split("."):
        place = minigrad.ones(2) if part == "Tensor" else getattr(place, part)
    return place


@pytest.mark.parametrize("path", FUNCTIONS)
def test_a_left_out_name_refuses_in_one_sentence(path):
    refusal = found(path)
    with pytest.raises(NotImplementedError) as caught:
        refusal(1, key=2)
    message = str(caught.value)
    assert message.startswith(f"{path} is not in minigrad: ")
    assert "; " in message
    assert "\n" not in message
    assert not isinstance(3, refusal)


@pytest.mark.parametrize("path", FUNCTIONS)
def test_a_left_out_name_is_nowhere_else(path):
    """A name that is built leaves the list."""
    namespace, _, name = path.rpartition(".")
    place = minigrad.Tensor if namespace == "Tensor" else found(namespace) if namespace else minigrad
    assert vars(place).get(name) in (None, left_out.NAMES[path])
    assert name not in getattr(place, "_LATER", ())
    if namespace == "Tensor":
        owners = [cls.__name__ for cls in place.__mro__ if name in vars(cls)]
        assert owners == ["LeftOutMethods"]


def test_every_left_out_method_is_on_the_list():
    methods = {f"Tensor.{n}" for n, m in vars(LeftOutMethods).items() if isinstance(m, LeftOutMethod)}
    assert methods == {path for path in left_out.NAMES if path.startswith("Tensor.")}


@pytest.mark.parametrize("name", left_out.SUBMODULES)
def test_a_left_out_submodule_is_not_there(name):
    namespace, _, name = name.rpartition(".")
    place = found(namespace) if namespace else minigrad
    assert not hasattr(place, name)
    with pytest.raises(AttributeError, match=f"no attribute '{name}': .*; "):
        getattr(place, name)


@pytest.mark.parametrize("name", DTYPES)
def test_a_dtype_that_numpy_lacks_is_a_name(name):
    """It compares, prints, and is pickled; to be used it refuses."""
    kind = getattr(minigrad, name)
    assert isinstance(kind, minigrad.dtype)
    assert kind == getattr(minigrad, name)
    assert minigrad.ones(2).dtype != kind
    assert repr(kind) == "torch." + kind.name
    assert kind.is_floating_point + kind.is_complex <= 1
    assert copy.deepcopy(kind) is pickle.loads(pickle.dumps(kind)) is kind
    for use in (
        lambda: minigrad.zeros(2, dtype=kind),
        lambda: minigrad.ones(2).to(kind),
        lambda: minigrad.ones(2).type(kind),
        lambda: minigrad.tensor([1.0], dtype=kind),
        lambda: minigrad.set_default_dtype(kind),
        lambda: minigrad.ones(2).sum(dtype=kind),
    ):
        with pytest.raises(NotImplementedError, match=f"torch.{kind.name}: NumPy has no such dtype; use "):
            use()


@pytest.mark.parametrize("layout", ["sparse_coo", "sparse_csr", "jagged"])
def test_other_layouts_are_refused(layout):
    kind = getattr(minigrad, layout)
    assert minigrad.ones(2).layout != kind
    for make in (
        lambda: minigrad.zeros(2, layout=kind),
        lambda: minigrad.randn(2, layout=kind),
        lambda: minigrad.arange(2, layout=kind),
        lambda: minigrad.zeros_like(minigrad.ones(2), layout=kind),
    ):
        with pytest.raises(NotImplementedError, match=f"layout torch.{layout} is not here"):
            make()
    assert minigrad.zeros(2, layout=minigrad.strided).tolist() == [0, 0]


def test_the_document_lists_every_family():
    text = DOCUMENT.read_text()
    for family in left_out.FAMILIES:
        assert f"| {family.title} | {family.sentence} |" in text
    assert text.count("| ") >= len(left_out.FAMILIES)
