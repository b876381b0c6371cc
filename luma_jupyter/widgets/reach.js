/* Whether the page can load a finished card's video. Only the page knows: a server has a root, may serve no links that
lead out of it, and may be on another machine than the kernel. Put between base.js and the script that uses it.

A model asks, not a view: a clip may end before its live part is drawn. */

const SETTLED = 2000; // milliseconds after which the kernel's own finished HTML is in the page
const REFUSALS = [403, 404]; // answers that stay; others may be another one in a moment

/** The address of a finished card's video as this page has it; empty where it has none. `probe` is the relative one of a
video that is not shown by it. */
async function videoAddress({ key, final, probe }, kernel) {
  if (probe) {
    const folder = await notebookFolder(kernel).catch(() => null);
    return folder ? new URL(probe, folder).href : "";
  }
  const shown = document.querySelector(`.luma-card.luma-${key} video`);
  const src = (shown ?? (await resolved(final, kernel)).querySelector("video"))?.src ?? "";
  return src.startsWith(location.origin) ? src : "";
}

/** What this page's server answers for a video: 200 where it gives one, else why not; null where that may change. */
async function askForVideo(address) {
  const answer = await fetch(address, { ...asThisPage(), method: "HEAD" }).catch(() => null);
  if (answer?.ok && answer.headers.get("Content-Type")?.startsWith("video/")) return 200;
  return REFUSALS.includes(answer?.status) ? answer.status : null;
}

/** Let the kernel know, at the end of a model's clip, whether this page loads its video; once for each folder that it
does load from. */
function watchReach(model) {
  const known = (globalThis.lumaReached ??= new Set());
  let asked = false;
  const ask = async () => {
    const address = await videoAddress(model.get("view"), model.get("kernel"));
    const folder = `${model.get("kernel")} ${address.replace(/[^/]*$/, "")}`;
    if (!address || known.has(folder)) return;
    const status = await askForVideo(address);
    if (status === 200) known.add(folder);
    if (status) tell(model, { do: "reach", status });
  };
  const onView = () => {
    if (asked || model.get("view").final === undefined) return;
    asked = true;
    setTimeout(ask, SETTLED);
  };
  model.on("change:view", onView);
  onView();
}
