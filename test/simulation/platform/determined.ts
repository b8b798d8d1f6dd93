/** What of the platform would differ between two runs: the time, and chance. Both are the simulation's. */

import type { Random } from '../../crash/random.ts';
import { simSubtle } from './outside.ts';

export function determined(random: Random, now: () => number): { Date: unknown; Math: Math; crypto: object } {
  class SimDate extends Date {
    constructor(...args: []) {
      if (args.length === 0) super(now());
      else super(...args);
    }
    static override now(): number {
      return now();
    }
  }
  const math = Object.defineProperties({}, Object.getOwnPropertyDescriptors(Math)) as Math;
  math.random = random;
  return {
    Date: SimDate,
    Math: math,
    crypto: {
      randomUUID: () => uuid(random),
      getRandomValues: (bytes: Uint8Array) => fill(bytes, random),
      subtle: simSubtle,
    },
  };
}

function fill(bytes: Uint8Array, random: Random): Uint8Array {
  for (let index = 0; index < bytes.length; index++) bytes[index] = Math.floor(random() * 256);
  return bytes;
}

function uuid(random: Random): string {
  const hex = [...fill(new Uint8Array(16), random)]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}
