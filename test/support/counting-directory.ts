/** A directory in memory that counts what it is asked, and tokens for it: for tests of what stands before the real one. */

import { DEFAULT_NAMESPACE, type Namespace } from '../../core/access/namespace.ts';
import type { Token } from '../../core/access/token.ts';
import type { Env } from '../../durable-objects/env.ts';
import type { DirectoryChange, TokenUse } from '../../durable-objects/rpc/directory.ts';
import {
  formatToken,
  ID_RANDOM_BYTES,
  idFromBytes,
  SECRET_RANDOM_BYTES,
} from '../../protocol/access/token-format.ts';
import { SCOPES_OF_ROLE } from '../../protocol/access/scopes.ts';
import { digestOf, hexOf } from '../../workers/access/digest.ts';

export class CountingDirectory {
  /** All calls of the directory. */
  questions = 0;
  /** What it tells next to have changed. */
  changes: DirectoryChange[] = [];
  /** The number of uses that each question for changes has reported. */
  readonly reported: number[] = [];
  readonly env: Env;
  /** The only namespace that there is. */
  namespace: Namespace = DEFAULT_NAMESPACE;
  readonly #tokens = new Map<string, Token>();

  constructor(vars: Record<string, string> = {}) {
    const methods = {
      token: (id: string) => {
        const token = this.#tokens.get(id) ?? null;
        return this.#answer({ token, namespace: token && this.namespace, version: 0 });
      },
      namespace: (name: string) =>
        this.#answer({ namespace: name === this.namespace.name ? this.namespace : null, version: 0 }),
      loginKey: () => Promise.resolve('the login key of the tests'),
      catchUp: (_version: number, uses: readonly TokenUse[]) => {
        this.reported.push(uses.length);
        return this.#answer({ version: 0, changes: this.changes.splice(0) });
      },
    };
    this.env = { ...vars, DIRECTORY: { getByName: () => methods } } as unknown as Env;
  }

  add(token: Token): void {
    this.#tokens.set(token.id, token);
  }

  #answer<Answer>(answer: Answer): Promise<Answer> {
    this.questions += 1;
    return Promise.resolve(answer);
  }
}

/** A token of the namespace `default`, with its secret. */
export async function madeToken(
  random: () => number,
  id = idFromBytes(bytesOf(random, ID_RANDOM_BYTES)),
  changes: Partial<Token> = {},
): Promise<{ text: string; token: Token }> {
  const text = formatToken(id, bytesOf(random, SECRET_RANDOM_BYTES));
  const token: Token = {
    id,
    name: 'made',
    namespace: 'default',
    scopes: SCOPES_OF_ROLE.admin,
    roles: ['admin'],
    createdMs: 0,
    createdBy: 'root',
    expiresMs: null,
    digest: hexOf(await digestOf(text)),
    previous: null,
    rotatedMs: null,
    revokedMs: null,
    lastUsedMs: null,
    ...changes,
  };
  return { text, token };
}

function bytesOf(random: () => number, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}
