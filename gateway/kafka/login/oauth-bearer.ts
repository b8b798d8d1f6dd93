/** OAUTHBEARER (RFC 7628): the message in which a client hands over a bearer token, and how long such a token is good. */

import { isName } from '../../../protocol/name-rule.ts';
import { namespaceOfUser, type Credential } from './credentials.ts';

/** `n,a=<user>,` and the fields, each between bytes of 1. */
const MESSAGE = /^n,(?:a=([^,]*))?,\x01([^]*)\x01$/;

/**
 * Reads the first message of a client. The namespace is that of the extension `namespace`, or of the user, as `namespace/anything`.
 * Returns null for anything else.
 */
export function bearerCredential(message: Uint8Array, namespaceDefault: string): Credential | null {
  const [, user = '', text = ''] = MESSAGE.exec(new TextDecoder().decode(message)) ?? [];
  const fields = new Map(
    text.split('\x01').map((field) => {
      const at = field.indexOf('=');
      return [field.slice(0, Math.max(0, at)), field.slice(at + 1)] as const;
    }),
  );
  const [, token] = /^bearer +(\S+)$/i.exec(fields.get('auth') ?? '') ?? [];
  const named = user.replaceAll('=2C', ',').replaceAll('=3D', '=');
  const namespace = fields.get('namespace') ?? namespaceOfUser(named, namespaceDefault);
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
