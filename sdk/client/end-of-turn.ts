/**
 * End of a turn: when the code that runs now is done, with all that follows from it without waiting for anything outside.
 * Everything that is sent until then shares a batch, and no timer delays a message that is alone.
 */

/** Without `setImmediate`, this many rounds of microtasks count as a turn: a loop that awaits is long past its first await. */
const ROUNDS = 64;

const { setImmediate: immediate } = globalThis as { setImmediate?: (callback: () => void) => unknown };

/** Calls back at the end of the turn. Node, Deno, Bun and most Workers have a phase of their own for it. */
export const atEndOfTurn: (callback: () => void) => void =
  immediate === undefined ? afterMicrotasks : (callback) => void immediate(callback);

/** As `atEndOfTurn`, on platforms without `setImmediate`. */
export function afterMicrotasks(callback: () => void): void {
  let left = ROUNDS;
  const next = (): void => {
    if (--left === 0) callback();
    else queueMicrotask(next);
  };
  queueMicrotask(next);
}
