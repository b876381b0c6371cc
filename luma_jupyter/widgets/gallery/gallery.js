/* The live part of a gallery: it adds to the plain one above it. A poster plays while one points at it, in a video that is
made then and gone after; two buttons on each tile tell the kernel what to go on with. */

const INTENT = 150; // milliseconds of pointing before a video is loaded: a pointer on its way elsewhere loads none

/** The one video that plays over a poster. */
function previewer() {
  let [tile, video, timer] = [null, null, null];
  const stop = () => {
    clearTimeout(timer);
    if (video) {
      video.pause();
      video.removeAttribute("src");
      video.load(); // or the browser would go on loading it
      video.remove();
    }
    [tile, video] = [null, null];
  };
  const play = (src) => {
    video = Object.assign(document.createElement("video"), { muted: true, loop: true, playsInline: true, src });
    video.className = "luma-preview";
    video.setAttribute("aria-hidden", "true");
    tile.querySelector(".luma-poster").append(video);
    video.play().catch(() => {}); // it went away before it could play
  };
  const start = (next) => {
    if (next === tile) return;
    stop();
    const src = next?.querySelector("details:not([open]) > video")?.src;
    if (!src || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    tile = next;
    timer = setTimeout(play, INTENT, src);
  };
  return { start, stop };
}

/** Two buttons for a tile. */
function picks(tile) {
  const prompt = tile.querySelector("figcaption [title]")?.title ?? "";
  const part = document.createElement("div");
  part.className = "luma-picks";
  for (const action of ["extend", "modify"]) {
    const button = part.appendChild(document.createElement("button"));
    const words = action[0].toUpperCase() + action.slice(1);
    Object.assign(button, { type: "button", textContent: words });
    button.dataset.action = action;
    button.setAttribute("aria-label", `${words} ${prompt.length > 60 ? `${prompt.slice(0, 60)}…` : prompt}`);
  }
  return part;
}

function enhance(frame, model) {
  const tiles = frame.querySelector(".luma-tiles");
  const added = [...tiles.querySelectorAll(".luma-tile")].map((tile) => tile.appendChild(picks(tile)));
  const preview = previewer();
  const tileOf = (node) => node?.closest?.(".luma-tile") ?? null;
  const over = (event) => event.pointerType !== "touch" && preview.start(tileOf(event.target));
  const left = (event) => tileOf(event.relatedTarget) || preview.stop();
  const focus = (event) => preview.start(tileOf(event.target));
  const click = (event) => {
    const action = event.target.dataset?.action;
    if (action) model.send({ do: "pick", key: tileOf(event.target).dataset.key, action });
  };
  const toggle = (event) => {
    const player = event.target.querySelector(":scope > video");
    preview.stop();
    if (!event.target.open) player?.pause();
    else player?.play().catch(() => {}); // the browser may want a click on the video itself
    if (!event.target.open) return;
    for (const other of tiles.querySelectorAll("details[open] > video")) if (other !== player) other.pause();
  };
  const gone = () => added.forEach((part) => { part.hidden = true; }); // nobody is there to answer
  const listeners = [["pointerover", over], ["pointerout", left], ["focusin", focus], ["focusout", left],
    ["click", click], ["toggle", toggle]];
  for (const [name, listener] of listeners) tiles.addEventListener(name, listener, name === "toggle"); // does not bubble
  tiles.classList.add("luma-live-tiles");
  ownKeys(tiles);
  model.on("comm_live_update", gone);
  return () => {
    preview.stop();
    for (const [name, listener] of listeners) tiles.removeEventListener(name, listener, name === "toggle");
    model.off("comm_live_update", gone);
    tiles.classList.remove("luma-live-tiles");
    added.forEach((part) => part.remove());
  };
}

function render({ model, el }) {
  const leave = withFrame(el, model.get("key"), (frame) => enhance(frame, model));
  const uncount = countView(model);
  sayHere(model);
  return () => {
    leave();
    uncount();
  };
}

export default { render };
