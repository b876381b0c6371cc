/* The form. It knows the fields by their names and shows those that go with the action; all that it says of them (errors,
price, the cell, what would be sent) comes from the kernel, a moment after each change. It pays only when its button is
pressed: Enter in a field does nothing. */

const PAUSE = 300; // milliseconds without typing after which the kernel is asked
const SAID = 5000; // milliseconds in which the button says what came of copying
const CHUNK = 1 << 20; // bytes of a file in one message; a Jupyter server takes up to ten million
const ACTIONS = { generate: _("Generate"), extend: _("Extend"), modify: _("Modify") };
const PROVIDERS = { acedata: "AceDataCloud", runapi: "RunAPI", demo: _("Demo service") };
// For a first frame one wants where a clip ends; for a last frame, where one begins.
const FRAME = { source: "", start_image: "@last", end_image: "@first" };
const ONCE = ["yes", "again"]; // what holds for one press

const field = (name, label, control, hint = "") => `<div class="luma-field" data-field="${name}">
  <label for="ID-${name}">${label}</label>${control}${hint && `<div class="luma-hint" id="ID-${name}-hint">${hint}</div>`}
  <div class="luma-error" id="ID-${name}-error" role="alert"></div></div>`;

const text = (name, placeholder = "", kind = "text") =>
  `<input id="ID-${name}" name="${name}" type="${kind}" placeholder="${placeholder}" autocomplete="off" spellcheck="false">`;

const check = (name, label) => `<div class="luma-field luma-check" data-field="${name}"><label><input id="ID-${name}"
  name="${name}" type="checkbox"> ${label}</label><div class="luma-error" id="ID-${name}-error" role="alert"></div></div>`;

/** A field for a file, an address or a clip: typed, uploaded or picked. */
const media = (name, label, accept, hint) => field(name, label, `<div class="luma-pair">${text(name)}
  <label class="luma-button">${_("Upload")}<input class="luma-hidden" type="file" accept="${accept}" data-upload="${name}"
  aria-label="${_("Upload a file: {label}", { label })}"></label></div>
  <details class="luma-choice" data-picks="${name}"><summary aria-label="${_("Pick a clip: {label}", { label })}">
  ${_("Pick a clip")}</summary><ul></ul></details>`, hint);

const PICTURES = "image/png,image/jpeg,image/webp";

const html = (labels) => `<section class="luma-studio" aria-label="${_("Luma studio")}">
  <div class="luma-tabs" role="tablist" aria-label="${_("What to make")}">${Object.entries(ACTIONS).map(([action, label]) =>
    `<button type="button" role="tab" id="ID-tab-${action}" data-action="${action}" aria-controls="ID-panel">${label}</button>`
  ).join("")}</div>
  <div class="luma-panel" role="tabpanel" id="ID-panel">
    ${media("source", _("Source"), "video/mp4,video/quicktime", _("A clip, a URL, a video's path, or a video id."))}
    ${field("prompt", _("Prompt"), `<textarea id="ID-prompt" name="prompt" rows="3"></textarea>`)}
    <fieldset class="luma-field" data-field="aspect_ratio"><legend>${labels.aspect_ratio}</legend><div class="luma-ratios"></div>
      <div class="luma-error" id="ID-aspect_ratio-error" role="alert"></div></fieldset>
    <div class="luma-pair">
      ${field("out", labels.out, text("out", "sunset"), _("What your next cells call the clip."))}
      ${field("provider", labels.provider, `<select id="ID-provider" name="provider"><option value="">${_("Automatic")}</option></select>`)}
    </div>
    <div class="luma-pair">${check("loop", labels.loop)}${check("enhancement", labels.enhancement)}${check("watermark", labels.watermark)}</div>
    <details class="luma-more" data-holds="start_image end_image"><summary>${_("First and last frame")}</summary>
      ${media("start_image", labels.start_image, PICTURES, _("A URL, a path, a variable with a picture, or a clip's frame: sunset@last, sunset@2.5."))}
      ${media("end_image", labels.end_image, PICTURES, _("The same; sunset@first is where a clip begins."))}
    </details>
    <details class="luma-more" data-holds="takes yes again watermark_id callback_url timeout"><summary>${_("More")}</summary>
      <div class="luma-pair">${field("takes", labels.takes, text("takes", "1", "number"), _("How many different videos to make; the variable is then a list."))}
      ${field("timeout", labels.timeout, text("timeout", "900", "number"), _("How many seconds to watch the task."))}</div>
      ${check("yes", labels.yes)}
      ${check("again", labels.again)}
      ${field("watermark_id", labels.watermark_id, text("watermark_id"))}
      ${field("callback_url", labels.callback_url, text("callback_url", "https://…"), _("The service sends the result there, too."))}
    </details>
    <div class="luma-row"><button type="button" class="luma-button luma-go"></button>
      <span class="luma-price"></span><span class="luma-outcome" role="status"></span></div>
    <div class="luma-error luma-problem-of-all" role="alert"></div>
    <div class="luma-row"><span>${_("The same as a cell:")}</span>
      <button type="button" class="luma-button luma-copy">${_("Copy")}</button></div>
    <pre class="luma-cell" tabindex="0" role="region" aria-label="${_("The same as a cell")}"></pre>
    <details class="luma-more"><summary>${_("What will be sent")}</summary>
      <pre class="luma-request" tabindex="0" role="region" aria-label="${_("What will be sent")}"></pre></details>
  </div></section>`;

