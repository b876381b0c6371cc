/* One clip as large as the page: a dialog over it, with the ways to the next one and the one before. Only the video that is
shown is loaded. */

const PLAYER = `<div class="luma-bar luma-picks">
  <button type="button" class="luma-before" aria-label="${_("Previous clip")}" title="${_("Previous (←)")}">◀</button>
  <button type="button" class="luma-next" aria-label="${_("Next clip")}" title="${_("Next (→)")}">▶</button>
  <span class="luma-place" role="status"></span>
  <button type="button" class="luma-close" aria-label="${_("Close the player")}" title="${_("Close (Esc)")}">✕</button></div><div class="luma-stage"></div><div class="luma-prompt"></div>
  <div class="luma-picks luma-marks"></div>`;

/** A player of the clips of a gallery. `count` says how many there are, `tileAt` gives the tile at a place, undefined where
it has to be asked for with `ask`, `placeOf` the place of a tile, undefined where nobody knows; `send` tells the kernel. */
function largePlayer({ count, tileAt, placeOf, ask, send }) {
  const dialog = document.createElement("dialog");
  dialog.className = "luma-player";
  dialog.setAttribute("aria-label", _("Large player"));
  dialog.innerHTML = PLAYER;
  ownKeys(dialog);
  const [before, next, place, close, stage, prompt, marks] = ["before", "next", "place", "close", "stage", "prompt", "marks"]
    .map((name) => dialog.querySelector(`.luma-${name}`));
  let [at, shown, unmark] = [0, null, () => {}];
  const empty = () => {
    const video = stage.querySelector("video");
    video?.pause();
    video?.removeAttribute("src");
    video?.load(); // or the browser would go on loading it
    stage.replaceChildren();
    unmark();
    unmark = () => {};
    shown = null;
  };
  const mark = (tile) => {
    marks.hidden = tile.dataset.note === undefined; // a video of which nothing is known
    if (marks.hidden) return delete dialog.dataset.key;
    for (const name of ["key", "starred", "note"]) dialog.dataset[name] = tile.dataset[name];
    unmark = addNote(dialog, marks, titleOf(tile), send);
  };
  const showPlace = () => {
    const [number, total] = [at + 1, count()].map((value) => value.toLocaleString("en"));
    place.textContent = _("{number} of {total}", { number, total });
    before.disabled = at <= 0;
    next.disabled = at >= count() - 1;
  };
  const show = () => {
    showPlace();
    const tile = tileAt(at);
    if (tile && tile === shown) return;
    empty();
    prompt.textContent = tile ? titleOf(tile) : "…";
    if (!tile) return ask(at);
    shown = tile;
    const content = [...plainOf(tile).children].slice(1).map((part) => part.cloneNode(true)); // all but the poster
    stage.append(...content);
    const video = stage.querySelector("video");
    if (video) Object.assign(video, { controls: true, loop: true, autoplay: true });
    video?.removeAttribute("style");
    video?.play().catch(() => {}); // the browser may want a click on the video itself
    mark(tile);
  };
  const go = (step) => {
    if (at + step < 0 || at + step >= count()) return;
    const focused = document.activeElement;
    at += step;
    show();
    if (focused?.disabled || !dialog.contains(document.activeElement)) (next.disabled ? before : next).focus();
  };
  const pressed = (event) => {
    if (event.target.matches("input, video") || event.ctrlKey || event.metaKey || event.altKey) return;
    const does = { ArrowLeft: () => go(-1), ArrowRight: () => go(1), s: () => dialog.dataset.key && dialog.toggleStar() };
    if (!does[event.key]) return;
    event.preventDefault();
    does[event.key]();
  };
  before.addEventListener("click", () => go(-1));
  next.addEventListener("click", () => go(1));
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("keydown", pressed);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // beside it
  dialog.addEventListener("close", empty);
  document.body.append(dialog); // not in the notebook, whose keys would be pressed too
  return {
    dialog,
    open: (place) => {
      at = place;
      dialog.showModal();
      show();
      (next.disabled ? close : next).focus();
    },
    /** The place of what is shown; 0 where nothing is. */
    at: () => (dialog.open ? at : 0),
    /** Tiles have come, new ones at these places; what is shown goes on. */
    renew: (places = []) => {
      if (!dialog.open) return;
      at = shiftedBy(places, at);
      if (!shown) return show();
      if (tileAt(at)?.dataset.key !== shown.dataset.key) at = placeOf(shown) ?? at;
      showPlace();
    },
    end: () => {
      if (dialog.open) dialog.close();
      dialog.remove();
    },
  };
}

