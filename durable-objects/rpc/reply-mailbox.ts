/** Methods of a reply mailbox that others call. */

export interface SlotReply {
  slot: string;
  message: Uint8Array;
}

export interface ReplyMailboxMethods extends Rpc.DurableObjectBranded {
  /** Hands replies over. Returns for each whether somebody waited for it. */
  reply(namespace: string, replies: readonly SlotReply[]): boolean[];
}
