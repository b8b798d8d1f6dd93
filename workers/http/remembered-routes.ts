/** Remembered routes: a router of Hono that finds the handlers of a path once. Most calls of an isolate name the same few paths. */

import type { Result, Router } from 'hono/router';
import { TrieRouter } from 'hono/router/trie-router';

/** Above it the memory starts anew. */
const REMEMBERED_MAX = 1_000;

/** Longer paths are looked up each time, so that what is remembered stays small. */
const PATH_LENGTH_MAX = 200;

export class RememberedRoutes<Handler> implements Router<Handler> {
  readonly name = 'RememberedRoutes';
  readonly #router = new TrieRouter<Handler>();
  /** By method and path. Hono only reads them. */
  readonly #results = new Map<string, Result<Handler>>();

  add(method: string, path: string, handler: Handler): void {
    this.#router.add(method, path, handler);
    this.#results.clear();
  }

  match(method: string, path: string): Result<Handler> {
    if (path.length > PATH_LENGTH_MAX) return this.#router.match(method, path);
    const key = `${method} ${path}`;
    const known = this.#results.get(key);
    if (known) return known;
    const result = this.#router.match(method, path);
    if (this.#results.size >= REMEMBERED_MAX) this.#results.clear();
    this.#results.set(key, result);
    return result;
  }
}
