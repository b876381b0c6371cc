/* The live part of a card, of one clip or of many: status, bars and button. It moves into the frame of the card above it,
which is an output of its own.

Between two messages times and bars go on by themselves, along the curves that the kernel sent; it sends one only when
words have changed.

At the end the kernel replaces the card above by finished HTML. A page that was reloaded meanwhile does not get that, so
after a moment this script puts `view.final` (escaped by clip_html.py) in its place. */

const SILENCE = 60; // seconds without a message after which the server is asked, once in that time, for the kernel
const LONG_SILENCE = 1200; // seconds without a message after which a card no longer pretends to know
const ROW = 40; // pixels: the height of a table's row, as in card.css
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

/** Have a bar at a share, from 0 to 1; it only moves, as bars do of which nobody knows how far they are, where that is null. */
function setBar(bar, share) {
  if (share === null) bar.removeAttribute("value");
  else bar.value = share;
}

/** The kernel's clock, as this page knows it: exact once a message has come, before that the two clocks count as one. */
function kernelClock() {
  let ahead = 0;
  return {
    now: () => Date.now() / 1000 + ahead,
    set: (now) => { ahead = now - Date.now() / 1000; },
  };
}

/** The drawing of one clip; gives {update, tick}. */
function clipPart(live, model, time) {
  live.insertAdjacentHTML("beforeend", `<div class="luma-row">
    <progress class="luma-bar" max="1" aria-label="${_("Progress")}"></progress>
    <span class="luma-time"></span></div><div class="luma-problem"></div>`);
  const [bar, elapsed, problem] = ["bar", "time", "problem"].map((name) => live.querySelector(`.luma-${name}`));
  return {
    update: () => { problem.textContent = model.get("view").problem; },
    tick: () => {
      const view = model.get("view");
      const seconds = time.now() - view.since;
      setBar(bar, view.curve.length ? Math.max(bar.value, along(view.curve, seconds)) : null);
      elapsed.textContent = [clock(seconds), view.typical].filter(Boolean).join(" · ");
    },
  };
}

