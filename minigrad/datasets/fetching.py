"""Files from the internet: fetched once into a cache, resumed where a connection broke, checked, whole or
not there.

What has arrived of a file lies beside its place under `.part`, with the server's mark of its version under
`.part.mark`, until it is complete and, where a checksum is known, right.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, BinaryIO

from ..serialization.atomic import claim
from ..serialization.errors import FileError

CHUNK = 2**16
Progress = Callable[[int, int | None], Any]


def home() -> Path:
    """The folder for what is downloaded: $MINIGRAD_HOME, or minigrad in $XDG_CACHE_HOME or ~/.cache."""
    chosen = os.environ.get("MINIGRAD_HOME")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache")
    return Path(chosen or os.path.join(cache, "minigrad")).expanduser()


def download(
    url: str,
    path: str | os.PathLike | None = None,
    *,
    sha256: str | None = None,
    size: int | None = None,
    progress: bool | Progress = True,
    timeout: float = 30.0,
    attempts: int = 5,
) -> Path:
    """Fetch a file by http or https unless it is there already, and return its path.

    It goes to `path`, by default under its own name into `home()`/downloads. `sha256` (or its first
    digits) and `size` in bytes, where given, must be right; without a checksum a file that is there is
    taken as it is. When the connection breaks or is silent for `timeout` seconds the rest is asked for,
    up to `attempts` times in a row without a byte, and by the next call. `progress` writes a line where
    stderr is a terminal, or is a function of the bytes so far and in all (None where the server does not
    say).

    Raises ConnectionError, in one sentence, where the server cannot be reached or refuses, FileError
    where what arrives is not what was wanted.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"download: {url}: the address must begin with http:// or https://")
    target = home() / "downloads" / _name_of(parts) if path is None else Path(path)
    if target.exists() and (sha256 is None or _digest(target).startswith(sha256.lower())):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    fetch = _Fetch(url, target, sha256, size, timeout, _shown(progress, target.name))
    fetch.run(attempts)
    return target


