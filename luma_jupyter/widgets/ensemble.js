/* Videos that play as one, and one set of controls for them; for comparisons and sheets.

The longest video is the clock. The others follow it: a small distance is made up by playing a little faster or slower, a
large one by a jump. All start together, once each has its next picture; if one has to load, all wait for it. A shorter
one holds its last picture until all begin again. */

const NEAR = 0.015; // seconds of distance that are as good as none
const FAR = 0.25; // seconds of distance from which on a jump is better than a chase
const CHASE = 2; // share of the distance that is made up in a second
const FASTEST = 0.15; // as a share of the usual speed
const PATIENCE = 500; // milliseconds: Chromium may forget to fetch the next picture of one of many that are held
const END = 0.05; // seconds: one so near to its end is there

/** Videos that play as one: {play, pause, seek, mute, look, read, stop}; `changed` is called whenever there is news. A video of
which `isWanted` says no at a moment is left alone then; `look` is called when it says something else. */
function ensemble(videos, changed, isWanted) {
  let [wanted, target, raf, waitingSince] = [false, null, 0, null];
  const length = (video) => (Number.isFinite(video.duration) ? video.duration : 0);
  const usable = () => videos.filter((video) => isWanted(video) && !video.error && length(video));
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
  /** Have those loaded of which nothing is being loaded, though they are waited for: a jump to where they are helps. */
  const remind = (waiting) => {
    const now = performance.now();
    waitingSince ??= now;
    if (now - waitingSince < PATIENCE) return;
    waitingSince = now;
    for (const video of waiting) {
      if (video.networkState === HTMLMediaElement.NETWORK_IDLE) place([video], video.currentTime);
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
    const waiting = moving.filter((video) => video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA);
    if (!wanted) hold(all);
    else if (over(clock)) seek(0);
    else if (waiting.length) {
      hold(all);
      remind(waiting);
    } else {
      waitingSince = null;
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
    look: step,
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

const CONTROLS = `<div class="luma-controls" role="group" aria-label="${_("Controls of all videos")}">
  <button type="button" class="luma-play">${_("Play")}</button>
  <input type="range" class="luma-position" aria-label="${_("Position")}" min="0" max="0" step="0.05" value="0">
  <span class="luma-time"></span>
  <button type="button" class="luma-mute" aria-pressed="true">${_("Mute")}</button>
</div>`;

const seconds = (value) => `${Math.floor(value / 60)}:${(value % 60).toFixed(1).padStart(4, "0")}`;

/** One set of controls at the beginning of a frame, in the place of those of its videos, which play as one: {controls,
toggle, look, read, stop}. */
function conduct(frame, videos, isWanted = () => true) {
  frame.insertAdjacentHTML("afterbegin", CONTROLS);
  const controls = frame.firstElementChild;
  const [play, position, time, mute] = ["play", "position", "time", "mute"]
    .map((name) => controls.querySelector(`.luma-${name}`));
  const preloads = videos.map((video) => video.preload);
  for (const video of videos) video.controls = false;
  const show = () => {
    const now = together.read();
    play.textContent = now.playing ? _("Pause") : _("Play");
    if (position.max !== String(now.length)) position.max = now.length;
    position.value = now.position;
    const words = `${seconds(now.position)} / ${seconds(now.length)}`;
    if (time.textContent === words) return;
    time.textContent = words;
    const [at, length] = [now.position.toFixed(1), now.length.toFixed(1)];
    position.setAttribute("aria-valuetext", _("{at} of {length} seconds", { at, length }));
  };
  const together = ensemble(videos, () => show(), isWanted);
  const silence = (muted) => {
    together.mute(muted);
    mute.setAttribute("aria-pressed", String(muted));
  };
  const toggle = () => (together.read().playing ? together.pause() : together.play());
  play.addEventListener("click", toggle);
  position.addEventListener("input", () => together.seek(Number(position.value)));
  mute.addEventListener("click", () => silence(mute.getAttribute("aria-pressed") !== "true"));
  silence(true); // all at once is noise
  show();
  const stop = () => {
    together.stop();
    controls.remove();
    videos.forEach((video, i) => {
      Object.assign(video, { controls: true, preload: preloads[i], muted: false, playbackRate: 1 });
    });
  };
  return { controls, toggle, look: together.look, read: together.read, stop };
}