/** The radio buttons of the ratios, each with a picture of its shape. */
function drawRatios(box, ratios, id) {
  box.innerHTML = ratios.map((ratio) => {
    const [width, height] = ratio.split(":").map(Number);
    const scale = 26 / Math.max(width, height);
    const shape = `width:${Math.round(width * scale)}px;height:${Math.round(height * scale)}px`;
    return `<label><input type="radio" name="${id}-aspect_ratio" value="${ratio}" data-name="aspect_ratio">
      <span class="luma-shape-box"><span class="luma-shape" style="${shape}"></span></span>${ratio}</label>`;
  }).join("");
}

/** Copy the text of an element; gives whether that was possible. Browsers give a clipboard to pages of https and localhost
alone, and not to all frames; elsewhere the text is left selected, to be copied by hand if all else fails. */
async function copied(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(element);
    return document.execCommand("copy");
  }
}

function render({ model, el }) {
  const id = `luma-${model.get("key")}-${Math.random().toString(36).slice(2)}`; // there may be two views of it
  el.innerHTML = html(model.get("labels")).replaceAll("ID-", `${id}-`);
  const root = el.firstElementChild;
  const find = (selector) => root.querySelector(selector);
  const finds = (selector) => [...root.querySelectorAll(selector)];
  const input = (name) => find(`#${id}-${name}`);
  drawRatios(find(".luma-ratios"), model.get("ratios"), id);
  for (const name of model.get("providers")) input("provider").append(new Option(PROVIDERS[name] ?? name, name));
  ownKeys(root);
  offerWords(input("prompt"), model.get("words"), `${id}-words`);
  const touched = new Set();
  let folder = null;
  let pause;
  let ended = false; // the kernel has, and the texts stay as `lost` leaves them

  // From the page to the kernel.

  const send = (...what) => tell(model, ...what) || lost();
  const ask = () => {
    clearTimeout(pause);
    pause = undefined;
    model.save_changes();
  };
  const change = (name, value, at = 0) => {
    model.set(name, value);
    clearTimeout(pause);
    pause = setTimeout(ask, at);
  };
  const typed = ({ target }) => {
    const name = target.dataset.name ?? target.name;
    if (!name) return;
    const value = target.type === "checkbox" ? target.checked : target.value;
    change(name, value, ["checkbox", "radio", "select-one"].includes(target.type) ? 0 : PAUSE);
    if (ONCE.includes(name)) send({ do: "set", field: name, value }); // its change may come after the press
  };
  const left = ({ target }) => {
    const name = target.dataset.name ?? target.name;
    if (name) touched.add(name);
    if (pause !== undefined) ask();
    drawErrors();
  };
  const choose = (action) => {
    change("action", action);
    send({ do: "refresh" });
  };
  const submit = () => {
    ask();
    go.disabled = true;
    find(".luma-outcome").textContent = _("One moment: the kernel answers as soon as it is free.");
    const names = ["action", ...Object.values(model.get("fields")).flat()].filter((name) => !ONCE.includes(name));
    send({ do: "submit", fields: Object.fromEntries(names.map((name) => [name, model.get(name)])) });
  };
  const pick = (name, word) => {
    change(name, word + FRAME[name]);
    input(name).focus();
  };

  const uploads = new Map(); // by field: the last one, which ends the one before it
  const upload = async ({ target }) => {
    const [name, file] = [target.dataset.upload, target.files[0]];
    if (!file) return;
    target.value = ""; // so that the same file can be chosen again
    touched.add(name);
    const last = { number: Math.floor(Math.random() * 2 ** 32) }; // another view may send, too
    uploads.set(name, last);
    const note = find(`[data-field="${name}"] .luma-hint`);
    const hint = note.dataset.hint ??= note.textContent;
    let at = 0;
    do {
      const percent = Math.round((100 * at) / Math.max(file.size, 1));
      note.textContent = _("Uploading {file} to the notebook: {percent} %", { file: file.name, percent });
      const chunk = await file.slice(at, at + CHUNK).arrayBuffer();
      if (uploads.get(name) !== last) return;
      const taken = new Promise((resolve) => { last.taken = resolve; });
      send({ do: "upload", upload: last.number, field: name, name: file.name, size: file.size, at }, chunk);
      if ((await taken) !== at) break;
      at += CHUNK;
    } while (at < file.size);
    note.textContent = hint;
  };
  const onMessage = (message) => {
    if (message.did) {
      go.disabled = false;
      find(".luma-outcome").textContent = model.get("outcome"); // nothing, where something is wrong
      const wrong = model.get("submitted") && find('[aria-invalid="true"]');
      if (wrong) {
        wrong.closest("details")?.setAttribute("open", "");
        wrong.focus();
      }
    }
    const upload = uploads.get(message.got);
    if (upload && upload.number === message.upload) upload.taken(message.at);
  };

  // From the kernel to the page.

  const drawErrors = () => {
    const errors = model.get("errors");
    for (const box of finds("[data-field]")) {
      const name = box.dataset.field;
      const error = touched.has(name) || model.get("submitted") || model.get(name) ? errors[name] : undefined;
      const note = find(`#${id}-${name}-error`);
      const message = error ?? "";
      if (note.textContent !== message) note.textContent = message;
      const control = input(name);
      control?.setAttribute("aria-invalid", String(Boolean(error)));
      const about = [input(`${name}-hint`), error && note].filter(Boolean).map((node) => node.id).join(" ");
      if (about) control?.setAttribute("aria-describedby", about);
      else control?.removeAttribute("aria-describedby");
    }
  };
  const drawFields = () => {
    const action = model.get("action");
    const shown = model.get("fields")[action];
    for (const box of finds("[data-field]")) box.hidden = !shown.includes(box.dataset.field);
    for (const box of finds("[data-holds]")) box.hidden = !box.dataset.holds.split(" ").some((name) => shown.includes(name));
    for (const tab of finds("[role=tab]")) {
      const chosen = tab.dataset.action === action;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      if (chosen) find("[role=tabpanel]").setAttribute("aria-labelledby", tab.id);
    }
    go.textContent = ACTIONS[action];
  };
  const openClips = () => {
    if (model.get("action") !== "generate") find('[data-picks="source"]').open = true;
  };
  const drawValues = () => {
    for (const control of finds("[name]")) {
      const value = model.get(control.dataset.name ?? control.name);
      if (control.type === "checkbox") control.checked = value;
      else if (control.type === "radio") control.checked = control.value === value;
      else if (control.value !== value && !(control === root.ownerDocument.activeElement && pause !== undefined)) control.value = value;
    }
  };
  const drawChoices = () => {
    for (const box of finds("[data-picks]")) {
      const name = box.dataset.picks;
      const clips = model.get("clips");
      box.querySelector("ul").replaceChildren(...clips.map((clip) => drawChoice(clip, name)));
      if (!clips.length) {
        box.querySelector("ul").appendChild(document.createElement("li")).textContent = _("There are no clips in this folder yet.");
      }
    }
  };
  const drawChoice = (clip, name) => {
    const item = document.createElement("li");
    const button = item.appendChild(document.createElement("button"));
    Object.assign(button, { type: "button", className: "luma-pick", title: clip.prompt });
    if (clip.poster && (folder || clip.poster.startsWith("data:"))) {
      const image = button.appendChild(document.createElement("img"));
      Object.assign(image, { loading: "lazy", alt: "", src: new URL(clip.poster, folder ?? undefined).href });
    } else {
      button.appendChild(document.createElement("span")).className = "luma-no-poster";
    }
    button.appendChild(document.createElement("code")).textContent = clip.word;
    button.appendChild(document.createElement("span")).textContent = clip.done ? clip.prompt : _("(being made) {prompt}", clip);
    button.addEventListener("click", () => pick(name, clip.word));
    return item;
  };
  const drawTexts = () => {
    find(".luma-price").textContent = model.get("outcome") ? "" : model.get("price");
    find(".luma-problem-of-all").textContent = model.get("problem");
    if (!go.disabled || model.get("outcome")) find(".luma-outcome").textContent = model.get("outcome");
    if (cell.textContent !== model.get("cell")) cell.textContent = model.get("cell"); // it may be selected
    find(".luma-request").textContent = model.get("request") || _("Nothing can be sent yet.");
  };
  const draw = () => {
    drawFields();
    drawValues();
    drawErrors();
    if (!ended) drawTexts();
  };
  const lost = () => {
    ended = true;
    find(".luma-problem-of-all").textContent = _("The kernel has ended: run this cell again.");
    find(".luma-outcome").textContent = "";
    go.disabled = true;
    for (const { taken } of uploads.values()) taken?.();
  };

  const [go, cell] = [find(".luma-go"), find(".luma-cell")];
  go.addEventListener("click", submit);
  go.addEventListener("pointerdown", ({ pointerId }) => go.setPointerCapture(pointerId)); // what comes may move it away
  root.addEventListener("input", typed);
  root.addEventListener("focusout", left);
  for (const tab of finds("[role=tab]")) tab.addEventListener("click", () => choose(tab.dataset.action));
  find("[role=tablist]").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const tabs = finds("[role=tab]");
    const next = tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length];
    next.focus();
    choose(next.dataset.action);
    event.preventDefault();
  });
  for (const file of finds("[data-upload]")) file.addEventListener("change", upload);
  for (const box of finds("[data-picks]")) {
    box.addEventListener("toggle", () => box.open && send({ do: "refresh" }));
  }
  find(".luma-copy").addEventListener("click", async ({ target }) => {
    target.textContent = (await copied(cell)) ? _("Copied") : _("Selected: press Ctrl+C or ⌘C");
    setTimeout(() => { target.textContent = _("Copy"); }, SAID);
  });
  model.on("change", draw);
  model.on("change:action", openClips);
  model.on("change:clips", drawChoices);
  model.on("msg:custom", onMessage);
  model.on("comm_live_update", lost);
  const release = takeOver(el, model.get("key"));
  const leave = countView(model);
  sayHere(model);
  notebookFolder(model.get("kernel")).then((found) => { folder = found; drawChoices(); }).catch(() => {});
  draw();
  openClips();
  drawChoices();
  if (model.get("focus")) requestAnimationFrame(() => input("prompt").focus()); // which scrolls to it, too
  return () => {
    clearTimeout(pause);
    release();
    leave();
    model.off("change", draw);
    model.off("change:action", openClips);
    model.off("change:clips", drawChoices);
    model.off("msg:custom", onMessage);
    model.off("comm_live_update", lost);
  };
}

export default { render };
