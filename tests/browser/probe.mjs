// Prints the answers of probe.py under Pyodide: node probe.mjs PYODIDE_FOLDER WHEEL FOLDER_OF_THE_PROBE
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, wheel, here] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(join(folder, "pyodide.mjs")).href);
const python = await loadPyodide({ indexURL: folder + "/" });
await python.loadPackage("numpy", { messageCallback() {} });
python.unpackArchive(new Uint8Array(readFileSync(wheel)), "wheel", { extractDir: "/lib/minigrad" });
python.FS.writeFile("/lib/minigrad/probe.py", readFileSync(join(here, "probe.py"), "utf8"));
console.log(python.runPython(`
import json, sys, warnings
sys.path.append("/lib/minigrad")
warnings.simplefilter("ignore")
import probe
json.dumps(probe.answers())
`));
process.exit(0);
