/** Answer: what a path of the management API sends. */

/** A path that there is not has none. */
export interface Answer {
  status: number;
  body: object | null;
}

export const ok = (body: object): Answer => ({ status: 200, body });
export const DONE: Answer = { status: 204, body: null };
