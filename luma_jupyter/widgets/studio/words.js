/* Words of prompts, offered in a list below a field while the beginning of one is typed. Put before the script that uses it.

The keys are the field's own, but for those that the list needs while it is open. The field is a combobox only then (WAI-ARIA,
"list autocomplete with automatic selection"): else it is a text of several lines, which no combobox is. */

const LEAST = 2; // letters after which words are offered
const LONGEST = 40; // letters before the cursor that a word can have begun in, as in domain/prompt_words.py

/** Whether a place in a text is in the middle of a word; a Chinese one begins anywhere. */
const isInside = (text, at) => at > 0 && text[at] < "\x80" && /[\p{L}\p{N}_-]/u.test(text[at - 1]);

/** The words that a text can end with, each as [word, the letters that are missing]; as `complete_word` in Python. */
function wordsAt(text, words) {
  for (let start = Math.max(0, text.length - LONGEST); start <= text.length - LEAST; start++) {
    if (isInside(text, start)) continue;
    const begun = text.slice(start).toLowerCase();
    const found = words.filter((word) => word.startsWith(begun) && word !== begun);
    if (found.length) return found.map((word) => [word, word.slice(begun.length)]);
  }
  return [];
}

/** Offer words below a field; the list gets this id. */
function offerWords(field, words, id) {
  const list = document.createElement("ul");
  Object.assign(list, { id, className: "luma-words", title: _("Tab or Enter takes a word, Esc closes the list"), hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", _("Words for the prompt"));
  field.after(list);
  const open = { role: "combobox", "aria-autocomplete": "list", "aria-haspopup": "listbox", "aria-expanded": "true", "aria-controls": id };
  let offered = [];
  let chosen = 0;

  const draw = () => {
    list.hidden = !offered.length;
    list.replaceChildren(...offered.map(([word], at) => {
      const item = document.createElement("li");
      Object.assign(item, { id: `${id}-${at}`, textContent: word });
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", String(at === chosen));
      item.addEventListener("mousedown", (event) => {
        event.preventDefault(); // the field keeps the focus
        take(at);
      });
      return item;
    }));
    for (const [name, value] of Object.entries(open)) {
      if (list.hidden) field.removeAttribute(name);
      else field.setAttribute(name, value);
    }
    if (list.hidden) field.removeAttribute("aria-activedescendant");
    else field.setAttribute("aria-activedescendant", `${id}-${chosen}`);
    list.children[chosen]?.scrollIntoView({ block: "nearest" });
  };
  const offer = (found) => {
    if (!offered.length && !found.length) return;
    [offered, chosen] = [found, 0];
    draw();
  };
  const close = () => offer([]);
  const take = (at) => {
    const [, rest] = offered[at];
    close();
    document.execCommand("insertText", false, rest); // which can be undone, as what is typed
  };
  const typed = ({ isComposing }) => {
    const { value, selectionStart: at, selectionEnd: end } = field;
    offer(isComposing || at !== end || /^[A-Za-z0-9]/.test(value.slice(at)) ? [] : wordsAt(value.slice(0, at), words));
  };
  const keys = {
    ArrowDown: () => { chosen = (chosen + 1) % offered.length; draw(); },
    ArrowUp: () => { chosen = (chosen + offered.length - 1) % offered.length; draw(); },
    Enter: () => take(chosen),
    Tab: () => take(chosen),
    Escape: close,
  };
  field.addEventListener("keydown", (event) => {
    if (!offered.length || event.isComposing || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) close();
    if (!keys[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  });
  field.addEventListener("input", typed);
  field.addEventListener("compositionend", () => typed({ isComposing: false }));
  field.addEventListener("blur", close);
  field.addEventListener("click", close);
}