def _name_of(parts: urllib.parse.SplitResult) -> str:
    """A file's name from its address: its own, after a few digits that tell addresses apart."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", os.path.basename(urllib.parse.unquote(parts.path))).lstrip(".")
    return f"{hashlib.sha256(parts.geturl().encode()).hexdigest()[:8]}-{name[-100:] or 'file'}"


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Fetch:
    """One file on its way."""

    def __init__(
        self, url: str, target: Path, sha256: str | None, size: int | None, timeout: float, show: Progress
    ):
        self.url, self.target, self.sha256, self.size = url, target, sha256, size
        self.timeout, self.show = timeout, show
        self.part = target.with_name(target.name + ".part")
        self.mark = target.with_name(target.name + ".part.mark")
        self.told = f"download: {url}"

    def run(self, attempts: int) -> None:
        """Ask for what is missing until nothing is, then check it and put it in its place."""
        if self.sha256 is None and not self.mark.exists():
            self._forget()  # what came another time could be of another version, and nothing would tell
        resumed, failures = self._arrived() > 0, 0
        while not self._arrive():
            failures = 0 if self._arrived() > self.before else failures + 1
            if failures == attempts:
                raise ConnectionError(
                    f"{self.told}: {self.trouble}; {attempts} attempts gave no more of it, try again"
                )
        if self._wrong() and resumed:  # what was there from another time may be of another version
            self._forget()
            return self.run(attempts)
        self._finish()

    def _arrived(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _arrive(self) -> bool:
        """Ask once; whether all is there. What broke the connection is noted as `trouble`."""
        self.before, self.trouble = self._arrived(), "the connection broke"
        try:
            with self._open() as response:
                return self._read(response)
        except urllib.error.HTTPError as error:
            return self._refused(error)
        except (HTTPException, ConnectionError, TimeoutError, urllib.error.URLError) as error:
            reason = getattr(error, "reason", None) or error
            if isinstance(error, urllib.error.URLError) and not isinstance(reason, TimeoutError):
                raise ConnectionError(
                    f"{self.told}: the server cannot be reached ({reason}); without a network, put the "
                    f"file at {self.target} by hand"
                ) from None
            self.trouble = f"the connection broke ({reason or type(reason).__name__})"
            return False

    def _open(self) -> HTTPResponse:
        headers = {"User-Agent": "minigrad", "Accept-Encoding": "identity"}
        if self.before:
            headers["Range"] = f"bytes={self.before}-"
            if self.mark.exists():
                headers["If-Range"] = self.mark.read_text("ascii")
        return _opener().open(urllib.request.Request(self.url, headers=headers), timeout=self.timeout)

    def _refused(self, error: urllib.error.HTTPError) -> bool:
        """A range beyond the end may mean that all is there; anything else is the server's last word."""
        with error:
            if error.code == 416 and self.before:
                if error.headers.get("Content-Range") == f"bytes */{self.before}":
                    return True
                self._forget()
                return False
            raise ConnectionError(f"{self.told}: the server answers {error.code} {error.reason}") from None

    def _read(self, response: HTTPResponse) -> bool:
        """Take what the server sends; whether that completes the file."""
        if response.status == 206 and not self._follows_on(response):
            self._forget()
            return False
        start = self.before if response.status == 206 else 0
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdigit() else None
        self._check_size(start if total is None else total, complete=total is not None)
        self._remember(response)
        with self._claimed(start) as file:
            arrived = self._copy(response, file, start, total)
        if total is not None and arrived < total:
            self.trouble = f"only {arrived} of {total} bytes arrived"
        return total is None or arrived == total

    @contextmanager
    def _claimed(self, start: int) -> Iterator[BinaryIO]:
        """What has arrived, to be continued at `start`, for this process alone."""
        descriptor = os.open(self.part, os.O_RDWR | os.O_CREAT, 0o666)
        with open(descriptor, "r+b") as file:
            if not claim(file) or self._arrived() != self.before:
                raise ConnectionError(
                    f"{self.told}: another process is fetching it to {self.target}; wait for it"
                )
            file.truncate(start)
            file.seek(start)
            yield file

    def _copy(self, response: HTTPResponse, file: BinaryIO, arrived: int, total: int | None) -> int:
        while chunk := response.read1(CHUNK):
            file.write(chunk)
            arrived += len(chunk)
            self._check_size(arrived, complete=False)
            self.show(arrived, total)
        file.flush()
        os.fsync(file.fileno())
        return arrived

    def _follows_on(self, response: HTTPResponse) -> bool:
        """Whether a part is the one that was asked for."""
        return response.headers.get("Content-Range", "").startswith(f"bytes {self.before}-")

    def _check_size(self, bytes_: int, complete: bool) -> None:
        if self.size is not None and (bytes_ > self.size or (complete and bytes_ != self.size)):
            self._forget()
            raise FileError(
                f"{self.told}: {bytes_} bytes arrive, not {self.size}: the file has changed or is another"
            )

    def _remember(self, response: HTTPResponse) -> None:
        """Note the server's mark of the file's version; without a strong one a rest cannot be asked for
        safely.
        """
        mark = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        if mark and not mark.startswith("W/"):
            self.mark.write_text(mark, "ascii", "replace")

    def _forget(self) -> None:
        for path in (self.part, self.mark):
            path.unlink(missing_ok=True)

    def _wrong(self) -> bool:
        return self.sha256 is not None and not _digest(self.part).startswith(self.sha256.lower())

    def _finish(self) -> None:
        if self._wrong():
            found = _digest(self.part)
            self._forget()
            raise FileError(
                f"{self.told}: its sha256 is {found}, not {self.sha256}: the file has changed or is damaged"
            )
        self._check_size(self._arrived(), complete=True)
        os.replace(self.part, self.target)
        self.mark.unlink(missing_ok=True)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Followed, but never from https to http, where anyone on the way could answer."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise urllib.error.HTTPError(newurl, code, f"and leads away from https to {newurl}", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_Redirects)


def _shown(progress: bool | Progress, name: str) -> Progress:
    """The function that is told how far it is."""
    if callable(progress):
        return progress
    if not progress or not sys.stderr.isatty():
        return lambda arrived, total: None

    def line(arrived: int, total: int | None) -> None:
        of = "" if total is None else f" of {total / 1e6:.1f}"
        end = "\n" if arrived == total else ""
        print(f"\r{name}: {arrived / 1e6:.1f}{of} MB", end=end, file=sys.stderr, flush=True)

    return line
