/**
 * SCRAM (RFC 5802, RFC 7677): the messages of an exchange, by which a client proves that it knows a secret without sending it.
 *
 *   client-first    n,,n=<user>,r=<nonce of the client>
 *   server-first    r=<both nonces>,s=<salt>,i=<iterations>
 *   client-final    c=<the header before n=>,r=<both nonces>,p=<proof>
 *   server-final    v=<signature>
 */

import { CLIENT_FIRST } from '../../../protocol/schemas/logins.ts';

/** The hash of each mechanism, as WebCrypto names it. */
export const SCRAM_HASHES = { 'SCRAM-SHA-256': 'SHA-256', 'SCRAM-SHA-512': 'SHA-512' } as const;
export type ScramMechanism = keyof typeof SCRAM_HASHES;

/**
 * The least that RFC 7677 allows, and clients compute it at each login. More would slow down who guesses secrets that people choose.
 * A secret of a token is random and has 238 bits: nobody guesses it, with any number of iterations.
 */
export const SCRAM_ITERATIONS = 4_096;

export const SCRAM_SALT_BYTES = 16;

/** What checks a proof and answers it, in base64. Neither lets anybody log in. */
export interface ScramKeys {
  readonly storedKey: string;
  readonly serverKey: string;
}

/** What is kept of a secret for SCRAM. */
export interface ScramVerifier {
  /** In base64. A token keeps it when it is rotated, so that both of its secrets answer the same server-first. */
  readonly salt: string;
  readonly iterations: number;
  readonly keys: Readonly<Record<ScramMechanism, ScramKeys>>;
}

export interface ClientFirst {
  /** Before the message proper. `c=` repeats it. */
  readonly header: string;
  readonly bare: string;
  readonly user: string;
  readonly nonce: string;
}

export interface ClientFinal {
  /** Both nonces. */
  readonly nonce: string;
  readonly withoutProof: string;
  /** In base64. */
  readonly proof: string;
}

const CLIENT_FINAL = /^(c=([A-Za-z0-9+/=]+),r=([!-+\--~]+)(?:,[A-Za-z]=[^,]*)*),p=([A-Za-z0-9+/]+={0,2})$/;

/** Returns null for what is no such message, or asks for channel binding. */
export function readClientFirst(text: string): ClientFirst | null {
  const matched = CLIENT_FIRST.exec(text);
  if (matched === null) return null;
  const [, header, bare, user, nonce] = matched as unknown as [string, string, string, string, string];
  return { header, bare, user: user.replaceAll('=2C', ',').replaceAll('=3D', '='), nonce };
}

/** Returns null for what is no such message, or is of another header. */
export function readClientFinal(text: string, { header }: ClientFirst): ClientFinal | null {
  const matched = CLIENT_FINAL.exec(text);
  if (matched === null) return null;
  const [, withoutProof, binding, nonce, proof] = matched as unknown as [
    string,
    string,
    string,
    string,
    string,
  ];
  return binding === btoa(header) && proof.length % 4 === 0 ? { nonce, withoutProof, proof } : null;
}

export function serverFirst(
  nonce: string,
  { salt, iterations }: Pick<ScramVerifier, 'salt' | 'iterations'>,
): string {
  return `r=${nonce},s=${salt},i=${iterations}`;
}

/** Returns what both sides sign. */
export function signedText(first: ClientFirst, serverFirstText: string, final: ClientFinal): string {
  return `${first.bare},${serverFirstText},${final.withoutProof}`;
}

/** Returns the token that a user means, and the namespace, if the user says one: `namespace/id` or `id`. */
export function loginOfUser(user: string): { readonly id: string; readonly namespace: string | null } {
  const slash = user.indexOf('/');
  return slash < 0
    ? { id: user, namespace: null }
    : { id: user.slice(slash + 1), namespace: user.slice(0, slash) };
}
