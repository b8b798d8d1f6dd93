/** Issuer of JWTs on loopback, whose keys and answers a test decides. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from 'jose';

export const AUDIENCE = 'posthorn-tests';

interface Key {
  id: string;
  algorithm: string;
  secret: CryptoKey;
  published: JWK;
}

export class JwtIssuer {
  /** As the claim `iss` and the setting have it. */
  url = '';
  keys: Key[] = [];
  /** Published besides the keys. */
  further: JWK[] = [];
  /** How often the keys were asked for. */
  asked = 0;
  /** Questions that wait for an answer. */
  unanswered = 0;
  /** What becomes of a question. */
  mood: 'well' | 'down' | 'silent' | 'huge' | 'elsewhere' | 'nonsense' = 'well';
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      if (request.url === '/elsewhere') return void response.end(this.#keySet());
      this.asked++;
      if (this.mood === 'silent') {
        this.unanswered++;
        response.on('close', () => this.unanswered--);
        return;
      }
      if (this.mood === 'down') return void response.writeHead(500).end();
      if (this.mood === 'elsewhere') return void response.writeHead(302, { location: '/elsewhere' }).end();
      if (this.mood === 'nonsense') return void response.end('<html>');
      response.end(this.#keySet() + (this.mood === 'huge' ? ' '.repeat(300_000) : ''));
    });
  }

  static async start(): Promise<JwtIssuer> {
    const issuer = new JwtIssuer();
    await new Promise<void>((resolve) => issuer.#server.listen(0, '127.0.0.1', resolve));
    issuer.url = `http://127.0.0.1:${(issuer.#server.address() as AddressInfo).port}`;
    await issuer.addKey('first');
    return issuer;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async addKey(id: string, algorithm = 'ES256'): Promise<Key> {
    const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
    const published = { ...(await exportJWK(publicKey)), kid: id, alg: algorithm, use: 'sig' };
    const key = { id, algorithm, secret: privateKey, published };
    this.keys.push(key);
    return key;
  }

  /** @param claims besides `iss`, `aud`, `sub` and `exp`, or instead of them; undefined: without that claim */
  async jwt(scope: string, claims: JWTPayload = {}, key: Key = this.keys.at(-1)!): Promise<string> {
    const nowS = Math.floor(Date.now() / 1000);
    const payload = { iss: this.url, aud: AUDIENCE, sub: 'user-1', exp: nowS + 300, scope, ...claims };
    const told = Object.fromEntries(Object.entries(payload).filter(([, value]) => value !== undefined));
    return await new SignJWT(told).setProtectedHeader({ alg: key.algorithm, kid: key.id }).sign(key.secret);
  }

  #keySet(): string {
    return JSON.stringify({ keys: [...this.keys.map(({ published }) => published), ...this.further] });
  }
}

/** A part of a JWT. */
export const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
