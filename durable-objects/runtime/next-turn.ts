/**
 * Next turn: what waits for it lets timers and other calls to the object run first. Objects that share a thread can answer so fast,
 * one after another, that none of them does otherwise.
 */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
