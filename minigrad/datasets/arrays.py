"""Arrays in NumPy's files, and pictures in folders."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..engine import untracked
from ..serialization.errors import FileError
from ..tensor import Tensor
from ..utils.data.dataset import Dataset

PICTURES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


#: what NumPy raises for a file that is damaged or holds objects
_DAMAGED = (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError)


def read_npy(path: str | os.PathLike, *, mmap: bool = False) -> np.ndarray:
    """The array in a `.npy` file; with `mmap=True` read from it as it is used, and never written to it.

    Arrays of Python objects are refused, for they are code. Raises FileError for a damaged file.
    """
    with open(path, "rb") as file, _naming("read_npy", path):
        found = np.load(path if mmap else file, mmap_mode="c" if mmap else None, allow_pickle=False)
        if not isinstance(found, np.ndarray):
            found.close()
            raise ValueError("this is a .npz file; use read_npz")
        return found


def read_npz(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The arrays in a `.npz` file by name; those of Python objects are refused. Raises FileError."""
    with open(path, "rb") as file, _naming("read_npz", path):
        found = np.load(file, allow_pickle=False)
        if isinstance(found, np.ndarray):
            raise ValueError("this is a .npy file; use read_npy")
        return {name: found[name] for name in found.files}


@contextmanager
def _naming(function: str, path: str | os.PathLike) -> Iterator[None]:
    """Turn what goes wrong with a file into a sentence with its name."""
    try:
        yield
    except _DAMAGED as error:
        raise FileError(f"{function}: {os.fspath(path)}: {error}") from None


# ---- pictures ------------------------------------------------------------------------------------
def read_image(path: str | os.PathLike, mode: str = "RGB", size: tuple[int, int] | None = None) -> Tensor:
    """A picture as a tensor (C, H, W) of float32 in [0, 1], in colours (`mode` "RGB") or grey ("L").

    `size` (height, width) scales it. Needs Pillow: pip install minigrad-rnn[images]. Raises FileError for
    a file that is no picture, or one too large to be honest.
    """
    image = _pillow()
    try:
        with image.open(path) as opened:
            picture = opened.convert(mode)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, SyntaxError, image.DecompressionBombError) as error:
        raise FileError(f"read_image: {os.fspath(path)}: {error}") from None
    if size is not None:
        picture = picture.resize((size[1], size[0]), image.Resampling.BILINEAR)
    values = np.asarray(picture, np.float32) / 255
    return untracked(np.ascontiguousarray(values[None] if values.ndim == 2 else values.transpose(2, 0, 1)))


def _pillow():
    try:
        from PIL import Image
    except ImportError:
        raise ModuleNotFoundError(
            "read_image: needs Pillow: pip install minigrad-rnn[images]", name="PIL"
        ) from None
    return Image


class ImageFolder(Dataset):
    """Pictures in one folder per class, `root/class/**/picture.png`: pairs (picture, number of its class).

    Classes are numbered in the order of their names (`classes`, `class_to_idx`); `samples` has (path,
    number) of every picture, sorted. A picture is what `loader(path)` gives, by default `read_image`'s
    tensor; `transform` and `target_transform` are applied to it and to the number. (torchvision's gives a
    PIL image where there is no transform.) Raises FileNotFoundError for a root without folders and for a
    folder without pictures.
    """

    def __init__(
        self,
        root: str | os.PathLike,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        loader: Callable[[str], Any] = read_image,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ):
        self.root = str(os.fspath(root))
        self.transform, self.target_transform, self.loader = transform, target_transform, loader
        self.classes = sorted(entry.name for entry in os.scandir(self.root) if entry.is_dir())
        if not self.classes:
            raise FileNotFoundError(f"ImageFolder: {self.root} has no folders; it needs one for each class")
        self.class_to_idx = {name: number for number, name in enumerate(self.classes)}
        valid = is_valid_file or (lambda path: path.lower().endswith(PICTURES))
        found = {name: _files_in(Path(self.root, name), valid) for name in self.classes}
        empty = [name for name, files in found.items() if not files]
        if empty and not allow_empty:
            raise FileNotFoundError(
                f"ImageFolder: no pictures for the classes {', '.join(empty)} in {self.root}"
            )
        self.samples = [(path, self.class_to_idx[name]) for name, files in found.items() for path in files]
        self.targets = [number for _, number in self.samples]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int):
        path, target = self.samples[index]
        picture = self.loader(path)
        picture = picture if self.transform is None else self.transform(picture)
        return picture, target if self.target_transform is None else self.target_transform(target)


def _files_in(folder: Path, valid: Callable[[str], bool]) -> Sequence[str]:
    return sorted(str(path) for path in folder.rglob("*") if path.is_file() and valid(str(path)))
