/* The live part of a comparison: one set of controls for all videos above, which keeps them in step.

The longest video is the clock. The others follow it: a small distance is made up by playing a little faster or slower, a
large one by a jump. All start together, once each has its next picture; if one has to load, all wait for it. A shorter
one holds its last picture until all begin again. */

const NEAR = 0.015; // seconds of distance that are as good as none
const FAR = 0.25; // seconds of distance from which on a jump is better than a chase
const CHASE = 2; // share of the distance that is made up in a second
const FASTEST = 0.15; // as a share of the usual speed
const END = 0.05; // seconds: one so near to its end is there

/** Videos that play as one: {play, pause, seek, mute, read, stop}; `changed` is called whenever there is news. */
function ensemble(videos, changed) {
  let [wanted, target, raf] = [false, null, 0];
  const length = (video) => (Number.isFinite(video.duration) ? video.duration : 0);
  const usable = () => videos.filter((video) => !video.error && length(video));
  const longest = (all) => all.reduce((best, video) => (length(video) > length(best) ? video : best), all[0]);
  const over = (video) => video.ended || video.currentTime >= length(video) - END;

  const hold = (all) => all.forEach((video) => video.pause());
  const place = (all, position) => {
    hold(all);
    for (const video of all) {
      video.playbackRate = 1;
      video.currentTime = Math.min(position, length(video));
    }
  };
  const chase = (clock, all) => {
    for (const video of all) {
      if (video === clock || video.paused || over(video)) continue;
      const ahead = video.currentTime - clock.currentTime;
      if (Math.abs(ahead) > FAR) return seek(clock.currentTime);
      const rate = Math.abs(ahead) < NEAR ? 1 : 1 - Math.max(-FASTEST, Math.min(FASTEST, CHASE * ahead));
      if (Math.abs(rate - video.playbackRate) > 0.01 || (rate === 1 && video.playbackRate !== 1)) {
        video.playbackRate = rate;
      }
    }
  };
  /** Do what is due now; called whenever a video has news, and with each picture while they play. */
  const step = () => {
    const all = usable();
    if (!all.length || all.some((video) => video.seeking)) return changed();
    if (target !== null) {
      const position = target;
      target = null;
      place(all, position);
      return changed();
    }
    const clock = longest(all);
    const moving = all.filter((video) => !over(video));
    if (!wanted) hold(all);
    else if (over(clock)) seek(0);
    else if (moving.some((video) => video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA)) hold(all);
    else {
      for (const video of moving) if (video.paused) video.play().catch(stalled);
      chase(clock, moving);
    }
    changed();
  };
  const stalled = (error) => {
    if (error.name === "NotAllowedError") wanted = false; // with sound, browsers want a click first
    changed();
  };
  const seek = (position) => {
    target = position;
    hold(videos);
    step();
  };
  const beat = () => {
    step();
    raf = wanted ? requestAnimationFrame(beat) : 0;
  };
  const news = ["loadedmetadata", "canplay", "seeked", "waiting", "ended", "error", "pause", "play"];
  for (const video of videos) for (const name of news) video.addEventListener(name, step);
  return {
    seek,
    play: () => {
      wanted = true;
      if (!raf) beat();
    },
    pause: () => {
      wanted = false;
      const all = usable();
      if (all.length) seek(longest(all).currentTime);
    },
    mute: (muted) => videos.forEach((video) => { video.muted = muted; }),
    read: () => {
      const all = usable();
      const clock = all.length ? longest(all) : null;
      return { playing: wanted, position: target ?? clock?.currentTime ?? 0, length: clock ? length(clock) : 0 };
    },
    stop: () => {
      wanted = false;
      cancelAnimationFrame(raf);
      for (const video of videos) for (const name of news) video.removeEventListener(name, step);
      hold(videos);
    },
  };
}

