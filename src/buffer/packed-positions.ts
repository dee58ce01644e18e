/** The events of one request, small: in a note of it there are up to 2,000. */

/** Ascending positions as differences, seven bits in a byte: neighbours take one byte each. */
export function packPositions(ascending: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  let last = 0;
  for (const position of ascending) {
    let rest = position - last;
    last = position;
    // Not with shifts: positions may grow past 32 bits.
    for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push(128 + (rest % 128));
    bytes.push(rest);
  }
  return Uint8Array.from(bytes);
}

export function unpackPositions(packed: Uint8Array): number[] {
  const positions: number[] = [];
  let [position, difference, weight] = [0, 0, 1];
  for (const byte of packed) {
    difference += (byte & 127) * weight;
    weight *= 128;
    if (byte > 127) continue;
    position += difference;
    positions.push(position);
    [difference, weight] = [0, 1];
  }
  return positions;
}
