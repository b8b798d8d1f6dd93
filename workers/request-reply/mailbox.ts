/** Mailbox: waits for replies and delivers them. One mailbox serves all calls of an isolate. */

import { replyMailboxStub } from '../../durable-objects/stubs.ts';
import type { Env } from '../../durable-objects/env.ts';
import { writeJson } from '../../protocol/json/json-text.ts';
import { messageOfRecord } from '../../protocol/schemas/messages.ts';
import { formatReplyAddress, parseReplyAddress } from '../../protocol/schemas/requests.ts';
import type { RecordInput } from '../../protocol/record-batch/index.ts';
import { waitForFrame, type Wait } from '../fetch/wait-for-frame.ts';

/** The id of the mailbox of this isolate. A new one is near to it, and needs no row. */
let mailboxId: string | undefined;

/** A wait that is open before the request goes out, so that no reply is too early. */
export async function openReplyWait(
  env: Env,
  namespace: string,
  waitMs: number,
  signal: AbortSignal,
): Promise<{ replyTo: string; reply: Wait['frame'] }> {
  const mailbox = (mailboxId ??= env.REPLY_MAILBOX.newUniqueId().toString());
  const slot = crypto.randomUUID().replaceAll('-', '');
  const query = new URLSearchParams({ namespace, slot }).toString();
  const opening = replyMailboxStub(env, mailbox)!.fetch(`https://mailbox/?${query}`, {
    headers: { upgrade: 'websocket' },
  });
  const response = await opening.catch((error: unknown) => {
    mailboxId = undefined; // the next call tries another
    throw error;
  });
  const { frame } = waitForFrame(response.webSocket!, waitMs, signal);
  return { replyTo: formatReplyAddress({ mailbox, slot }), reply: frame };
}

/** Hands over those messages that are replies. Returns the indexes of those that a caller waited for. */
export async function handOverReplies(
  env: Env,
  namespace: string,
  outgoing: readonly { message: { routingKey: string }; record: RecordInput }[],
): Promise<number[]> {
  const replies = outgoing.flatMap(({ message }, index) => {
    const address = parseReplyAddress(message.routingKey);
    return address ? [{ ...address, index }] : [];
  });
  const byMailbox = [...Map.groupBy(replies, ({ mailbox }) => mailbox)];
  const taken = await Promise.all(
    byMailbox.map(async ([mailbox, group]) => {
      const slots = group.map(({ slot, index }) => ({ slot, message: bytesOf(outgoing[index]!.record) }));
      try {
        const results = (await replyMailboxStub(env, mailbox)?.reply(namespace, slots)) ?? [];
        return group.flatMap(({ index }, place) => (results[place] ? [index] : []));
      } catch (error) {
        console.error('replies could not be handed over; their calls end without one', error);
        return [];
      }
    }),
  );
  return taken.flat();
}

function bytesOf({ key, value, timestamp, headers = [] }: RecordInput): Uint8Array {
  const message = messageOfRecord({ key, value, timestamp, headers: [...headers] });
  return new TextEncoder().encode(writeJson(message));
}
