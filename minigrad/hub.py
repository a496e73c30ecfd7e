"""PyTorch's `torch.hub`, as far as it fetches files: weights by their address. Models as code from
elsewhere are not fetched.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .datasets.fetching import download, home
from .serialization import load as load_file

_HASH = re.compile(r"-([a-f0-9]*)\.")
_chosen: str | None = None


def get_dir() -> str:
    """The folder for what is fetched: what `set_dir` chose, or hub in $MINIGRAD_HOME or ~/.cache/minigrad."""
    return _chosen if _chosen is not None else str(home() / "hub")


def set_dir(d: str | os.PathLike) -> None:
    """Choose the folder for what is fetched."""
    global _chosen
    _chosen = os.path.expanduser(os.fspath(d))


def download_url_to_file(url: str, dst: str, hash_prefix: str | None = None, progress: bool = True) -> None:
    """Fetch a file to a path, whole or not at all; `hash_prefix` is what its sha256 begins with.

    Raises as `minigrad.datasets.download` does.
    """
    beside = Path(f"{dst}.new")
    beside.unlink(missing_ok=True)
    os.replace(download(url, beside, sha256=hash_prefix, progress=progress), dst)


def load_state_dict_from_url(
    url: str,
    model_dir: str | None = None,
    map_location=None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = True,
) -> dict[str, Any]:
    """Fetch a file of weights, once, and load it.

    With `check_hash` its name must end in the first digits of its sha256, as in `model-0123abcd.pt`,
    which must be right. `weights_only` is that of `load`, and True, while PyTorch's default is False: a
    file from elsewhere runs no code unless it is asked to.
    """
    name = file_name or os.path.basename(urlsplit(url).path)
    found = _HASH.search(name) if check_hash else None
    folder = Path(get_dir(), "checkpoints") if model_dir is None else Path(model_dir)
    path = download(url, folder / name, sha256=found[1] if found else None, progress=progress)
    return load_file(path, map_location, weights_only=weights_only)


def load(*args, **kwargs):
    """Refused: a repository's code is not fetched and run."""
    raise NotImplementedError(
        "hub.load: code from a repository is not fetched and run; install the model's package, or load its "
        "weights with hub.load_state_dict_from_url"
    )
