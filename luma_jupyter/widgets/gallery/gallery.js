/* The live part of a gallery, in the place of the plain one above it, whose tiles it takes. One scrolls through all of
them; a poster plays while one points at it, in a video that is made then and gone after, and opens a large player. The
kernel says what is new, and what is searched; buttons on each tile tell it what to go on with. */

const [WIDTH, HEIGHT] = [232, 200]; // pixels: the room for each tile, as wide as in gallery.css, and at least as high
const STILL = 250; // milliseconds after scrolling in which a tile that comes under the pointer is not pointed at
const INTENT = 150; // milliseconds of pointing before a video is loaded: a pointer on its way elsewhere loads none
const TYPING = 200; // milliseconds without typing after which the kernel is asked
const FIRST = 40; // tiles that are asked for with what is searched

const HEAD = `<div class="luma-heading" role="status"></div><div class="luma-left-out"></div>
  <div class="luma-controls" role="search" aria-label="${_("Clips of this gallery")}"><input type="search" class="luma-search"
  aria-label="${_("Search prompts, names and notes")}" placeholder="${_("Search")}" autocomplete="off"
  data-lm-suppress-shortcuts="true">
  <button type="button" class="luma-only" aria-pressed="false" aria-label="${_("Only clips with a star")}">${_("★ only")}</button>
  <span class="luma-count" role="status"></span></div>
  <div class="luma-tiles luma-live-tiles"><div class="luma-list" role="list"></div></div>`;

const titleOf = (tile) => tile.querySelector("figcaption [title]")?.title ?? "";
const plain = new WeakMap(); // of a tile that is dressed: what it has where there is no kernel
const plainOf = (tile) => plain.get(tile) ?? tile.querySelector("details");

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
    const src = next && plainOf(next).querySelector(":scope > video")?.src;
    if (!src || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    tile = next;
    timer = setTimeout(play, INTENT, src);
  };
  return { start, stop };
}

/** Give a tile its buttons; its poster becomes one too. Gives what undoes that. */
function dress(tile, send) {
  const [details, title] = [tile.querySelector("details"), titleOf(tile)];
  const prompt = shortened(title);
  const opener = make("button", "", { type: "button", class: "luma-open", "aria-haspopup": "dialog" });
  opener.setAttribute("aria-label", _("Play {prompt} large", { prompt }));
  const summary = details.querySelector("summary");
  opener.append(...summary.childNodes);
  details.replaceWith(opener);
  plain.set(tile, details);
  const picks = make("div", "", { class: "luma-picks" });
  const actions = [
    ["extend", _("Extend"), _("Extend {prompt}", { prompt })],
    ["modify", _("Modify"), _("Modify {prompt}", { prompt })],
  ];
  for (const [action, words, label] of actions) {
    picks.append(make("button", words, { type: "button", "data-action": action, "aria-label": label }));
  }
  opener.after(picks);
  let unmark = () => {};
  if (tile.dataset.note !== undefined) { // else a video of which nothing is known
    const label = _("Use this prompt again: {prompt}", { prompt });
    const again = iconButton("↻", "luma-again", label, _("Use this prompt again"));
    again.dataset.action = "again";
    picks.append(again);
    unmark = addNote(tile, picks, title, send);
  }
  return () => {
    unmark();
    picks.remove();
    summary.append(...opener.childNodes);
    opener.replaceWith(details);
    plain.delete(tile);
  };
}