/** The drawing of many clips: a bar for all, and a row for each, of which those near the screen are in the page; `act` tells
the kernel what was pressed. */
function tablePart(live, model, time, act) {
  const columns = [_("Clip"), _("Prompt"), _("Status"), _("Time"), _("Video")];
  const headCell = (column) => `<th role="columnheader">${column}</th>`;
  live.insertAdjacentHTML("beforeend", `<div class="luma-row">
    <progress class="luma-bar" max="1" aria-label="${_("Progress of all clips")}"></progress></div>
    <div class="luma-scroll" tabindex="0" role="region" aria-label="${_("Clips")}"><table role="table">
    <thead role="rowgroup"><tr role="row" aria-rowindex="1">${columns.map(headCell).join("")}</tr></thead>
    <tbody role="rowgroup"></tbody></table></div>`);
  const [all, table, body] = [".luma-bar", "table", "tbody"].map((name) => live.querySelector(name));
  const { queue } = model.get("view");
  const name = Math.random().toString(36).slice(2); // of this view, by which the kernel knows what it shows
  const drawn = new WeakMap(); // by row of the table
  let [folder, before] = [null, 0];
  notebookFolder(model.get("kernel")).then((found) => { folder = found; update(); }).catch(() => {});

  const indexOf = (at) => (queue ? model.get("view").total - 1 - at : at); // in the queue the newest are above
  const make = () => {
    const row = document.createElement("tr");
    row.setAttribute("role", "row");
    const cells = columns.map(() => row.insertCell());
    for (const cell of cells) cell.setAttribute("role", "cell");
    const [prompt, request] = ["div", "div"].map((name) => cells[1].appendChild(document.createElement(name)));
    request.className = "luma-request-summary";
    cells[0].dir = prompt.dir = "auto"; // Arabic reads from the right
    const status = cells[2].appendChild(document.createElement("span"));
    const bar = cells[2].appendChild(document.createElement("progress"));
    Object.assign(bar, { max: 1, value: 0, hidden: true });
    bar.setAttribute("aria-label", _("Progress"));
    const link = cells[4].appendChild(document.createElement("a"));
    Object.assign(link, { target: "_blank", rel: "noopener", textContent: _("Open"), hidden: true });
    const button = cells[4].appendChild(document.createElement("button"));
    Object.assign(button, { type: "button", className: "luma-stop", hidden: true });
    const part = { cells, prompt, request, status, bar, link, button, index: -1 };
    button.addEventListener("click", () => act({ do: `${button.dataset.action} one`, row: part.index }));
    drawn.set(row, part);
    return row;
  };
  const fill = (part, [label, shown, status, moving, , , , file, request, prompt, action]) => {
    part.cells[0].textContent = part.cells[0].title = label;
    part.prompt.textContent = shown;
    part.prompt.title = prompt;
    part.request.textContent = part.request.title = request;
    part.status.textContent = part.cells[2].title = status;
    part.bar.hidden = !moving;
    part.link.hidden = !file || !folder;
    if (!part.link.hidden) part.link.href = new URL(file, folder).href;
    if (queue) setButton(part.button, action, label);
  };
  const setButton = (button, action, label) => {
    button.hidden = !action;
    button.dataset.action = action;
    const stops = action === "stop";
    button.textContent = stops ? _("Stop") : _("Resume");
    button.title = stops ? _("Stop watching: the task itself may go on, and be billed") : _("Watch it again");
    button.setAttribute("aria-label", stops ? _("Stop {clip}", { clip: label }) : _("Resume {clip}", { clip: label }));
  };
  const draw = (item, at) => {
    const part = drawn.get(item);
    const index = indexOf(at);
    const row = model.get("rows")[index];
    const now = JSON.stringify([at, index, row, Boolean(folder)]);
    if (part.drawn === now) return;
    if (part.index !== index) part.bar.value = 0;
    Object.assign(part, { drawn: now, index });
    item.setAttribute("aria-rowindex", at + 2);
    item.classList.toggle("luma-even", at % 2 === 1);
    item.classList.toggle("luma-coming", !row);
    if (row) fill(part, row);
    tickRow(item);
  };
  const tickRow = (item) => {
    const part = drawn.get(item);
    const row = model.get("rows")[part.index];
    if (!row) return;
    const [, , , moving, since, took, name] = row;
    const seconds = took ?? time.now() - since;
    if (moving) part.bar.value = Math.max(part.bar.value, along(model.get("curves")[name] ?? [], seconds));
    const text = clock(seconds);
    if (part.cells[3].textContent !== text) part.cells[3].textContent = text;
  };
  /** The kernel tells of the first rows by itself. */
  const ask = (from, to) => {
    const ends = [indexOf(from), indexOf(to - 1)];
    const [first, last] = [Math.min(...ends), Math.max(...ends) + 1];
    if (last <= model.get("view").first) return false;
    tell(model, { do: "rows", view: name, from: first, to: last });
  };
  const list = virtualList({ region: live.querySelector(".luma-scroll"), body, height: ROW, make, draw, ask });
  const update = () => {
    const { total } = model.get("view");
    table.setAttribute("aria-rowcount", total + 1);
    live.classList.toggle("luma-empty", !total);
    list.resize(total, queue ? total - before : 0);
    before = total;
  };
  const answer = ({ asked }) => asked?.includes(name) && list.answered();
  const result = queue ? resultPart(live, model) : () => {};
  const tick = () => {
    const { total, ended, moving } = model.get("view");
    const curves = model.get("curves");
    const share = ([name, since, count]) => count * along(curves[name] ?? [], time.now() - since);
    const done = ended + moving.reduce((sum, group) => sum + share(group), 0);
    setBar(all, done ? done / total : null);
    all.parentElement.hidden = ended === total && !queue;
    for (const item of list.items.values()) tickRow(item);
  };
  const end = () => {
    list.end();
    result();
  };
  return { update, tick, answer, end };
}

/** Below the queue: why a button did nothing, and the clip that was completed last. */
function resultPart(live, model) {
  live.classList.add("luma-queue");
  const [trouble, result] = ["trouble", "result"].map((name) => {
    const part = live.appendChild(document.createElement("div"));
    part.className = `luma-${name}`;
    return part;
  });
  trouble.setAttribute("role", "alert");
  const showTrouble = () => { trouble.textContent = model.get("trouble"); };
  const showResult = async () => result.replaceChildren(await resolved(model.get("result"), model.get("kernel")));
  model.on("change:trouble", showTrouble);
  model.on("change:result", showResult);
  showTrouble();
  showResult();
  return () => {
    model.off("change:trouble", showTrouble);
    model.off("change:result", showResult);
  };
}

