/* The live card: one model, one plain object `view`, drawn into `el`. All HTML in it was escaped by render.py.

Between two messages the elapsed time and the bar go on by themselves, along the curve that the kernel sent; after a while
without any message they stop and say so. At the end `view.final` is the finished HTML. JupyterLab resolves relative
addresses in HTML outputs but not inside widgets, so the card asks the server which notebook its kernel belongs to. */

const SILENCE = 120; // seconds without a message after which the card no longer pretends to know

const clock = (seconds) => {
  const s = Math.max(0, Math.floor(seconds));
  const [h, m, r] = [Math.floor(s / 3600), Math.floor(s / 60) % 60, String(s % 60).padStart(2, "0")];
  return h ? `${h}:${String(m).padStart(2, "0")}:${r}` : `${m}:${r}`;
};

const along = (curve, x) => {
  for (let i = 1; i < curve.length; i++) {
    const [[x0, y0], [x1, y1]] = [curve[i - 1], curve[i]];
    if (x < x1) return y0 + ((y1 - y0) * Math.max(0, x - x0)) / (x1 - x0);
  }
  return curve.length ? curve[curve.length - 1][1] : 0;
};

async function notebookFolder(kernel) {
  const config = JSON.parse(document.getElementById("jupyter-config-data")?.textContent ?? "{}");
  if (!config.baseUrl) return null;
  const answer = await fetch(`${config.baseUrl}api/sessions`, { credentials: "same-origin" });
  const sessions = answer.ok ? await answer.json() : [];
  const path = sessions.find((session) => session.kernel?.id === kernel)?.path
    ?? decodeURIComponent(location.pathname.match(/\/(?:lab\/tree|notebooks)\/(.+)$/)?.[1] ?? "");
  return new URL(`${config.baseUrl}files/${path.split("/").map(encodeURIComponent).join("/")}`, location.href);
}

async function resolveAddresses(el, kernel) {
  const relative = (address) => address && !/^(https?:|data:|blob:|#|\/)/.test(address);
  const found = [...el.querySelectorAll("video, a")]
    .map((node) => [node, node.tagName === "A" ? "href" : "src"])
    .filter(([node, name]) => relative(node.getAttribute(name)));
  if (!found.length) return;
  const folder = await notebookFolder(kernel).catch(() => null);
  if (!folder) return;
  for (const [node, name] of found) node.setAttribute(name, new URL(node.getAttribute(name), folder).pathname);
}

function render({ model, el }) {
  el.innerHTML = `<div class="luma-card luma-live" role="group" aria-label="Luma clip">
    <div class="luma-head"></div>
    <div class="luma-status" role="status"></div>
    <div class="luma-row"><progress class="luma-bar" max="1" value="0" aria-label="Progress"></progress>
      <span class="luma-time"></span><button class="luma-stop" type="button"></button></div>
    <div class="luma-problem"></div></div>`;
  const part = (name) => el.querySelector(`.luma-${name}`);
  const parts = Object.fromEntries(
    ["head", "status", "bar", "time", "stop", "problem"].map((name) => [name, part(name)]));
  let view, heard;

  const tick = () => {
    const silence = (performance.now() - heard) / 1000;
    const known = Math.min(silence, SILENCE);
    const elapsed = view.elapsed + known;
    parts.bar.value = Math.max(view.curve.length ? parts.bar.value : 0, along(view.curve, elapsed));
    parts.time.textContent = silence > SILENCE
      ? `no news from the kernel for ${clock(silence)}`
      : [clock(elapsed), view.typical].filter(Boolean).join(" · ");
  };
  const draw = () => {
    view = model.get("view");
    heard = performance.now();
    if (view.final !== undefined) {
      clearInterval(timer);
      el.innerHTML = view.final;
      resolveAddresses(el, model.get("kernel"));
      return;
    }
    if (parts.head.innerHTML !== view.head) parts.head.innerHTML = view.head;
    parts.status.textContent = view.words;
    parts.problem.textContent = view.problem;
    parts.bar.style.visibility = view.curve.length ? "visible" : "hidden";
    parts.stop.textContent = view.stop;
    parts.stop.title = view.tooltip;
    parts.stop.hidden = !view.stop;
    tick();
  };
  parts.stop.addEventListener("click", () => {
    parts.stop.disabled = true;
    model.send({ do: "stop" });
  });
  const timer = setInterval(tick, 500);
  draw();
  model.on("change:view", draw);
  return () => {
    clearInterval(timer);
    model.off("change:view", draw);
  };
}

export default { render };