const CONTROLS = `<div class="luma-controls" role="group" aria-label="Controls of all videos">
  <button type="button" class="luma-play">Play</button>
  <input type="range" class="luma-position" aria-label="Position" min="0" max="0" step="0.05" value="0">
  <span class="luma-time"></span>
  <button type="button" class="luma-mute" aria-pressed="true">Mute</button>
  <button type="button" class="luma-slide" aria-pressed="false" hidden>Slider</button>
  <input type="range" class="luma-share" aria-label="Before and after" min="0" max="100" value="50" hidden>
</div>`;

const seconds = (value) => `${Math.floor(value / 60)}:${(value % 60).toFixed(1).padStart(4, "0")}`;

/** The second video over the first one, cut at an edge that can be dragged; gives what undoes it. */
function slider(sides, videos, share) {
  const edge = Object.assign(document.createElement("div"), { className: "luma-edge" });
  const draw = () => {
    sides.style.setProperty("--luma-share", `${share.value}%`);
    share.setAttribute("aria-valuetext", `${share.value} % before, ${100 - share.value} % after`);
    edge.style.height = `${videos[0].offsetHeight}px`;
  };
  const drag = (event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    const box = videos[0].getBoundingClientRect();
    share.value = (100 * (event.clientX - box.left)) / box.width;
    draw();
  };
  const listeners = [["pointerdown", drag], ["pointermove", drag]];
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
  frame.insertAdjacentHTML("afterbegin", CONTROLS);
  const controls = frame.firstElementChild;
  ownKeys(controls);
  const [play, position, time, mute, slide, share] = ["play", "position", "time", "mute", "slide", "share"]
    .map((name) => controls.querySelector(`.luma-${name}`));
  for (const video of videos) Object.assign(video, { controls: false, preload: "auto" });
  sides.classList.add("luma-live-sides");
  const parts = [...sides.querySelectorAll(".luma-side")];
  const unmark = parts.map((side) => mark(side, model));
  const noted = (content) => takeNote(content, (key) => parts.filter((side) => side.dataset.key === key));
  model.on("msg:custom", noted);

  const show = () => {
    const now = together.read();
    play.textContent = now.playing ? "Pause" : "Play";
    if (position.max !== String(now.length)) position.max = now.length;
    position.value = now.position;
    const words = `${seconds(now.position)} / ${seconds(now.length)}`;
    if (time.textContent === words) return;
    time.textContent = words;
    position.setAttribute("aria-valuetext", `${now.position.toFixed(1)} of ${now.length.toFixed(1)} seconds`);
  };
  const together = ensemble(videos, () => show());
  const silence = (muted) => {
    together.mute(muted);
    mute.setAttribute("aria-pressed", String(muted));
  };
  let unslide = null;
  const toggleSlider = () => {
    unslide = unslide ? unslide() : slider(sides, videos, share);
    share.hidden = !unslide;
    slide.setAttribute("aria-pressed", String(Boolean(unslide)));
  };
  slide.hidden = videos.length !== 2;
  const toggle = () => (together.read().playing ? together.pause() : together.play());
  const tapped = (event) => event.target.tagName === "VIDEO" && !unslide && toggle();
  play.addEventListener("click", toggle);
  sides.addEventListener("click", tapped);
  position.addEventListener("input", () => together.seek(Number(position.value)));
  mute.addEventListener("click", () => silence(mute.getAttribute("aria-pressed") !== "true"));
  slide.addEventListener("click", toggleSlider);
  silence(true); // all at once is noise
  show();
  return () => {
    together.stop();
    unslide?.();
    sides.removeEventListener("click", tapped);
    controls.remove();
    model.off("msg:custom", noted);
    for (const undo of unmark) undo();
    sides.classList.remove("luma-live-sides");
    for (const video of videos) Object.assign(video, { controls: true, preload: "metadata", muted: false, playbackRate: 1 });
  };
}

function render({ model, el }) {
  const leave = withFrame(el, model.get("key"), (frame) => enhance(frame, model));
  const uncount = countView(model);
  sayHere(model);
  return () => {
    leave();
    uncount();
  };
}

export default { render };
