/** The client's side of SCRAM (RFC 5802), written without what the broker has of it. */

import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

const HASHES = { 'SCRAM-SHA-256': ['sha256', 32], 'SCRAM-SHA-512': ['sha512', 64] } as const;

export class ScramClient {
  readonly mechanism: keyof typeof HASHES;
  readonly clientFirst: string;
  readonly #bare: string;
  readonly #secret: string;
  /** What the server has to answer, after `clientFinal`. */
  serverFinal = '';

  constructor(mechanism: keyof typeof HASHES, user: string, secret: string) {
    this.mechanism = mechanism;
    this.#bare = `n=${user.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${randomBytes(18).toString('base64')}`;
    this.clientFirst = `n,,${this.#bare}`;
    this.#secret = secret;
  }

  /** @param repeated comes before both nonces */
  clientFinal(serverFirst: string, repeated = ''): string {
    const [, nonce, salt, iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst)!;
    const [hash, bytes] = HASHES[this.mechanism];
    const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest();
    const salted = pbkdf2Sync(this.#secret, Buffer.from(salt!, 'base64'), Number(iterations), bytes, hash);
    const withoutProof = `c=biws,r=${repeated}${nonce}`;
    const signed = `${this.#bare},${serverFirst},${withoutProof}`;
    const clientKey = hmac(salted, 'Client Key');
    const signature = hmac(createHash(hash).update(clientKey).digest(), signed);
    this.serverFinal = `v=${hmac(hmac(salted, 'Server Key'), signed).toString('base64')}`;
    const proof = Buffer.from(clientKey.map((byte, at) => byte ^ signature[at]!));
    return `${withoutProof},p=${proof.toString('base64')}`;
  }
}
