/** OAUTHBEARER (RFC 7628): the message in which a client hands over a bearer token, and how long such a token is good. */

import { isName } from '../../../protocol/names/name-rule.ts';
import { namespaceOfUser, type Credential } from './credentials.ts';

/** Between the fields, and twice at the end. */
const SEPARATOR = '\u0001';

/** Before the fields: no channel binding, and perhaps a user. */
const HEAD = /^n,(?:a=([^,]*))?,$/;

/**
 * Reads the first message of a client. The namespace is that of the extension `namespace`, or of the user, as `namespace/anything`.
 * Returns null for anything else.
 */
export function bearerCredential(message: Uint8Array, namespaceDefault: string): Credential | null {
  const [head = '', ...texts] = new TextDecoder().decode(message).split(SEPARATOR);
  const matched = HEAD.exec(head);
  if (matched === null || texts.pop() !== '' || texts.pop() !== '') return null;
  const fields = new Map(
    texts.map((text) => {
      const at = text.indexOf('=');
      return [text.slice(0, Math.max(0, at)), text.slice(at + 1)] as const;
    }),
  );
  const [, token] = /^bearer +(\S+)$/i.exec(fields.get('auth') ?? '') ?? [];
  const user = (matched[1] ?? '').replaceAll('=2C', ',').replaceAll('=3D', '=');
  const namespace = fields.get('namespace') ?? namespaceOfUser(user, namespaceDefault);
  return token !== undefined && isName(namespace) ? { namespace, token } : null;
}

/**
 * When a JWT ends, in ms since 1970; null for a token that does not say. The broker has checked it: this only tells the client when to
 * bring the next one.
 */
export function endOfToken(token: string | null): number | null {
  const parts = token?.split('.') ?? [];
  if (parts.length !== 3) return null;
  try {
    const { exp } = JSON.parse(Buffer.from(parts[1]!, 'base64url').toString()) as { exp?: unknown };
    return typeof exp === 'number' && Number.isFinite(exp) ? Math.floor(exp * 1_000) : null;
  } catch {
    return null;
  }
}
