/* The live part of a comparison: one set of controls for all videos above, which keeps them in step. */

const SLIDER = `<button type="button" class="luma-slide" aria-pressed="false" hidden>${_("Slider")}</button>
  <input type="range" class="luma-share" aria-label="${_("Before and after")}" min="0" max="100" value="50" hidden>`;

/** The second video over the first one, cut at an edge that can be dragged; gives what undoes it. */
function slider(sides, videos, share) {
  const edge = Object.assign(document.createElement("div"), { className: "luma-edge" });
  const draw = () => {
    sides.style.setProperty("--luma-share", `${share.value}%`);
    const [before, after] = [share.value, 100 - share.value];
    share.setAttribute("aria-valuetext", _("{before} % before, {after} % after", { before, after }));
    edge.style.height = `${videos[0].offsetHeight}px`;
  };
  const drag = ({ pointerId, clientX }) => {
    if (!sides.hasPointerCapture(pointerId)) return;
    const box = videos[0].getBoundingClientRect();
    share.value = (100 * (clientX - box.left)) / box.width;
    draw();
  };
  const grab = (event) => {
    if (event.target.closest("figcaption")) return; // its text can be selected, its buttons pressed
    sides.setPointerCapture(event.pointerId);
    drag(event);
  };
  const listeners = [["pointerdown", grab], ["pointermove", drag]];
  for (const [name, listener] of listeners) sides.addEventListener(name, listener);
  share.addEventListener("input", draw);
  const watcher = new ResizeObserver(draw);
  watcher.observe(videos[0]);
  const [width, height] = [videos[0].videoWidth || 16, videos[0].videoHeight || 9];
  sides.style.setProperty("--luma-shape", `${width} / ${height}`);
  sides.classList.add("luma-over");
  sides.append(edge);
  draw();
  return () => {
    for (const [name, listener] of listeners) sides.removeEventListener(name, listener);
    share.removeEventListener("input", draw);
    watcher.disconnect();
    sides.classList.remove("luma-over");
    edge.remove();
  };
}

/** A ★ and a note for a side; gives what takes them away. */
function mark(side, model) {
  const row = make("div", "", { class: "luma-picks" });
  side.querySelector("figcaption").append(row);
  ownKeys(row);
  const undo = addNote(side, row, side.querySelector("video")?.title ?? "", (content) => tell(model, content));
  return () => {
    undo();
    row.remove();
  };
}

function enhance(frame, model) {
  const sides = frame.querySelector(".luma-sides");
  const videos = [...sides.querySelectorAll("video")];
  if (!videos.length) return undefined;
  const { controls, toggle, stop } = conduct(frame, videos);
  for (const video of videos) video.preload = "auto";
  sides.classList.add("luma-live-sides");
  ownKeys(controls);
  controls.insertAdjacentHTML("beforeend", SLIDER);
  const [slide, share] = ["slide", "share"].map((name) => controls.querySelector(`.luma-${name}`));
  const parts = [...sides.querySelectorAll(".luma-side")];
  const unmark = parts.map((side) => mark(side, model));
  const noted = (content) => takeNote(content, (key) => parts.filter((side) => side.dataset.key === key));
  model.on("msg:custom", noted);
  let unslide = null;
  const toggleSlider = () => {
    unslide = unslide ? unslide() : slider(sides, videos, share);
    share.hidden = !unslide;
    slide.setAttribute("aria-pressed", String(Boolean(unslide)));
  };
  slide.hidden = videos.length !== 2;
  const tapped = (event) => event.target.tagName === "VIDEO" && !unslide && toggle();
  sides.addEventListener("click", tapped);
  slide.addEventListener("click", toggleSlider);
  return () => {
    unslide?.();
    sides.removeEventListener("click", tapped);
    stop();
    model.off("msg:custom", noted);
    for (const undo of unmark) undo();
    sides.classList.remove("luma-live-sides");
  };
}

const render = ({ model, el }) => addToFrame(model, el, (frame) => enhance(frame, model));

export default { render };
