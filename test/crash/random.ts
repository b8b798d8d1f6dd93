/** Numbers from 0 to 1 that follow from a seed (mulberry32), so that a failure can be looked at again. */

export interface Random {
  (): number;
  /** Another sequence, which does not depend on how often this one is asked from now on. */
  fork(): Random;
}

export function randomFrom(seed: number): Random {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return Object.assign(next, { fork: () => randomFrom(Math.floor(next() * 2 ** 32)) });
}
