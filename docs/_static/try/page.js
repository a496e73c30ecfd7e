// The page's side: code goes to the worker, and what comes back is shown. Python itself is in worker.js.
"use strict";
const at = (id) => document.getElementById(id);
let worker = null;

const shows = {
  status: (words) => { at("status").textContent = words; },
  ready: () => { at("run").disabled = false; at("stop").disabled = true; },
  print: (line) => { at("printed").append(line + "\n"); at("printed").scrollTop = at("printed").scrollHeight; },
  picture: (svg) => {
    const image = new Image();
    image.src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
    at("pictures").append(image);
  },
};

function start() {
  worker = new Worker("worker.js");
  worker.onmessage = ({ data }) => { for (const kind in data) shows[kind](data[kind]); };
  worker.onerror = (error) => shows.status(`the worker failed: ${error.message}`);
}

async function reset() {
  at("code").value = await (await fetch("recipe.py")).text();
}

at("run").onclick = () => {
  at("printed").textContent = "";
  at("pictures").textContent = "";
  at("run").disabled = true;
  at("stop").disabled = false;
  worker.postMessage(at("code").value);
};
at("stop").onclick = () => { // a worker that computes hears nothing: it is ended, and Python begins anew
  worker.terminate();
  at("stop").disabled = true;
  start();
};
at("reset").onclick = reset;

if (location.protocol === "file:") {
  shows.status("A browser starts no worker from a file: serve this folder, as by python -m http.server.");
} else {
  reset();
  start();
}