function render({ model, el }) {
  const many = Boolean(model.get("rows"));
  el.innerHTML = `<div class="luma-live${many ? " luma-many" : ""}" role="group"
      aria-label="${many ? _("Progress of the clips") : _("Progress of the clip")}">
    <div class="luma-head"><span class="luma-status" role="status"></span><span class="luma-buttons">
    <button class="luma-tell" type="button" title="${_("When it ends, completed or not")}">${_("Tell me")}</button>
    <button class="luma-stop" type="button"></button></span><span class="luma-told" role="status"></span></div></div>`;
  const live = el.firstElementChild;
  ownKeys(live);
  const [status, stop, tellMe, told] = ["status", "stop", "tell", "told"].map((name) => live.querySelector(`.luma-${name}`));
  const drawTelling = tellButton(model, tellMe, told);
  const time = kernelClock();
  const act = (content) => {
    if (!tell(model, content)) disconnected();
  };
  const part = (many ? tablePart : clipPart)(live, model, time, act);
  let heardAt = performance.now();
  let askedAt = heardAt;
  let gone = false;
  let end;

  const quiet = (silence) => _("No news from the kernel for {time}.", { time: clock(silence) });
  /** What to say instead of the status where the kernel will not say anything any more. */
  const lost = () => {
    const now = performance.now();
    if (now - Math.max(heardAt, askedAt) > SILENCE * 1000) {
      askedAt = now;
      askServer(`kernels/${model.get("kernel")}`).then((server) => { gone ||= server?.answer.status === 404; }, () => {});
    }
    if (gone) return _("The kernel is gone: run the cell again, or %luma resume.");
    const silence = (now - heardAt) / 1000;
    const { ended, total } = model.get("view");
    return silence > LONG_SILENCE && !(many && ended === total) ? quiet(silence) : "";
  };
  const disconnected = () => {
    gone = true;
    tick();
  };
  const tick = () => {
    const view = model.get("view");
    const card = cardAbove(el, view.key);
    const loss = lost();
    const plain = many && Boolean(loss) && view.ended === view.total; // what is saved says more than a list that nobody fills
    if (card && (live.parentElement !== card || live.hidden !== plain)) {
      card.querySelector(".luma-later")?.toggleAttribute("hidden", !plain);
      card.append(live);
      live.hidden = plain;
      if (many) part.update(); // it has a size by now
    }
    status.textContent = loss || view.status;
    stop.hidden = Boolean(loss) || !view.stop;
    drawTelling(Boolean(loss) || (many && !view.queue && view.ended === view.total));
    if (!loss) part.tick();
  };
  const finish = async () => {
    const view = model.get("view");
    const card = cardAbove(el, view.key);
    const content = await resolved(view.final, model.get("kernel"));
    live.remove();
    if (card?.isConnected && !card.querySelector(".luma-later")) return; // the kernel's own replacement has come
    if (card?.isConnected) card.replaceWith(content);
    else el.replaceChildren(content);
  };
  const draw = () => {
    const view = model.get("view");
    if (view.final !== undefined) {
      clearInterval(timer);
      end ??= setTimeout(finish, GRACE);
      return;
    }
    stop.textContent = view.stop;
    stop.title = view.tooltip;
    if (!view.stop) stop.disabled = false; // for what comes next
    part.update();
    tick();
  };
  const onView = () => {
    heardAt = performance.now();
    gone = false;
    if (model.get("view").now) time.set(model.get("view").now);
    draw();
  };
  const onMessage = (message) => {
    for (const [i, row] of message.rows) model.get("rows")[i] = row;
    Object.assign(model.get("curves"), message.curves);
    Object.assign(model.get("view"), message.view);
    onView();
    part.answer(message);
  };
  stop.addEventListener("click", () => {
    stop.disabled = true;
    act({ do: "stop" });
  });
  const timer = setInterval(tick, many ? 1000 : 500);
  draw();
  sayHere(model);
  model.on("change:view", onView);
  model.on("comm_live_update", disconnected); // ipywidgets' word for a restarted kernel
  if (many) {
    model.on("msg:custom", onMessage);
    tell(model, { do: "refresh", version: model.get("view").version });
  }
  return () => {
    cardAbove(el, model.get("view").key)?.querySelector(".luma-later")?.removeAttribute("hidden");
    live.remove();
    clearInterval(timer);
    clearTimeout(end);
    model.off("change:view", onView);
    model.off("comm_live_update", disconnected);
    if (many) {
      model.off("msg:custom", onMessage);
      part.end();
    }
  };
}

function initialize({ model }) {
  watchReach(model);
  watchEnd(model);
}

export default { initialize, render };
