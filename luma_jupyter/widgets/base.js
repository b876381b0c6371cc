/* What all our scripts need of the page; put before each of them.

JupyterLab resolves relative addresses when it draws an output, not for us, so we ask the server which notebook our kernel
belongs to. */

const ASKING = 2000; // milliseconds in which the server says which versions it has
const DRIVE = /^[A-Za-z][\w-]+:/; // of JupyterLab's, before a path: jupyter-collaboration's "RTC:a.ipynb"
const LINGER = 1500; // milliseconds without a view after which a model is let go: a cell that is moved is drawn anew

/** The card that this live part belongs to: the nearest one before it on the page. */
const cardAbove = (el, key) =>
  [...document.querySelectorAll(`.luma-card.luma-${key}`)]
    .filter((card) => card.compareDocumentPosition(el) & Node.DOCUMENT_POSITION_FOLLOWING)
    .pop();

/** What a script's own requests to its Jupyter server have: JupyterHub answers none without the token in its cookie. */
const asThisPage = () => ({
  credentials: "same-origin",
  headers: { "X-XSRFToken": document.cookie.match(/(?:^|;\s*)_xsrf=([^;]*)/)?.[1] ?? "" },
});

/** The Jupyter server's base URL and its answer for a path of its API; null where there is no such server. */
async function askServer(path) {
  const { baseUrl } = JSON.parse(document.getElementById("jupyter-config-data")?.textContent ?? "{}");
  return baseUrl ? { baseUrl, answer: await fetch(`${baseUrl}api/${path}`, asThisPage()) } : null;
}

/** The address of the folder of the notebook that a kernel belongs to; null where nobody knows. */
async function notebookFolder(kernel) {
  const server = await askServer("sessions");
  const sessions = server?.answer.ok ? await server.answer.json() : [];
  const path = sessions.find((session) => session.kernel?.id === kernel)?.path?.replace(DRIVE, "");
  if (path === undefined) return null;
  return new URL(`${server.baseUrl}files/${path.split("/").map(encodeURIComponent).join("/")}`, location.href);
}

/** HTML from the kernel (escaped there) as nodes, with addresses that this page can reach. */
async function resolved(html, kernel) {
  return withAddresses(html, await notebookFolder(kernel).catch(() => null));
}

/** The same, of a notebook in this folder. */
function withAddresses(html, folder) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const relative = (address) => address && !/^(https?:|\/)/.test(address);
  for (const node of template.content.querySelectorAll("video, a, img")) {
    const name = node.tagName === "A" ? "href" : "src";
    if (folder && relative(node.getAttribute(name))) {
      node.setAttribute(name, new URL(node.getAttribute(name), folder).href);
    }
  }
  return template.content;
}

/** What this page can say of itself: its name, and what draws widgets in it, each with its version. */
async function describePage() {
  const config = JSON.parse(document.getElementById("jupyter-config-data")?.textContent ?? "{}");
  const versionOf = async (extension) => {
    const address = `${config.fullLabextensionsUrl}/${extension}/package.json`;
    const answer = await fetch(address, { signal: AbortSignal.timeout(ASKING) });
    return answer.ok ? [extension, (await answer.json()).version] : [];
  };
  const extensions = config.fullLabextensionsUrl ? ["@jupyter-widgets/jupyterlab-manager", "anywidget"] : [];
  const parts = await Promise.all(extensions.map((name) => versionOf(name).catch(() => [])));
  return [[config.appName, config.appVersion], ...parts].filter(([name]) => name).map((part) => part.join(" ")).join(", ");
}

/** Send to the kernel, which may have ended meanwhile, or closed its model; gives whether that was possible. */
function tell(model, content, ...buffers) {
  try {
    model.send(content, undefined, buffers);
    return true;
  } catch {
    return false;
  }
}

/** Let the kernel know that somebody sees this live part. */
async function sayHere(model) {
  globalThis.lumaPage ??= describePage().catch(() => "");
  tell(model, { do: "here", page: await globalThis.lumaPage });
}

/** Have the frame above while this live part is in the page: `take` gets it, also when it was drawn anew, and gives what
undoes that. A frame without its mark `luma-later` is one whose live part is not lost. */
function withFrame(el, key, take) {
  let [frame, undo] = [null, null];
  const find = () => {
    const found = cardAbove(el, key);
    found?.querySelector(".luma-later")?.classList.remove("luma-later");
    for (const line of document.querySelectorAll(`.luma-missing-${key}`)) line.setAttribute("hidden", "");
    if (!found || found === frame) return;
    undo?.();
    frame = found;
    undo = take(found);
  };
  find();
  const timer = setInterval(find, 500); // an output may be drawn anew at any time
  const watcher = new MutationObserver(find); // and before it is seen, where that is where it was
  const output = frame?.closest(".jp-OutputArea-child");
  if (output) watcher.observe(output, { childList: true, subtree: true });
  return () => {
    clearInterval(timer);
    watcher.disconnect();
    undo?.();
    undo = null;
  };
}

/** Hide what is there for pages without a kernel: the frame above, which only says how to come back. */
function takeOver(el, key) {
  return withFrame(el, key, (frame) => frame.setAttribute("hidden", ""));
}

/** Let the kernel know when the last view of a model has left this page, so that nothing of it stays behind. */
function countView(model) {
  const views = (globalThis.lumaViews ??= new Map());
  const key = model.get("key");
  const count = (change) => views.set(key, (views.get(key) ?? 0) + change).get(key);
  count(1);
  return () => {
    count(-1);
    setTimeout(() => {
      if (!views.get(key)) tell(model, { do: "gone" });
    }, LINGER);
  };
}

/** Add to the frame above, as `withFrame` does, while the kernel is there; gives what ends this view of a model. */
function addToFrame(model, el, take) {
  const leave = withFrame(el, model.get("key"), take);
  const uncount = countView(model);
  sayHere(model);
  model.on("comm_live_update", leave); // ipywidgets' word for a restarted kernel
  return () => {
    model.off("comm_live_update", leave);
    leave();
    uncount();
  };
}

/** Leave the keys that are pressed in a part of the page to it: JupyterLab would take those that are shortcuts of its
notebook, arrows too. It asks the very element that has the focus; where one types, it takes none by itself. */
function ownKeys(part) {
  part.addEventListener("focusin", ({ target }) => {
    if (!target.matches(":read-write")) target.setAttribute("data-lm-suppress-shortcuts", "true");
  });
}

