// Python in a Web Worker: Pyodide, NumPy and minigrad's wheel are loaded once; each message is a program to run.
// settings.json, written when the documents are built, says where Pyodide and the wheel are.
"use strict";
const say = (kind, value) => postMessage({ [kind]: value });
const print = (line) => say("print", line);

// `display` shows a picture, as in a notebook; so does a program whose last line is one.
const PREPARE = `
import builtins
from minigrad_page import show

def display(value):
    if hasattr(value, "_repr_svg_"):
        show(value._repr_svg_())
    elif value is not None:
        print(repr(value))

builtins.display = display
import minigrad
`;

async function load() {
  say("status", "loading Python and NumPy, about 16 MB the first time ...");
  const settings = await (await fetch("settings.json")).json();
  const indexURL = new URL(settings.pyodide, location.href).href;
  importScripts(indexURL + "pyodide.js");
  const python = await loadPyodide({ indexURL, stdout: print, stderr: print });
  await python.loadPackage("numpy", { messageCallback() {} });
  const wheel = await fetch(settings.wheel);
  python.unpackArchive(await wheel.arrayBuffer(), "wheel", { extractDir: "/lib/minigrad" });
  python.runPython("import sys; sys.path.append('/lib/minigrad')");
  python.registerJsModule("minigrad_page", { show: (svg) => say("picture", svg) });
  python.runPython(PREPARE);
  return python;
}

async function run(python, code) {
  say("status", "running ...");
  const begun = performance.now();
  const names = python.runPython("{'__name__': '__main__'}");
  try {
    const last = await python.runPythonAsync(code, { globals: names, filename: "recipe.py" });
    python.globals.get("display")(last);
    say("status", `done in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  } catch (error) {
    print(error.message.replace(/^ {2}File "\/lib\/python[^]*?(?= {2}File "recipe.py")/m, "").trimEnd());
    say("status", "stopped by an error");
  }
  names.destroy();
  say("ready", true);
}

const loaded = load();
loaded.then(
  () => { say("status", "ready"); say("ready", true); },
  (error) => say("status", `Python could not be loaded: ${error.message}`),
);
onmessage = async ({ data }) => run(await loaded, data);
