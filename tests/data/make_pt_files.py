"""Made the .pt files beside it, with torch 2.13: `python make_pt_files.py` in this folder.

What each holds is written out again, as NumPy arrays, in `tests/test_serialization.py`.
"""

from collections import OrderedDict

import torch

ramp = torch.arange(12, dtype=torch.float32).reshape(3, 4)

torch.save(
    OrderedDict(
        whole=ramp,
        transposed=ramp.t(),
        part=ramp[1:, ::2],
        scalar=torch.tensor(2.5, dtype=torch.float64),
        empty=torch.zeros(0, 3, dtype=torch.int16),
        mask=torch.tensor([True, False]),
        half=torch.tensor([1.0, -2.0], dtype=torch.float16),
        brain=torch.tensor([1.5, -3.0], dtype=torch.bfloat16),
        unsigned=torch.tensor([1, 65535], dtype=torch.uint16),
        complex=torch.tensor([1 + 2j, -3j]),
        conjugate=torch.tensor([1 + 2j, -3j]).conj(),
        expanded=torch.tensor([7.0]).expand(2, 3),
        parameter=torch.nn.Parameter(torch.tensor([0.5])),
        frozen=torch.nn.Parameter(torch.tensor([0.25]), requires_grad=False),
    ),
    "tensors.pt",
)
torch.save(
    {
        "numbers": [1, -2, 3.5, True, None, 10**30, 1 + 2j],
        "text": ("a", "é", b"bytes", bytearray(b"array")),
        "set": {1, 2},
        "size": torch.Size([2, 3]),
        "dtype": torch.float32,
        "device": torch.device("cpu"),
        7: {"nested": OrderedDict([("x", torch.tensor([1, 2]))])},
    },
    "containers.pt",
)
torch.manual_seed(0)
torch.save(torch.nn.LSTM(2, 3).state_dict(), "lstm.pt")
torch.save(torch.tensor([1.0]), "legacy.pt", _use_new_zipfile_serialization=False)
