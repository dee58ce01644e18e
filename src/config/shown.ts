/** How a value somebody wrote is repeated in a message: on one line, short, without control characters or credentials. */

const SHOWN_MAX = 80;

export function shown(value: string): string {
  const cut = value.length > SHOWN_MAX ? `${value.slice(0, SHOWN_MAX)}…` : value;
  return `"${withoutCredentials(cut).replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => `\\u${hex4(character)}`)}"`;
}

/** `https://user:password@host` becomes `https://[masked]@host`; what is no URL stays. */
export function withoutCredentials(text: string): string {
  return text.replace(/(\/\/)[^/?#\s]*@/g, '$1[masked]@');
}

function hex4(character: string): string {
  return (character.codePointAt(0) as number).toString(16).padStart(4, '0');
}
