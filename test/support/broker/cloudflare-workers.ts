/** What the product imports from `cloudflare:workers`, for tests that run a part of it in Node. */

export class DurableObject {
  readonly ctx: unknown;
  readonly env: unknown;

  constructor(ctx: unknown, env: unknown) {
    this.ctx = ctx;
    this.env = env;
  }
}

export function waitUntil(): void {}
