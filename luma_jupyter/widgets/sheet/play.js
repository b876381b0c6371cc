/* The videos of a sheet play as one, in a notebook and in a page of its own. Only those in sight are loaded and played:
one that comes into sight joins the others where they are. */

/** Have the videos of a frame play together; gives what undoes that: {controls, stop}. */
function playSheet(frame) {
  const sheet = frame.querySelector(".luma-sheet");
  const videos = [...sheet.querySelectorAll("video")];
  if (!videos.length) return { controls: null, stop: () => {} };
  const inSight = new Set();
  sheet.classList.add("luma-live-sheet");
  const folded = [...sheet.querySelectorAll("details:not([open])")];
  const all = conduct(frame, videos, (video) => inSight.has(video));
  for (const part of folded) part.open = true; // only now: without their controls they are drawn soon
  const scrolled = (entries) => {
    for (const { target: video, isIntersecting } of entries) {
      if (!isIntersecting) {
        inSight.delete(video);
        video.pause();
      } else if (!inSight.has(video)) {
        const { position } = all.read();
        inSight.add(video);
        video.preload = "auto";
        if (position) video.currentTime = position;
      }
    }
    all.look();
  };
  const observer = new IntersectionObserver(scrolled);
  for (const video of videos) observer.observe(video);
  const tapped = (event) => event.target.tagName === "VIDEO" && all.toggle();
  sheet.addEventListener("click", tapped);
  const stop = () => {
    observer.disconnect();
    sheet.removeEventListener("click", tapped);
    for (const part of folded) part.open = false;
    all.stop();
    sheet.classList.remove("luma-live-sheet");
  };
  return { controls: all.controls, stop };
}
