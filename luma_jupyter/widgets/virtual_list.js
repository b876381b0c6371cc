/* A list of any length: a region that scrolls as if all items were in it, of which those near the screen are in the page.
What an item shows is the business of who uses it, and so is asking the kernel for what the page does not have. */

const NEAR = 600; // pixels above and below what is in sight in which items are in the page
const PATIENCE = 10000; // milliseconds after which the kernel is asked again: a question or its answer may be lost

/** Where an item is once there are new ones at these places, in order. */
const shiftedBy = (places, at) => places.reduce((now, place) => (place <= now ? now + 1 : now), at);

/** `region` scrolls, `body` in it holds the items, each `height` pixels high and `width` wide (0: as wide as the body).
`make` gives the element of a position, empty; `draw` fills it with what is known by now, at each update. `ask(from, to)`
asks for these positions, of which `spare` are on either side of what is near; gives false where that is not needed. With
`grows` all items become as high as the highest one needs. */
function virtualList({ region, body, height, width = 0, grows = false, spare = 40, make, draw, ask }) {
  const items = new Map(); // by position
  let [total, frame, asked, waiting, patience] = [0, null, [0, 0], null, PATIENCE];
  const inUse = (item) => item.contains(document.activeElement) || item.querySelector("details[open]");
  const across = () => (width ? Math.max(1, Math.floor(body.clientWidth / width)) : 1);
  const near = (columns) => {
    const top = region.scrollTop - NEAR;
    const bottom = region.scrollTop + region.clientHeight + NEAR;
    const first = Math.floor(Math.max(0, top) / height) * columns;
    return [Math.min(first, total), Math.min(Math.ceil(bottom / height) * columns, total)];
  };
  const needed = () => Math.max(0, ...[...items.values()].map((item) => item.scrollHeight));
  const arrange = (first, last, columns) => {
    for (const [at, item] of items) {
      if (at >= total || ((at < first || at >= last) && !inUse(item))) {
        item.remove();
        items.delete(at);
      }
    }
    for (let at = first; at < last; at++) if (!items.has(at)) items.set(at, make(at));
    let next = body.firstElementChild; // in their order, for the keyboard; what is in the page already stays where it is
    for (const [at, item] of [...items].sort(([a], [b]) => a - b)) {
      if (item === next) next = next.nextElementSibling;
      else body.insertBefore(item, next);
      item.style.top = `${Math.floor(at / columns) * height}px`;
      if (grows) item.style.height = `${height}px`;
      if (width) item.style.left = `${(at % columns) * width}px`;
      draw(item, at);
    }
  };
  const request = (first, last) => {
    if (waiting || (first >= asked[0] && last <= asked[1])) return;
    const wanted = [Math.max(0, first - spare), Math.min(total, last + spare)];
    if (ask(...wanted) === false) return;
    asked = wanted;
    waiting = setTimeout(askAgain, patience);
  };
  const askAgain = () => {
    [asked, waiting] = [[0, 0], null];
    patience *= 2; // the kernel may be busy for an hour
    update();
  };
  let outOfSight = false;
  const update = () => {
    cancelAnimationFrame(frame);
    frame = null;
    const before = outOfSight;
    outOfSight = !region.getClientRects().length; // it has no size, and nothing says what is near
    if (outOfSight) {
      if (!before) soon(); // it may be back before anybody hears that it had none
      return;
    }
    const columns = across();
    body.style.height = `${Math.ceil(total / columns) * height}px`;
    comeBack();
    const [first, last] = near(columns);
    arrange(first, last, columns);
    if (grows && needed() > height) return grow(needed());
    if (last > first) request(first, last);
  };
  const grow = (higher) => {
    const top = (region.scrollTop * higher) / height;
    height = higher;
    update();
    region.scrollTop = top; // what was in sight stays there
  };
  const soon = () => { frame ??= requestAnimationFrame(update); };
  let place = 0;
  /** An element that was out of the page, or was moved in it, is at its top, and nobody hears of that. */
  const comeBack = () => { region.scrollTop ||= place; };
  const scrolled = () => {
    if (!region.clientHeight) return; // it heard of it only after it had left, or before it has its size again
    place = region.scrollTop;
    soon();
  };
  const sizes = new ResizeObserver(() => {
    comeBack();
    soon();
  });
  region.addEventListener("scroll", scrolled, { passive: true });
  sizes.observe(region);
  /** There are so many items now, of which those at these places are new. */
  const insert = (places, count) => {
    total = count;
    if (places.length) {
      const moved = [...items].map(([at, item]) => [shiftedBy(places, at), item]);
      items.clear();
      for (const [at, item] of moved) items.set(at, item);
      asked = asked.map((at) => shiftedBy(places, at));
    }
    update();
  };
  /** It is another list by now, of so many items, of which these are given; others near are asked for, one question at a
  time. */
  const reset = (count, given = [0, 0]) => {
    asked = given;
    insert([], count);
  };
  return {
    items,
    update,
    /** There are so many items now, of which so many are new and come before the others. */
    resize: (count, before = 0) => insert(Array.from({ length: before }, (_, at) => at), count),
    insert,
    /** The kernel has answered: there are so many items now, and these are given, from one place to another; without
    them all that were asked for. */
    answered: (count = total, given = asked) => {
      clearTimeout(waiting);
      [waiting, patience] = [null, PATIENCE];
      reset(count, given);
    },
    reset,
    /** Whether an item was asked for, as one near. */
    asksFor: (at) => at >= asked[0] && at < asked[1],
    end: () => {
      clearTimeout(waiting);
      cancelAnimationFrame(frame);
      sizes.disconnect();
      region.removeEventListener("scroll", scrolled);
      for (const item of items.values()) item.remove();
    },
  };
}
