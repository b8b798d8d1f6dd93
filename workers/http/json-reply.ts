/** JSON replies with stored values: stored JSON goes out as the same text. */

import type { Context } from 'hono';
import { JSON_TYPE } from '../../protocol/headers/media-types.ts';
import { writeJson } from '../../protocol/json/json-text.ts';
import { resizeReply } from '../bounds/reply-bytes.ts';

/** @param Reply the type that the contract names, for the compiler */
export function jsonReply<Reply extends object>(
  c: Context,
  reply: Reply,
  status: 200 | 201 | 202 = 200,
): Response {
  const text = writeJson(reply);
  resizeReply(c.req.raw, text.length);
  return c.body(text, status, { 'content-type': JSON_TYPE });
}
