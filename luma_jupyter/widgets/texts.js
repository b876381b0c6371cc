/* The reader's language: `TEXTS` has what the catalogue says for the English texts of a script, put before it by `script`. */

const filled = (text, values) => text.replace(/\{(\w+)\}/g, (slot, name) => values?.[name] ?? slot);

/** A text in the reader's language, its slots filled. */
const _ = (text, values) => filled(TEXTS[text]?.[0] ?? text, values);

/** One of two texts, by a count, which fills the slot `count`. */
const ngettext = (one, many, count, values) =>
  filled((TEXTS[one] ?? [one, many])[count === 1 ? 0 : 1], { count, ...values });
