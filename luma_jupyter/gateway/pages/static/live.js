// Keeps a page as it is now: asks for it again, held by the gateway until it has changed, and takes over the parts
// marked data-live, child by child. What somebody types in, has opened or plays is left alone until that is over.
"use strict";

const PAUSE = 1000; // milliseconds between two requests
const AWAY = 5000; // where the gateway does not answer

const token = document.querySelector("meta[name=xsrf]").content;
const language = document.documentElement.lang;
const locales = [...navigator.languages.filter((name) => name.startsWith(language)), language]; // the reader's own ways
const parts = [...document.querySelectorAll("[data-live]")];
const known = new Map(); // what each child was, as it came
let tag = '""';

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function localise(root) {
  for (const time of root.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    const today = at.toDateString() === new Date().toDateString();
    time.textContent = at.toLocaleString(locales, today ? { timeStyle: "short" } : { dateStyle: "short", timeStyle: "short" });
    time.title = at.toLocaleString(locales);
  }
}

function busy(child) {
  const plays = [...child.querySelectorAll("video")].some((video) => !video.paused);
  return plays || child.contains(document.activeElement) || child.querySelector("details[open]");
}

function takeOver(part, newer) {
  let whole = true;
  const ids = new Set([...newer.children].map((child) => child.id));
  for (const child of [...part.children]) if (!ids.has(child.id)) child.remove();
  let before = part.firstElementChild;
  for (const child of [...newer.children]) {
    const old = document.getElementById(child.id);
    const html = child.outerHTML;
    if (old && (known.get(child.id) === html || busy(old))) {
      whole &&= known.get(child.id) === html;
      if (old === before) before = before.nextElementSibling;
      else part.insertBefore(old, before);
      continue;
    }
    const fresh = document.adoptNode(child);
    if (old === before) before = before?.nextElementSibling ?? null;
    old?.remove();
    part.insertBefore(fresh, before);
    known.set(child.id, html);
    localise(fresh);
  }
  return whole;
}

async function refresh() {
  const headers = { "X-XSRFToken": token, "If-None-Match": tag, Prefer: "wait=20" };
  const answer = await fetch(location.href, { headers, cache: "no-store" });
  if (answer.status === 401 || answer.status === 403) return location.reload();
  if (answer.status !== 200) return wait(answer.status === 304 ? 0 : AWAY);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const whole = parts.map((part) => takeOver(part, page.getElementById(part.id))).every(Boolean);
  tag = whole ? answer.headers.get("ETag") : '""';
  if (!whole) await wait(PAUSE);
}

async function keepUp() {
  for (;;) {
    try {
      if (document.hidden) await new Promise((seen) => addEventListener("visibilitychange", seen, { once: true }));
      else await refresh();
      await wait(PAUSE);
    } catch {
      await wait(AWAY);
    }
  }
}

function playTogether(button) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const pause = button.textContent;
  let plays = true;
  const turn = (to) => {
    plays = to;
    button.textContent = plays ? pause : button.dataset.play;
    for (const video of document.querySelectorAll("video")) plays ? video.play().catch(() => {}) : video.pause();
  };
  button.hidden = false;
  button.addEventListener("click", () => turn(!plays));
  if (still) turn(false);
}

for (const part of parts) for (const child of part.children) known.set(child.id, child.outerHTML);
localise(document);
for (const button of document.querySelectorAll("[data-play]")) playTogether(button);
if (parts.length) keepUp();
