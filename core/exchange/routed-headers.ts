/**
 * Headers of a message as routing compares them: the message's own, as text, and of a name that occurs several times the
 * last. A value that is not UTF-8 is `{"$base64": "..."}`, so it is present but equal to no argument of a binding.
 *
 * The only such function: a message and its dead letter must be routed alike.
 */

import { textOfBytes, type TextOrBytes } from '../../protocol/json/json-bytes.ts';
import { RESERVED_PREFIX } from '../../protocol/headers/message-headers.ts';
import type { RecordHeader } from '../../protocol/record-batch/index.ts';

export type RoutedHeaders = Record<string, TextOrBytes | null>;

export function routedHeaders(headers: readonly RecordHeader[]): RoutedHeaders {
  const byName = new Map<string, TextOrBytes | null>();
  for (const { key, value } of headers) {
    if (!key.startsWith(RESERVED_PREFIX)) byName.set(key, value === null ? null : textOfBytes(value));
  }
  return Object.fromEntries(byName); // a header may be named `__proto__`: here it is a member like any other
}
