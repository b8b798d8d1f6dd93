/**
 * Reply mailbox: the object at which calls wait for replies. Each call holds a hibernating socket, so the object can
 * leave memory meanwhile. It stores nothing. A reply goes to the socket of its slot, or is dropped.
 */

import { DurableObject } from 'cloudflare:workers';
import type { ReplyMailboxMethods, SlotReply } from '../rpc/reply-mailbox.ts';
import type { Env } from '../env.ts';

interface Attachment {
  /** Replies from another are not for it. */
  namespace: string;
}

export class ReplyMailbox extends DurableObject<Env> implements ReplyMailboxMethods {
  /** Waits: the one message of the socket is the reply. */
  override fetch(request: Request): Response {
    const { searchParams } = new URL(request.url);
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server, [searchParams.get('slot')!]);
    server.serializeAttachment({ namespace: searchParams.get('namespace')! } satisfies Attachment);
    return new Response(null, { status: 101, webSocket: client });
  }

  /** Hands replies over. Says of each whether somebody waited for it. */
  reply(namespace: string, replies: readonly SlotReply[]): boolean[] {
    return replies.map(({ slot, message }) => {
      const [socket] = this.ctx.getWebSockets(slot);
      if (socket?.readyState !== WebSocket.OPEN) return false;
      if ((socket.deserializeAttachment() as Attachment).namespace !== namespace) return false;
      socket.send(message);
      socket.close(1000, 'answered');
      return true;
    });
  }
}
