/* The live part of a card: status, bar and button of one clip, from one plain object `view`. It moves into the frame of the
card above it, which is an output of its own.

Between two messages the elapsed time and the bar go on by themselves, along the curve that the kernel sent; after a while
without any message they stop and say so.

At the end the kernel replaces the card above by finished HTML. A page that was reloaded meanwhile does not get that, so
after a moment this script puts `view.final` (escaped by render.py) in its place. JupyterLab resolves relative addresses
when it draws an output, not for us, so we ask the server which notebook our kernel belongs to. */

const SILENCE = 120; // seconds without a message after which the card no longer pretends to know
const GRACE = 1500; // milliseconds in which the kernel's own replacement may come

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

/** The card that this live part belongs to: the nearest one before it on the page. */
const cardAbove = (el, key) =>
  [...document.querySelectorAll(`.luma-card.luma-${key}`)]
    .filter((card) => card.compareDocumentPosition(el) & Node.DOCUMENT_POSITION_FOLLOWING)
    .pop();

async function notebookFolder(kernel) {
  const config = JSON.parse(document.getElementById("jupyter-config-data")?.textContent ?? "{}");
  if (!config.baseUrl) return null;
  const answer = await fetch(`${config.baseUrl}api/sessions`, { credentials: "same-origin" });
  const sessions = answer.ok ? await answer.json() : [];
  const path = sessions.find((session) => session.kernel?.id === kernel)?.path;
  if (path === undefined) return null;
  return new URL(`${config.baseUrl}files/${path.split("/").map(encodeURIComponent).join("/")}`, location.href);
}

async function finished(html, kernel) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const relative = (address) => address && !/^(https?:|\/)/.test(address);
  const folder = await notebookFolder(kernel).catch(() => null);
  for (const node of template.content.querySelectorAll("video, a")) {
    const name = node.tagName === "A" ? "href" : "src";
    if (folder && relative(node.getAttribute(name))) {
      node.setAttribute(name, new URL(node.getAttribute(name), folder).href);
    }
  }
  return template.content;
}

function render({ model, el }) {
  el.innerHTML = `<div class="luma-live" role="group" aria-label="Progress of the clip">
    <div class="luma-status" role="status"></div>
    <div class="luma-row"><progress class="luma-bar" max="1" value="0" aria-label="Progress"></progress>
      <span class="luma-time"></span><button class="luma-stop" type="button"></button></div>
    <div class="luma-problem"></div></div>`;
  const part = Object.fromEntries(
    ["status", "bar", "time", "stop", "problem"].map((name) => [name, el.querySelector(`.luma-${name}`)]));
  const live = el.firstElementChild;
  let view, heard, end;

  const tick = () => {
    const card = cardAbove(el, view.key);
    if (card && live.parentElement !== card) {
      card.querySelector(".luma-later")?.setAttribute("hidden", "");
      card.append(live);
    }
    const silence = (performance.now() - heard) / 1000;
    const elapsed = view.elapsed + Math.min(silence, SILENCE);
    part.bar.value = Math.max(view.curve.length ? part.bar.value : 0, along(view.curve, elapsed));
    part.time.textContent = silence > SILENCE
      ? `no news from the kernel for ${clock(silence)}`
      : [clock(elapsed), view.typical].filter(Boolean).join(" · ");
  };
  const finish = async () => {
    const card = cardAbove(el, view.key);
    const content = await finished(view.final, model.get("kernel"));
    live.remove();
    if (card?.isConnected) card.replaceWith(content);
    else el.replaceChildren(content);
  };
  const draw = () => {
    view = model.get("view");
    heard = performance.now();
    if (view.final !== undefined) {
      clearInterval(timer);
      end = setTimeout(finish, GRACE);
      return;
    }
    part.status.textContent = view.words;
    part.problem.textContent = view.problem;
    part.bar.style.visibility = view.curve.length ? "visible" : "hidden";
    part.stop.textContent = view.stop;
    part.stop.title = view.tooltip;
    part.stop.hidden = !view.stop;
    tick();
  };
  part.stop.addEventListener("click", () => {
    part.stop.disabled = true;
    model.send({ do: "stop" });
  });
  const timer = setInterval(tick, 500);
  draw();
  model.on("change:view", draw);
  return () => {
    live.remove();
    clearInterval(timer);
    clearTimeout(end);
    model.off("change:view", draw);
  };
}

export default { render };
