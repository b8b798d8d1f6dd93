/** SCRAM verifier: computes what is kept of a secret, and checks the proof of who knows it. */

import {
  SCRAM_HASHES,
  SCRAM_ITERATIONS,
  type ScramKeys,
  type ScramMechanism,
  type ScramVerifier,
} from '../../../core/access/login/scram.ts';
import { base64OfBytes, bytesOfBase64 } from '../../../protocol/json/json-bytes.ts';
import { isSameDigest } from '../digest.ts';
import { hmac } from './login-key.ts';

const encoder = new TextEncoder();

/** Returns the verifier of a secret. It costs 8,192 iterations, which only who makes or rotates tokens can ask for. */
export async function verifierOf(secret: string, salt: string): Promise<ScramVerifier> {
  const [sha256, sha512] = await Promise.all([
    keysOf('SCRAM-SHA-256', secret, salt, SCRAM_ITERATIONS),
    keysOf('SCRAM-SHA-512', secret, salt, SCRAM_ITERATIONS),
  ]);
  return { salt, iterations: SCRAM_ITERATIONS, keys: { 'SCRAM-SHA-256': sha256, 'SCRAM-SHA-512': sha512 } };
}

export async function keysOf(
  mechanism: ScramMechanism,
  secret: string,
  salt: string,
  iterations: number,
): Promise<ScramKeys> {
  const hash = SCRAM_HASHES[mechanism];
  const password = await crypto.subtle.importKey('raw', encoder.encode(secret), 'PBKDF2', false, [
    'deriveBits',
  ]);
  const salted = new Uint8Array(
    await crypto.subtle.deriveBits(
      { name: 'PBKDF2', hash, salt: bytesOfBase64(salt) as BufferSource, iterations },
      password,
      Number(hash.slice(-3)),
    ),
  );
  const clientKey = await hmac(hash, salted, encoder.encode('Client Key'));
  return {
    storedKey: base64OfBytes(await digest(hash, clientKey)),
    serverKey: base64OfBytes(await hmac(hash, salted, encoder.encode('Server Key'))),
  };
}

/** Returns the signature of the server, in base64, for a proof of who knows the secret of the keys; null for any other proof. */
export async function answerProof(
  mechanism: ScramMechanism,
  keys: ScramKeys,
  signed: string,
  proof: string,
): Promise<string | null> {
  const hash = SCRAM_HASHES[mechanism];
  const [text, shown] = [encoder.encode(signed), bytesOfBase64(proof)];
  const storedKey = bytesOfBase64(keys.storedKey);
  const signature = await hmac(hash, storedKey, text);
  if (shown.length !== signature.length) return null;
  const clientKey = signature.map((byte, at) => byte ^ shown[at]!);
  if (!isSameDigest(await digest(hash, clientKey), storedKey)) return null;
  return base64OfBytes(await hmac(hash, bytesOfBase64(keys.serverKey), text));
}

async function digest(hash: string, bytes: BufferSource): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest(hash, bytes));
}