/** All tiles of the gallery, or those that are searched, as far as they are known; `first` are those of the plain one.
`told` hears what the kernel says of a search, `lost` that it cannot be asked any more. */
function allTiles(region, first, model, told, lost) {
  const body = region.querySelector(".luma-list");
  const folder = notebookFolder(model.get("kernel")).catch(() => null);
  const send = (content) => tell(model, content);
  const known = new Map(); // by position
  const kept = new Set(first);
  let [arrived, total, search, starred] = [model.get("view").arrived, model.get("view").total, "", false];
  let anew = false; // what is known is of another search, or of another list, until the kernel answers
  const makeItem = () => make("div", "", { class: "luma-item", role: "listitem" });
  const draw = (item, at) => {
    if (item.ariaPosInSet !== `${at + 1}`) item.setAttribute("aria-posinset", at + 1);
    if (item.ariaSetSize !== `${total}`) item.setAttribute("aria-setsize", total);
    const tile = known.get(at);
    if (tile ? item.firstChild !== tile : !anew && item.firstChild) item.replaceChildren(...(tile ? [tile] : []));
  };
  /** Ask for tiles; `near`: for the list, which waits for the answer. */
  const rows = (from, to, near = false) => send({ do: "rows", from, to, search, starred, near }) || lost();
  const ask = (from, to) => {
    const places = Array.from({ length: to - from }, (_, i) => from + i);
    if (!anew && places.every((at) => known.has(at))) return false;
    rows(from, to, true);
  };
  const list = virtualList({ region, body, width: WIDTH, height: HEIGHT, grows: true, spare: 12, make: makeItem, draw, ask });
  const placeOf = ({ dataset }) => [...known].find(([, tile]) => tile.dataset.key === dataset.key)?.[0];
  const player = largePlayer({
    count: () => total, tileAt: (at) => known.get(at), placeOf, ask: (at) => rows(at, at + 1), send,
  });
  const undress = new Map(first.map((tile) => [tile, dress(tile, send)]));
  /** Begin again with what the kernel says; tiles that are in use are used again. */
  const begin = (tiles) => {
    anew = false;
    const before = new Map([...known.values(), ...first].map((tile) => [tile.dataset.key, tile]));
    known.clear();
    return tiles.map((tile) => before.get(tile.dataset.key) ?? tile);
  };
  const take = async (content) => {
    const nodes = content.tiles && withAddresses(content.tiles.join(""), await folder);
    takeNote(content, (key) => [...known.values(), ...first, player.dialog].filter((part) => part.dataset.key === key));
    if (content.noted !== undefined) list.update();
    if (!nodes) return;
    const { from, to, near } = content;
    if (content.search !== search || content.starred !== starred || content.arrived !== arrived) {
      if (near) list.answered(total, [0, 0]); // one has typed on, or it was made before what is new, or after it
      return;
    }
    for (const [at, tile] of known) if (!kept.has(tile) && !list.items.has(at) && !list.asksFor(at)) known.delete(at);
    const focused = document.activeElement;
    const begins = anew;
    const tiles = begins ? begin([...nodes.children]) : [...nodes.children];
    tiles.forEach((tile, i) => {
      if (known.has(from + i)) return; // one may have the focus, or play
      known.set(from + i, tile);
      if (!plain.has(tile)) dress(tile, send);
    });
    total = content.total;
    told(content.count);
    if (near) list.answered(total, [from, to]);
    else if (begins) list.reset(total, [from, to]);
    else list.resize(total);
    player.renew();
    if (body.contains(focused)) focused.focus({ preventScroll: true });
  };
  const renew = () => {
    const view = model.get("view");
    if (view.arrived === arrived) return;
    const came = view.added.length;
    const follows = view.arrived === arrived + came && view.total === total + came;
    const shifts = follows && !search && !starred && !anew;
    arrived = view.arrived;
    if (!shifts) {
      if (!search && !starred) total = view.total;
      anew = true;
      const from = Math.max(0, player.at() - FIRST / 2); // it is moved by as many as have come
      if (player.dialog.open || !total) rows(from, from + FIRST);
      return list.reset(total);
    }
    total = view.total;
    const moved = [...known].map(([at, tile]) => [shiftedBy(view.added, at), tile]);
    known.clear();
    for (const [at, tile] of moved) known.set(at, tile);
    list.insert(view.added, total);
    player.renew(view.added);
  };
  model.on("msg:custom", take);
  model.on("change:view", renew);
  return {
    /** Begin with the plain tiles, which were the first when so many had arrived. */
    begin: (then) => {
      anew = then !== arrived;
      if (!anew) first.forEach((tile, at) => known.set(at, tile));
      list.resize(total);
    },
    search: (words, only) => {
      if (words === search && only === starred) return;
      [search, starred, anew] = [words, only, true];
      region.scrollTop = 0;
      rows(0, FIRST);
    },
    open: (tile) => {
      for (const [at, known_] of known) if (known_ === tile) return player.open(at);
    },
    update: list.update,
    send,
    end: () => {
      model.off("msg:custom", take);
      model.off("change:view", renew);
      player.end();
      list.end();
      for (const undo of undress.values()) undo();
    },
  };
}

