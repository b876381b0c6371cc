/* "Tell me": a notification of the browser when what a card shows has ended, and a mark in the page's title until somebody
looks at it. Put between base.js and the script that uses it.

What somebody wishes to be told is the page's: no model has it, and a page that was reloaded has forgotten it. A model
looks for the end, not a view: a view goes when its cell is moved, or its output replaced. */

const MARK = "● ";
// By what the page says of notifications.
const HOW = {
  granted: _("A notification comes when it ends."),
  denied: _("Notifications are refused for this page: the page's title gets a ● instead."),
  default: _("Notifications are not allowed yet: the page's title gets a ● instead."),
  missing: _("This page can show no notifications, which need https or localhost: the page's title gets a ● instead."),
};
const NOWHERE = _("This page can show no notifications: luma_jupyter.configure(notify=…) tells you in another way.");
// By the status of clips that ended in it.
const OUTCOMES = {
  failed: (count) => _("{count} failed", { count }),
  unconfirmed: (count) => _("{count} unconfirmed", { count }),
  detached: (count) => _("{count} not watched any more", { count }),
  cancelled: (count) => _("{count} cancelled", { count }),
};

/** Whether the browser shows notifications of this page: granted, denied, default (nobody was asked) or missing. */
const mayNotify = () => (globalThis.isSecureContext && globalThis.Notification?.permission) || "missing";

/** What will happen, in words; a part of a page, as in VS Code, has no title that somebody sees. */
const howTold = () => (globalThis.parent !== globalThis && mayNotify() !== "granted" ? NOWHERE : HOW[mayNotify()]);

/** What is wished for, by the card's key: the words beside its button, and what had ended before that does not count. */
const wishes = () => (globalThis.lumaWishes ??= new Map());

const isLookedAt = () => document.visibilityState === "visible" && document.hasFocus();

/** Mark the page's title until the page is looked at. Whoever else sets it meanwhile has the last word. */
function markTitle() {
  const marked = globalThis.lumaTitle;
  if (isLookedAt() || (marked && document.title === MARK + marked.title)) return;
  globalThis.lumaTitle = { title: document.title };
  document.title = MARK + document.title;
  if (marked) return; // it is listened already
  const events = [[document, "visibilitychange"], [globalThis, "focus"]];
  const restore = () => {
    if (!isLookedAt()) return;
    for (const [target, event] of events) target.removeEventListener(event, restore);
    const { title } = globalThis.lumaTitle;
    if (document.title === MARK + title) document.title = title;
    delete globalThis.lumaTitle;
  };
  for (const [target, event] of events) target.addEventListener(event, restore);
}

/** Tell of an end: once, though several models, or pages, show the same. */
function tellOf(key, title, body) {
  markTitle();
  if (mayNotify() !== "granted") return;
  try {
    const notification = new Notification(title, { body, tag: `luma-${key}` });
    notification.onclick = () => {
      globalThis.focus();
      document.querySelector(`.luma-card.luma-${key}`)?.scrollIntoView({ block: "center" });
      notification.close();
    };
  } catch {
    // a browser of a phone, where only service workers may: the title is marked
  }
}

/** The end of many clips in words: "5 of 6 done, 1 failed"; empty where none has ended since. */
function outcomesText(outcomes, before) {
  const count = (status) => (outcomes[status] ?? 0) - (before[status] ?? 0);
  const done = count("completed");
  const others = Object.keys(OUTCOMES).filter((status) => count(status) > 0);
  const total = others.reduce((sum, status) => sum + count(status), done);
  const words = others.map((status) => OUTCOMES[status](count(status)));
  return total ? [_("{count} of {total} done", { count: done, total }), ...words].join(", ") : "";
}

/** Tell of the end of what a model shows, if somebody wishes that; of a queue each time that nothing is left in it. */
function watchEnd(model) {
  const look = (view) => {
    const wish = wishes().get(view.key);
    const ended = view.final !== undefined || (view.total > 0 && view.ended === view.total);
    if (!wish || !ended) return;
    const [title, body] = view.told ?? [outcomesText(view.outcomes, wish.before), globalThis.lumaTitle?.title ?? document.title];
    if (!title) return;
    if (view.queue) wish.before = view.outcomes;
    else wishes().delete(view.key);
    tellOf(view.key, `Luma: ${title}`, body);
  };
  model.on("change:view", () => look(model.get("view")));
  model.on("msg:custom", (message) => message.view && look(message.view));
}

/** The button of a live part, and the words beside it; gives what draws both, or hides them. */
function tellButton(model, button, words) {
  const draw = (hidden = button.hidden) => {
    const wish = wishes().get(model.get("view").key);
    button.hidden = hidden;
    button.setAttribute("aria-pressed", String(Boolean(wish)));
    const text = (!hidden && wish?.words) || "";
    if (words.textContent !== text) words.textContent = text;
  };
  button.addEventListener("click", async () => {
    const { key, queue, outcomes } = model.get("view");
    if (wishes().delete(key)) return draw();
    const wish = { words: howTold(), before: queue ? outcomes : {} };
    wishes().set(key, wish);
    if (mayNotify() === "default") {
      wish.words = _("The browser asks whether it may show notifications.");
      draw();
      await Notification.requestPermission().catch(() => {});
      wish.words = howTold();
    }
    draw();
  });
  return draw;
}
