"""Results with names: tuples that print, copy, pickle and unpack as PyTorch's do."""

import copy
import pickle

import pytest

import minigrad
from minigrad import return_types

NAMED = [n for n, kind in vars(return_types).items() if isinstance(kind, type) and "_fields" in vars(kind)]
RESULTS = {
    "max": lambda x: x.max(0),
    "sort": lambda x: x.sort(),
    "cummin": lambda x: x.cummin(1),
    "aminmax": lambda x: x.aminmax(),
    "frexp": lambda x: x.frexp(),
    "linalg_svd": lambda x: minigrad.linalg.svd(x),
    "linalg_lu": lambda x: minigrad.linalg.lu(x),
}


@pytest.mark.parametrize("name", RESULTS)
def test_results_have_their_type(name):
    """Of PyTorch's name, with values by name and by place."""
    result = RESULTS[name](minigrad.randn(3, 3))
    kind = getattr(return_types, name)
    assert type(result) is kind
    assert all(getattr(result, field) is value for field, value in zip(kind._fields, result, strict=True))
    assert repr(result).startswith(f"torch.return_types.{name}(\n{kind._fields[0]}=tensor(")


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_pickled_and_copied(name):
    result = RESULTS[name](minigrad.randn(3, 3))
    for again in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        assert type(again) is type(result)
        assert all((a == b).all() for a, b in zip(again, result, strict=True))


@pytest.mark.parametrize("name", [n for n in NAMED if n != "NamedResult"])
def test_a_type_is_made_of_as_many_values_as_it_has_names(name):
    kind = getattr(return_types, name)
    values = tuple(range(kind.n_fields))
    assert kind(values) == kind(*values) == values
    with pytest.raises(TypeError, match=name):
        kind((*values, 7, 7))
