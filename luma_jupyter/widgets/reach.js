/* Whether the page can load a finished card's video. Only the page knows: a server has a root, may serve no links that
lead out of it, and may be on another machine than the kernel. Put between base.js and the script that uses it.

A model asks, not a view: a clip may end before its live part is drawn. */

const SETTLED = 2000; // milliseconds after which the kernel's own finished HTML is in the page
const REFUSALS = [403, 404]; // answers that stay; another one may be another in a moment

/** The address of a finished card's video as this page has it; empty where there is none, or it is in the HTML itself. */
async function videoAddress({ key, final }, kernel) {
  const shown = document.querySelector(`.luma-card.luma-${key} video`);
  const src = (shown ?? (await resolved(final, kernel)).querySelector("video"))?.src ?? "";
  return src.startsWith(location.origin) ? src : "";
}

/** Let the kernel know where this page's server refuses the video of a model's card; a folder that it serves is asked for
once. */
function watchReach(model) {
  const served = (globalThis.lumaServed ??= new Set());
  let asked = false;
  const ask = async () => {
    const address = await videoAddress(model.get("view"), model.get("kernel"));
    const folder = address.replace(/[^/]*$/, "");
    if (!address || served.has(folder)) return;
    const answer = await fetch(address, { ...asThisPage(), method: "HEAD" }).catch(() => null);
    if (answer?.ok) served.add(folder);
    if (REFUSALS.includes(answer?.status)) model.send({ do: "refused", status: answer.status });
  };
  const onView = () => {
    if (asked || model.get("view").final === undefined) return;
    asked = true;
    setTimeout(ask, SETTLED);
  };
  model.on("change:view", onView);
  onView();
}
