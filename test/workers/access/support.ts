/** A broker with a root token, and tokens for tests. */

import { expect } from 'vitest';
import type { Role, Scope } from '../../../protocol/access/scopes.ts';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import type { TokenMade } from '../../../protocol/schemas/tokens.ts';
import { TestBroker, type Reply } from '../../support/broker/test-broker.ts';

export const ROOT = 'the-root-token-of-the-tests';
/** Both are good while it is changed. */
export const OTHER_ROOT = 'the-next-root-token';

export const bearer = (credential: string): Record<string, string> => ({
  authorization: `Bearer ${credential}`,
});

export const basic = (credential: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`anybody:${credential}`).toString('base64')}`,
});

/** A namespace, and the tokens that its administrator has made for the programs. */
export interface Team {
  admin: TokenMade;
  producer: TokenMade;
  consumer: TokenMade;
}

export class LockedBroker {
  readonly broker: TestBroker;

  private constructor(broker: TestBroker) {
    this.broker = broker;
  }

  static async start(): Promise<LockedBroker> {
    const vars = { POSTHORN_ROOT_TOKEN: `${ROOT}, ${OTHER_ROOT}` };
    return new LockedBroker(await TestBroker.start({ vars }));
  }

  call<Body = ProblemDocument>(
    method: string,
    path: string,
    body?: unknown,
    credential: string = ROOT,
  ): Promise<Reply<Body>> {
    return this.broker.call<Body>(method, path, body, bearer(credential));
  }

  async namespace(name: string): Promise<void> {
    expect((await this.call('PUT', `/admin/v1/namespaces/${name}`, {})).status).toBeLessThan(300);
  }

  async token(
    namespace: string,
    rights: { scopes?: readonly Scope[]; roles?: readonly Role[]; expires_at?: number },
    maker: string = ROOT,
  ): Promise<TokenMade> {
    const fields = { name: 'test', namespace, ...rights };
    const { status, body } = await this.call<TokenMade>('POST', '/admin/v1/tokens', fields, maker);
    expect(status, JSON.stringify(body)).toBe(201);
    return body;
  }

  async team(namespace: string): Promise<Team> {
    await this.namespace(namespace);
    const admin = await this.token(namespace, { roles: ['admin'] });
    const producer = await this.token(namespace, { roles: ['producer'] }, admin.token);
    const consumer = await this.token(namespace, { roles: ['consumer'] }, admin.token);
    return { admin, producer, consumer };
  }
}

/** Runs as many at the same time as a browser would. */
export async function inTurns<Item>(
  items: readonly Item[],
  run: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  const worker = async (): Promise<void> => {
    for (const item of waiting) await run(item);
  };
  await Promise.all(Array.from({ length: 6 }, worker));
}
