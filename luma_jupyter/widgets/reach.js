/* Whether the page can load a finished card's video. Only the page knows: a server has a root, serves no hidden folders,
and may be on another machine than the kernel. Put before the scripts that use it, behind base.js. */

const SETTLED = 2000; // milliseconds after which the kernel's own finished HTML is in the page
const REFUSALS = [403, 404]; // answers that stay; others may be another one in a moment

/** The address of a finished card's video as this page has it; empty where there is none, or it is in the HTML itself. */
async function videoAddress({ key, final }, kernel) {
  const shown = document.querySelector(`.luma-card.luma-${key} video`);
  const src = (shown ?? (await resolved(final, kernel)).querySelector("video"))?.src ?? "";
  return src.startsWith(location.origin) ? src : "";
}

/** Let the kernel know where this page's server refuses the video of a model's finished card. */
function reportRefusal(model) {
  const view = model.get("view");
  setTimeout(async () => {
    const address = await videoAddress(view, model.get("kernel"));
    if (!address) return;
    const { status } = await fetch(address, { method: "HEAD", credentials: "same-origin" });
    if (REFUSALS.includes(status)) model.send({ do: "refused", status });
  }, SETTLED);
}