/** The field and the button above the tiles. */
function finder(part, search) {
  const [field, only] = [part.querySelector(".luma-search"), part.querySelector(".luma-only")];
  let timer = null;
  const now = () => {
    clearTimeout(timer);
    search(field.value.trim(), only.getAttribute("aria-pressed") === "true");
  };
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(now, TYPING);
  });
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || !["Enter", "Escape"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") field.value = "";
    now();
  });
  only.addEventListener("click", () => {
    only.setAttribute("aria-pressed", String(only.getAttribute("aria-pressed") !== "true"));
    now();
  });
  return () => clearTimeout(timer);
}

/** The gallery that lives, in `el`, made of the plain one in `frame`; `lost` hears that there is no kernel any more. */
function live(el, frame, model, lost) {
  const place = frame.querySelector(".luma-tiles");
  const first = [...place.children];
  place.replaceChildren(); // they are here now
  const part = frame.cloneNode(false); // looks as that one does
  part.classList.remove(`luma-${model.get("key")}`);
  part.removeAttribute("hidden");
  part.innerHTML = HEAD;
  el.append(part);
  ownKeys(part);
  const [heading, leftOut, controls, count, region] = ["heading", "left-out", "controls", "count", "live-tiles"]
    .map((name) => part.querySelector(`.luma-${name}`));
  const told = (words) => { count.textContent = searching() ? words : ""; };
  const tiles = allTiles(region, first, model, told, lost);
  const searching = () => controls.querySelector(".luma-search").value.trim() || controls.querySelector("[aria-pressed=true]");
  const head = () => {
    const view = model.get("view");
    if (heading.textContent !== view.heading) heading.textContent = view.heading;
    leftOut.textContent = view.left_out;
    controls.hidden = !view.total;
  };
  head();
  const unfind = finder(controls, tiles.search);
  tiles.begin(Number(place.dataset.arrived));
  const preview = previewer();
  const tileOf = (node) => node?.closest?.(".luma-tile") ?? null;
  let scrolledAt = -Infinity;
  const listeners = {
    scroll: () => { scrolledAt = performance.now(); },
    pointermove: (event) => {
      const moved = event.movementX || event.movementY || performance.now() - scrolledAt > STILL;
      if (moved && event.pointerType !== "touch") preview.start(tileOf(event.target));
    },
    pointerout: (event) => tileOf(event.relatedTarget) || preview.stop(),
    focusin: (event) => preview.start(tileOf(event.target)),
    focusout: (event) => tileOf(event.relatedTarget) || preview.stop(),
    click: (event) => {
      const [tile, button] = [tileOf(event.target), event.target.closest("button")];
      tiles.update(); // a field for a note takes room
      const { action } = button?.dataset ?? {};
      if (action && !tiles.send({ do: "pick", key: tile.dataset.key, action })) return lost();
      if (!button?.matches(".luma-open")) return;
      preview.stop();
      tiles.open(tile);
    },
  };
  for (const [name, listener] of Object.entries(listeners)) region.addEventListener(name, listener);
  model.on("change:view", head);
  return () => {
    preview.stop();
    unfind();
    model.off("change:view", head);
    tiles.end();
    part.remove();
    place.replaceChildren(...first);
  };
}

function render({ model, el }) {
  let end = null;
  let ended = false; // nobody is there to answer any more
  const leave = withFrame(el, model.get("key"), (frame) => {
    if (ended) return () => {};
    frame.setAttribute("hidden", "");
    end ??= live(el, frame, model, () => queueMicrotask(plainAgain)); // not while it is being drawn
    return () => frame.removeAttribute("hidden");
  });
  const plainAgain = () => {
    ended = true;
    end?.();
    end = null;
    leave();
  };
  model.on("comm_live_update", plainAgain);
  const uncount = countView(model);
  sayHere(model);
  return () => {
    model.off("comm_live_update", plainAgain);
    plainAgain();
    uncount();
  };
}

export default { render };
