/** Logins: what the SASL mechanisms PLAIN and AMQPLAIN say. */

import { ByteReader } from '../codec/byte-reader.ts';
import { fieldOf, textOfField, readTable } from '../codec/field-table.ts';
import { ByteWriter } from '../codec/byte-writer.ts';

export interface Login {
  user: string;
  password: string;
}

export const MECHANISMS = 'PLAIN AMQPLAIN';

const decoder = new TextDecoder();

/** Null for an unknown mechanism or a malformed response. */
export function readLogin(mechanism: string, response: Uint8Array): Login | null {
  if (mechanism === 'PLAIN') return readPlain(response);
  return mechanism === 'AMQPLAIN' ? readAmqplain(response) : null;
}

/** RFC 4616: an identity that nobody uses, the user, the password, with zero bytes between them. */
function readPlain(response: Uint8Array): Login | null {
  const [, user, password, ...more] = decoder.decode(response).split('\0');
  return user === undefined || password === undefined || more.length > 0 ? null : { user, password };
}

/** A field table without its length. */
function readAmqplain(response: Uint8Array): Login | null {
  const writer = new ByteWriter(response.length + 4);
  writer.longBytes(response);
  const reader = new ByteReader(writer.result());
  const table = readTable(reader);
  const user = textOfField(fieldOf(table, 'LOGIN'));
  const password = textOfField(fieldOf(table, 'PASSWORD'));
  return reader.isBroken || user === undefined || password === undefined ? null : { user, password };
}
