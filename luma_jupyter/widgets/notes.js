/* A ★ and a note on what a part of the page shows: a button that is pressed or not, and a small field. What they are stands
in the part's attributes; the kernel says so whenever it is another one, wherever that was set. */

const shortened = (text) => (text.length > 60 ? `${text.slice(0, 60)}…` : text);

/** An element of these words and attributes. */
function make(tag, words, attributes) {
  const element = Object.assign(document.createElement(tag), { textContent: words });
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** A small button: what is seen of it, its class, and what it is called. */
const iconButton = (icon, name, label, title) =>
  make("button", icon, { type: "button", class: name, title, "aria-label": label });

/** Add both to a part with `data-key`: two buttons at the beginning of `row`, and behind `row` the note, which is a field
while one writes it. `send` tells the kernel, as `tell` does. Gives what takes them away; `part.drawNote` draws them anew. */
function addNote(part, row, prompt, send) {
  const [clip, onClip] = [shortened(prompt), _("Note on {clip}", { clip: shortened(prompt) })];
  const star = iconButton("☆", "luma-star", _("Star {clip}", { clip }), _("Star"));
  const pen = iconButton("✎", "luma-pen", onClip, _("Note"));
  const words = make("div", "", { class: "luma-noted", dir: "auto" });
  const field = make("input", "", {
    type: "text", class: "luma-note-field", maxlength: 2000, "aria-label": onClip, dir: "auto",
    placeholder: _("Note"), autocomplete: "off", hidden: "", "data-lm-suppress-shortcuts": "true",
  });
  const trouble = make("div", "", { class: "luma-trouble", role: "alert" });
  row.prepend(star, pen);
  row.after(words, field, trouble);
  const starred = () => part.dataset.starred === "true";
  const change = (name, value, wish) => {
    const sent = send({ do: "note", key: part.dataset.key, ...wish });
    if (sent) part.dataset[name] = value;
    part.drawNote(sent ? "" : _("The kernel has ended: run this cell again."));
    return sent;
  };
  const open = (shown) => {
    field.hidden = !shown;
    words.hidden = shown;
    pen.setAttribute("aria-expanded", String(shown));
    if (shown) field.value = part.dataset.note;
  };
  const leave = (saved) => {
    if (field.hidden) return;
    const [text, focused] = [field.value, field === document.activeElement];
    if (saved && text !== part.dataset.note && !change("note", text, { text })) return; // the words stay, to be copied
    open(false);
    if (focused) pen.focus();
  };
  part.drawNote = (problem = "") => {
    star.setAttribute("aria-pressed", String(starred()));
    star.textContent = starred() ? "★" : "☆";
    words.textContent = part.dataset.note;
    words.title = part.dataset.note;
    trouble.textContent = problem;
  };
  part.toggleStar = () => change("starred", !starred(), { starred: !starred() });
  star.addEventListener("click", part.toggleStar);
  pen.addEventListener("pointerdown", (event) => event.preventDefault()); // or the field is left before the click
  pen.addEventListener("click", () => {
    if (!field.hidden) return leave(true);
    open(true);
    field.focus();
  });
  field.addEventListener("blur", () => leave(true));
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || !["Enter", "Escape"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    leave(event.key === "Enter");
  });
  open(false);
  part.drawNote();
  return () => [star, pen, words, field, trouble].forEach((element) => element.remove());
}

/** Take a message of the kernel, if it is of a note: `parts` gives those that show a key. */
function takeNote(content, parts) {
  if (content.noted === undefined) return;
  for (const part of parts(content.noted)) {
    part.dataset.starred = String(content.starred);
    part.dataset.note = content.text;
    part.drawNote?.(content.trouble);
  }
}

