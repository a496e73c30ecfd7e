// Put behind the page: presses its buttons as a reader would, and posts what the page showed.
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const until = async (holds) => { while (!holds()) await pause(50); };
const idle = () => !at("run").disabled;
const drawn = (image) => image.complete && image.naturalWidth > 0;

async function shown() {
  await pause(500);
  const pictures = [...document.querySelectorAll("#pictures img")].map(drawn);
  return { printed: at("printed").textContent, status: at("status").textContent, pictures };
}

async function ran(code) {
  await until(idle);
  if (code) at("code").value = code;
  at("run").click();
  await until(idle);
  return shown();
}

(async () => {
  const report = { recipe: await ran(), failing: await ran("x = 1\nx / 0") };
  at("code").value = "print('begun')\nwhile True: pass";
  at("run").click();
  await until(() => at("printed").textContent);
  report.endless = await shown();
  at("stop").click();
  report.after = await ran("print(1 + 1)");
  await fetch("report", { method: "POST", body: JSON.stringify(report) });
})();
