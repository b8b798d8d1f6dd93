/**
 * Session credential: stands for a token for a while, after its owner has proved to know the secret: `ps_<id>_<end>_<signature>`. It is
 * signed and not stored. Its key is made of the digest of the secret too, so that it ends with the secret.
 */

/** The end is rounded up to whole minutes, so that connections that log in at the same time share one. */
const ROUNDED_MS = 60_000;
const LIFE_MS = 3_600_000;

const PATTERN = /^ps_([0-9a-z]{16})_([0-9a-z]{1,9})_([A-Za-z0-9_-]{43})$/;

export interface SessionCredential {
  readonly id: string;
  readonly endsMs: number;
  /** What is signed. */
  readonly text: string;
  /** In base64url. */
  readonly signature: string;
}

/** Returns when a session ends that begins now, and not later than what it stands for. */
export function endOfSession(nowMs: number, limitsMs: readonly (number | null)[]): number {
  const fullMs = Math.ceil((nowMs + LIFE_MS) / ROUNDED_MS) * ROUNDED_MS;
  return Math.min(fullMs, ...limitsMs.map((limitMs) => limitMs ?? Infinity));
}

export function sessionText(id: string, endsMs: number): string {
  return `ps_${id}_${endsMs.toString(36)}`;
}

export function isSession(credential: string): boolean {
  return credential.startsWith('ps_');
}

/** Returns null for what is none. */
export function readSession(credential: string): SessionCredential | null {
  const [, id, end, signature] = PATTERN.exec(credential) ?? [];
  if (id === undefined) return null;
  const endsMs = parseInt(end!, 36);
  return { id, endsMs, text: sessionText(id, endsMs), signature: signature! };
}
