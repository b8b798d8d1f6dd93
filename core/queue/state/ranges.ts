/** Sets of offsets as sorted, disjoint, non-adjacent half-open ranges: `[start, end, start, end, ...]`. */

export type Ranges = number[];

/** Returns the number of range boundaries at or below the offset: odd if the offset is inside a range. */
function boundariesUpTo(ranges: Ranges, offset: number): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]! <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function covers(ranges: Ranges, offset: number): boolean {
  return (boundariesUpTo(ranges, offset) & 1) === 1;
}

/** Adds `[start, end)`. None of these offsets may be in the set yet. */
export function addRange(ranges: Ranges, start: number, end: number): void {
  const at = boundariesUpTo(ranges, start);
  const joinsBefore = at > 0 && ranges[at - 1] === start;
  const joinsAfter = ranges[at] === end;
  if (joinsBefore && joinsAfter) ranges.splice(at - 1, 2);
  else if (joinsBefore) ranges[at - 1] = end;
  else if (joinsAfter) ranges[at] = start;
  else ranges.splice(at, 0, start, end);
}

export function sizeOf(ranges: Ranges): number {
  let size = 0;
  for (let i = 0; i < ranges.length; i += 2) size += ranges[i + 1]! - ranges[i]!;
  return size;
}

/** Returns the end of the range that holds the offset; the offset itself if no range does. */
export function endOfRunAt(ranges: Ranges, offset: number): number {
  const at = boundariesUpTo(ranges, offset);
  return (at & 1) === 1 ? ranges[at]! : offset;
}

/** Returns where the next range after the offset begins; Infinity if there is none. */
export function nextStartAfter(ranges: Ranges, offset: number): number {
  const at = boundariesUpTo(ranges, offset);
  return ranges[(at & 1) === 1 ? at + 1 : at] ?? Infinity;
}
