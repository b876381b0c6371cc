/* The live part of a sheet: its videos play as one. On a blind sheet each gets a vote, by buttons or by the keys 1 to 5;
what it is comes from the kernel when all have one. */

const MARKS = [1, 2, 3, 4, 5];

/** The buttons for a vote on the tile of a number, which are one stop of the Tab key. */
function votes(number, group) {
  const part = document.createElement("fieldset");
  part.className = "luma-votes";
  part.append(Object.assign(document.createElement("legend"), { textContent: _("Vote on video {number}", { number: number + 1 }) }));
  for (const mark of MARKS) {
    const label = part.appendChild(document.createElement("label"));
    const button = Object.assign(document.createElement("input"), { type: "radio", name: `${group}-${number}`, value: mark });
    label.append(button, String(mark));
  }
  return part;
}

/** Let the tiles of a frame be voted on; gives what undoes that. */
function ballot(frame, model) {
  const tiles = [...frame.querySelectorAll(".luma-tile")];
  const words = tiles.map((tile) => tile.querySelector(".luma-label").textContent);
  const parts = tiles.map((tile, number) => votes(number, model.get("key")));
  const state = frame.querySelector(".luma-voted");
  const how = state.textContent;
  const cast = (number, mark) => {
    if (tell(model, { do: "vote", number, mark })) return;
    draw();
    state.textContent = _("The kernel has ended: run this cell again.");
  };
  tiles.forEach((tile, number) => {
    tile.append(parts[number]);
    parts[number].addEventListener("change", (event) => cast(number, Number(event.target.value)));
    parts[number].addEventListener("keydown", (event) => {
      const mark = Number(event.key);
      if (!MARKS.includes(mark) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      const button = parts[number].querySelectorAll("input")[mark - 1];
      if (button.disabled) return;
      button.checked = true;
      button.focus();
      cast(number, mark);
    });
  });
  const draw = () => {
    const [marks, labels] = [model.get("marks"), model.get("labels")];
    parts.forEach((part, number) => {
      for (const button of part.querySelectorAll("input")) {
        button.checked = Number(button.value) === marks[number];
        button.disabled = labels.length > 0;
      }
      tiles[number].querySelector(".luma-label").textContent = labels[number] ?? words[number];
    });
    const [count, total] = [marks.filter(Boolean).length, marks.length];
    state.textContent = labels.length
      ? _("All videos have a vote: here is what they are.")
      : _("Vote on each video, from 1 (worst) to 5 (best): {count} of {total} done. Then you see what they are.", { count, total });
  };
  model.on("change:marks", draw);
  model.on("change:labels", draw);
  draw();
  return () => {
    model.off("change:marks", draw);
    model.off("change:labels", draw);
    state.textContent = how;
    parts.forEach((part) => part.remove());
    tiles.forEach((tile, number) => { tile.querySelector(".luma-label").textContent = words[number]; });
  };
}

function enhance(frame, model) {
  const { controls, stop } = playSheet(frame);
  for (const part of [controls, frame.querySelector(".luma-sheet")]) if (part) ownKeys(part);
  const unvote = model.get("marks").length ? ballot(frame, model) : () => {};
  return () => {
    unvote();
    stop();
  };
}

const render = ({ model, el }) => addToFrame(model, el, (frame) => enhance(frame, model));

export default { render };
