/**
 * SCRAM of one login: hands the messages of the client to the broker and back. The gateway sees no secret and checks nothing; what it
 * gets in the end is a credential that stands for the client's token for a while.
 */

import { randomBytes } from 'node:crypto';
import { clientConfig } from '../../../sdk/client/options.ts';
import { jsonBody, Transport } from '../../../sdk/client/transport.ts';
import { SCRAM_LOGINS_PATH, type ScramReply } from '../../../protocol/schemas/logins.ts';
import type { Credential } from './credentials.ts';

export interface ScramLogin {
  readonly credential: Credential & { token: string };
  readonly endsMs: number;
}

const BINDER_BYTES = 24;

export class ScramExchange {
  readonly #transport: Transport;
  readonly #mechanism: string;
  /** Known to this gateway alone: nobody else can end what it has begun. */
  readonly #binder = randomBytes(BINDER_BYTES).toString('base64url');
  #clientFirst: string | null = null;

  constructor(url: string, mechanism: string) {
    const config = clientConfig({ url, retry: { attempts: 3 } });
    this.#transport = new Transport({ ...config, baseUrl: config.rootUrl });
    this.#mechanism = mechanism;
  }

  /**
   * Returns the answer to a message of the client, and what the login brings after the last one.
   *
   * @throws PosthornError `unauthenticated`, `invalid_field`, `too_many_unknown_tokens`
   */
  async answer(message: Uint8Array): Promise<{ text: string; login: ScramLogin | null }> {
    const text = new TextDecoder().decode(message);
    const first = this.#clientFirst;
    this.#clientFirst ??= text;
    const reply = await this.#transport.json<ScramReply>({
      method: 'POST',
      path: SCRAM_LOGINS_PATH,
      ...jsonBody({
        mechanism: this.#mechanism,
        binder: this.#binder,
        client_first: this.#clientFirst,
        ...(first !== null && { client_final: text }),
      }),
    });
    if ('server_first' in reply) return { text: reply.server_first, login: null };
    const { server_final: last, credential: token, namespace, expires_at: endsMs } = reply;
    return { text: last, login: { credential: { namespace, token }, endsMs } };
  }
}
