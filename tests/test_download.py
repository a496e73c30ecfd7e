"""Downloads from a server of this test's own, which breaks off, stalls, redirects, lies, and forgets
ranges.
"""

import hashlib
import io
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

import minigrad
from minigrad import hub, nn
from minigrad.datasets import download, fetching, home
from minigrad.serialization import FileError

BODY = np.random.default_rng(0).bytes(300_000)
SHA = hashlib.sha256(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `body` under every path; `misdeeds` are done one after the other, one a request."""

    daemon_threads = True
    address = ""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.misdeeds, self.requests = BODY, [], []
        self.mark: str | None = '"first"'
        self.released = threading.Event()
        self.address = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        """Nothing."""

    def do_GET(self):
        server: Server = self.server
        server.requests.append((self.path, self.headers.get("Range"), self.headers.get("If-Range")))
        misdeed = server.misdeeds.pop(0) if server.misdeeds else Handler.serve
        misdeed(self)
        self.close_connection = True

    def part(self) -> tuple[int, bytes]:
        """Where the answer begins, and the rest of the body from there."""
        wanted, known = self.headers.get("Range"), self.headers.get("If-Range")
        start = int(wanted[6:-1]) if wanted and known in (None, self.server.mark) else 0
        return start, self.server.body[start:]

    def head(self, status: int, length: int | None, **headers: str) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        if self.server.mark:
            self.send_header("ETag", self.server.mark)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def serve(self, sent: int | None = None) -> None:
        """The body, or its rest, or the first bytes of that."""
        start, rest = self.part()
        size = len(self.server.body)
        if start and not rest:
            self.head(416, 0, Content_Range=f"bytes */{size}")
            return
        headers = {"Content_Range": f"bytes {start}-{size - 1}/{size}"} if start else {}
        self.head(206 if start else 200, len(rest), **headers)
        self.wfile.write(rest if sent is None else rest[:sent])

    def ignore_range(self) -> None:
        self.head(200, len(self.server.body))
        self.wfile.write(self.server.body)

    def another_range(self) -> None:
        self.head(206, 10, Content_Range="bytes 5-14/300000")
        self.wfile.write(self.server.body[5:15])

    def no_length(self) -> None:
        self.head(200, None, Connection="close")
        self.wfile.write(self.server.body)

    def stall(self) -> None:
        """Some bytes, and then silence until the test is over."""
        self.serve(70_000)
        self.wfile.flush()
        self.server.released.wait()


def breaks_off(sent: int):
    return lambda handler: handler.serve(sent)


def answers(status: int, **headers: str):
    return lambda handler: handler.head(status, 0, **headers)


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _home(monkeypatch, tmp_path):
    """A cache of the test's own, and no proxy between."""
    monkeypatch.setenv("MINIGRAD_HOME", str(tmp_path / "home"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def get(server, path=None, name="file.bin", **options):
    options = {"timeout": 0.2, "attempts": 2, **options}
    return download(f"{server.address}/{name}", path, **options)


def test_a_file_is_fetched_once(server, tmp_path):
    path = get(server, sha256=SHA)
    assert path.read_bytes() == BODY
    assert path.parent == home() / "downloads" == tmp_path / "home" / "downloads"
    assert path.name.endswith("-file.bin")
    assert get(server, sha256=SHA[:8].upper()) == path
    assert len(server.requests) == 1
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert get(server, name="other/file.bin") != path, "two addresses, two files"


def test_where_the_cache_lies(monkeypatch, tmp_path):
    monkeypatch.delenv("MINIGRAD_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert home() == tmp_path / "minigrad"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home() == tmp_path / ".cache" / "minigrad"


def test_a_broken_connection_is_resumed(server, tmp_path):
    server.misdeeds = [breaks_off(100_000), breaks_off(50_000)]
    seen = []
    path = get(server, tmp_path / "a", progress=lambda arrived, total: seen.append((arrived, total)))
    assert path.read_bytes() == BODY
    assert [r[1:] for r in server.requests] == [
        (None, None),
        ("bytes=100000-", '"first"'),
        ("bytes=150000-", '"first"'),
    ]
    assert seen == sorted(seen)
    assert seen[-1] == (300_000, 300_000)


def test_a_silent_server_is_left_and_asked_again(server, tmp_path):
    server.misdeeds = [Handler.stall]
    assert get(server, tmp_path / "a").read_bytes() == BODY
    assert len(server.requests) == 2
    assert server.requests[1][1] is not None


def test_progress_between_breaks_counts(server, tmp_path):
    server.misdeeds = [breaks_off(50_000)] * 5
    assert get(server, tmp_path / "a", attempts=1).read_bytes() == BODY


def test_what_arrived_is_kept_for_the_next_call(server, tmp_path):
    server.misdeeds = [breaks_off(100_000), breaks_off(0), breaks_off(0)]
    with pytest.raises(
        ConnectionError, match=r"only 100000 of 300000 bytes arrived; 2 attempts gave no more"
    ):
        get(server, tmp_path / "a")
    assert not (tmp_path / "a").exists()
    assert get(server, tmp_path / "a").read_bytes() == BODY
    assert server.requests[-1][1] == "bytes=100000-"


def test_a_file_that_changed_meanwhile_begins_anew(server, tmp_path):
    server.misdeeds = [breaks_off(100_000), breaks_off(0), breaks_off(0)]
    with pytest.raises(ConnectionError):
        get(server, tmp_path / "a")
    server.body, server.mark = BODY[::-1], '"second"'
    assert get(server, tmp_path / "a").read_bytes() == BODY[::-1]


def test_without_a_mark_only_a_checksum_lets_another_call_resume(server, tmp_path):
    server.mark = None
    server.misdeeds = [breaks_off(100_000), breaks_off(0), breaks_off(0)]
    with pytest.raises(ConnectionError):
        get(server, tmp_path / "a")
    server.body = BODY[::-1]
    assert get(server, tmp_path / "a").read_bytes() == BODY[::-1]
    server.body, server.misdeeds = BODY, [breaks_off(100_000), breaks_off(0), breaks_off(0)]
    with pytest.raises(ConnectionError):
        get(server, tmp_path / "b", sha256=SHA)
    assert get(server, tmp_path / "b", sha256=SHA).read_bytes() == BODY
    assert server.requests[-1][1] == "bytes=100000-"


def test_a_resumed_file_that_is_wrong_begins_anew(server, tmp_path):
    (tmp_path / "a.part").write_bytes(b"x" * 1000)
    assert get(server, tmp_path / "a", sha256=SHA).read_bytes() == BODY
    assert [r[1] for r in server.requests] == ["bytes=1000-", None]


@pytest.mark.parametrize("misdeed", [Handler.ignore_range, Handler.another_range])
def test_servers_that_know_no_ranges(server, tmp_path, misdeed):
    server.misdeeds = [breaks_off(100_000), misdeed]
    assert get(server, tmp_path / "a").read_bytes() == BODY


def test_all_had_arrived_when_the_connection_broke(server, tmp_path):
    (tmp_path / "a.part").write_bytes(BODY)
    (tmp_path / "a.part.mark").write_text('"first"')
    assert get(server, tmp_path / "a").read_bytes() == BODY
    (tmp_path / "b.part").write_bytes(BODY + b"more")
    (tmp_path / "b.part.mark").write_text('"first"')
    assert get(server, tmp_path / "b").read_bytes() == BODY


def test_a_server_that_does_not_say_the_length(server, tmp_path):
    server.misdeeds = [Handler.no_length]
    seen = []
    get(server, tmp_path / "a", sha256=SHA, progress=lambda arrived, total: seen.append((arrived, total)))
    assert seen[-1] == (300_000, None)


def test_lengths_that_lie(server, tmp_path):
    def too_short(handler):
        handler.head(200, 1000)
        handler.wfile.write(BODY)

    def too_long(handler):
        handler.head(200, 400_000)
        handler.wfile.write(BODY)

    server.misdeeds = [too_short]
    with pytest.raises(FileError, match=r"its sha256 is .* the file has changed or is damaged"):
        get(server, tmp_path / "a", sha256=SHA)
    server.misdeeds = [too_short]
    with pytest.raises(FileError, match="1000 bytes arrive, not 300000"):
        get(server, tmp_path / "a", size=300_000)
    server.misdeeds = [too_long]
    with pytest.raises(FileError, match="400000 bytes arrive, not 300000"):
        get(server, tmp_path / "a", size=300_000)
    server.misdeeds = [Handler.no_length]
    with pytest.raises(FileError, match="bytes arrive, not 1000"):
        get(server, tmp_path / "a", size=1000)
    server.misdeeds = [too_long]
    assert get(server, tmp_path / "a", sha256=SHA).read_bytes() == BODY, "the end is found by asking for more"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_redirects_are_followed(server, tmp_path):
    server.misdeeds = [answers(302, Location="/elsewhere"), answers(307, Location="/further")]
    assert get(server, tmp_path / "a").read_bytes() == BODY
    assert [r[0] for r in server.requests] == ["/file.bin", "/elsewhere", "/further"]
    server.misdeeds = [answers(302, Location="/around")] * 30
    with pytest.raises(ConnectionError, match="the server answers 302"):
        get(server, tmp_path / "b")
    server.misdeeds = [answers(302, Location="file:///etc/passwd")]
    with pytest.raises(ConnectionError, match="the server answers 302"):
        get(server, tmp_path / "b")


def test_https_is_never_left():
    handler = fetching._Redirects()
    request = fetching.urllib.request.Request("https://example.org/a")
    with pytest.raises(fetching.urllib.error.HTTPError, match="leads away from https"):
        handler.redirect_request(request, io.BytesIO(), 302, "Found", {}, "http://example.org/b")
    assert handler.redirect_request(request, None, 302, "Found", {}, "https://example.org/b") is not None


def test_refusals_are_the_servers_words(server, tmp_path):
    for status, words in ((404, "404 Not Found"), (500, "500 Internal Server Error")):
        server.misdeeds = [answers(status)]
        with pytest.raises(ConnectionError, match=f"the server answers {words}"):
            get(server, tmp_path / "a")
    assert len(server.requests) == 2, "neither is asked again"
    assert not list(tmp_path.glob("a*"))


def test_without_a_network_there_is_one_sentence(tmp_path, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but no one listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/file.bin"
        with pytest.raises(
            ConnectionError, match=r"cannot be reached \(.*\); without a network, put the file at"
        ):
            download(url, tmp_path / "a", timeout=0.2)

    def no_name(*arguments, **options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", no_name)
    with pytest.raises(ConnectionError, match="Name or service not known") as caught:
        download("http://example.invalid/file.bin", tmp_path / "a")
    assert "\n" not in str(caught.value)


def test_a_server_that_hangs_up_before_answering(server, tmp_path):
    server.misdeeds = [lambda handler: None, lambda handler: None]
    with pytest.raises(ConnectionError, match=r"the connection broke .* 2 attempts gave no more"):
        get(server, tmp_path / "a")


def test_other_addresses_are_refused(tmp_path):
    for url in ("ftp://example.org/a", "file:///etc/passwd", "a.csv"):
        with pytest.raises(ValueError, match="must begin with http"):
            download(url, tmp_path / "a")


def test_two_processes_do_not_write_one_file(server, tmp_path):
    with open(tmp_path / "a.part", "wb") as other:
        assert fetching.claim(other)
        if sys.platform != "win32":
            with pytest.raises(ConnectionError, match="another process is fetching it"):
                get(server, tmp_path / "a", sha256=SHA)


def test_the_line_of_progress(server, tmp_path, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    get(server, tmp_path / "a")
    assert sys.stderr.getvalue().endswith("\ra: 0.3 of 0.3 MB\n")
    monkeypatch.setattr(sys, "stderr", Terminal())
    get(server, tmp_path / "b", progress=False)
    assert sys.stderr.getvalue() == ""


# ---- hub -----------------------------------------------------------------------------------------
def test_weights_by_their_address(server, tmp_path):
    model, file = nn.Linear(2, 3), io.BytesIO()
    minigrad.save(model.state_dict(), file)
    server.body = file.getvalue()
    digits = hashlib.sha256(server.body).hexdigest()[:8]
    url = f"{server.address}/weights-{digits}.pt"
    state = hub.load_state_dict_from_url(url, check_hash=True)
    assert state["weight"].tolist() == model.weight.tolist()
    assert (tmp_path / "home" / "hub" / "checkpoints" / f"weights-{digits}.pt").exists()
    hub.load_state_dict_from_url(url)
    assert len(server.requests) == 1
    with pytest.raises(FileError, match="sha256"):
        hub.load_state_dict_from_url(f"{server.address}/weights-00000000.pt", str(tmp_path), check_hash=True)


def test_a_file_to_a_path(server, tmp_path, monkeypatch):
    target = tmp_path / "file"
    target.write_bytes(b"old")
    with pytest.raises(FileError):
        hub.download_url_to_file(f"{server.address}/a", str(target), "00")
    assert target.read_bytes() == b"old"
    hub.download_url_to_file(f"{server.address}/a", str(target), SHA[:6], progress=False)
    assert target.read_bytes() == BODY
    monkeypatch.setattr(hub, "_chosen", None)
    assert hub.get_dir() == str(tmp_path / "home" / "hub")
    hub.set_dir(tmp_path)
    assert hub.get_dir() == str(tmp_path)
    with pytest.raises(NotImplementedError, match="code from a repository is not fetched"):
        hub.load("owner/model", "name")
