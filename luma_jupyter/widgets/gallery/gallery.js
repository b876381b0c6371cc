/* The live part of a gallery: it adds to the plain one above it. A poster plays while one points at it, in a video that is
made then and gone after; two buttons on each tile tell the kernel what to go on with. Where the plain one has only the
first of many tiles, one scrolls through all of them. */

const [WIDTH, HEIGHT] = [232, 300]; // pixels: the room for each of many tiles, as in gallery.css
const STILL = 250; // milliseconds after scrolling in which a tile that comes under the pointer is not pointed at
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

/** All tiles in the place of the first ones, which stay known; `dress` is told of each that is new. Gives what undoes
that. */
function allTiles(tiles, model, dress) {
  const first = [...tiles.children];
  const known = new Map(first.entries()); // by position
  const total = model.get("total");
  const folder = notebookFolder(model.get("kernel")).catch(() => null);
  const body = document.createElement("div");
  body.className = "luma-list";
  body.setAttribute("role", "list");
  tiles.replaceChildren(body);
  const make = (at) => {
    const item = document.createElement("div");
    item.className = "luma-item";
    item.setAttribute("role", "listitem");
    item.setAttribute("aria-posinset", at + 1);
    item.setAttribute("aria-setsize", total);
    return item;
  };
  const draw = (item, at) => {
    const tile = known.get(at);
    if (tile && item.firstChild !== tile) item.replaceChildren(tile);
  };
  const ask = (from, to) => {
    const places = Array.from({ length: to - from }, (_, i) => from + i);
    if (places.every((at) => known.has(at))) return false;
    tell(model, { do: "rows", from, to });
  };
  const list = virtualList({ region: tiles, body, width: WIDTH, height: HEIGHT, spare: 12, make, draw, ask });
  const take = async ({ from, tiles: html }) => {
    if (!html) return;
    const content = withAddresses(html.join(""), await folder);
    for (const at of known.keys()) if (at >= first.length && !list.items.has(at)) known.delete(at);
    [...content.children].forEach((tile, i) => {
      if (known.has(from + i)) return; // one may have the focus, or play
      known.set(from + i, tile);
      dress(tile);
    });
    list.answered();
  };
  model.on("msg:custom", take);
  list.resize(total);
  return () => {
    model.off("msg:custom", take);
    list.end();
    tiles.replaceChildren(...first);
  };
}

function enhance(frame, model) {
  const tiles = frame.querySelector(".luma-tiles");
  const rest = frame.querySelector(".luma-rest");
  const dress = (tile) => tile.append(picks(tile));
  [...tiles.children].forEach(dress);
  tiles.classList.add("luma-live-tiles");
  let undo = rest ? allTiles(tiles, model, dress) : () => {};
  rest?.setAttribute("hidden", "");
  const plain = () => { // nobody is there to answer
    undo();
    undo = () => {};
    rest?.removeAttribute("hidden");
    for (const part of tiles.querySelectorAll(".luma-picks")) part.remove();
  };
  const preview = previewer();
  const tileOf = (node) => node?.closest?.(".luma-tile") ?? null;
  let scrolledAt = -Infinity;
  const scrolled = () => { scrolledAt = performance.now(); };
  const over = (event) => {
    const moved = event.movementX || event.movementY || performance.now() - scrolledAt > STILL;
    if (moved && event.pointerType !== "touch") preview.start(tileOf(event.target));
  };
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
  const listeners = [["pointermove", over], ["pointerout", left], ["scroll", scrolled], ["focusin", focus],
    ["focusout", left], ["click", click], ["toggle", toggle]];
  for (const [name, listener] of listeners) tiles.addEventListener(name, listener, name === "toggle"); // does not bubble
  ownKeys(tiles);
  model.on("comm_live_update", plain);
  return () => {
    preview.stop();
    for (const [name, listener] of listeners) tiles.removeEventListener(name, listener, name === "toggle");
    model.off("comm_live_update", plain);
    plain();
    tiles.classList.remove("luma-live-tiles");
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
