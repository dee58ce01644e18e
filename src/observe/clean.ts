/** Text of strangers made fit for one line of a log or terminal: short, and nothing in it that a terminal obeys. */

/** A delivery key or a destination's words; enough to understand, too little to drown in. */
const TEXT_LENGTH_MAX = 500;

/** Controls (C0, DEL, C1), line separators, and the marks that turn the direction of writing. */
const UNSAFE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u;
const UNSAFE_ALL = new RegExp(UNSAFE.source, 'gu');

export function clean(text: string): string {
  const cut = text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX)}…` : text;
  return UNSAFE.test(cut) ? cut.replace(UNSAFE_ALL, escaped) : cut;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
