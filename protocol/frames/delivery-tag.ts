/**
 * Delivery tags: `<queue id>-<lane>-<offset>-<delivery>`, each in base 36. `delivery` counts how often the message at
 * this offset was handed out, so a tag names one delivery and not a message, and the queue refuses an old tag. The
 * queue id separates the tags of a deleted queue from those of a new queue with its name.
 */

export interface Tag {
  queueId: number;
  lane: number;
  offset: number;
  delivery: number;
}

const TAG_PATTERN = /^([0-9a-z]{1,11})-([0-9a-z]{1,2})-([0-9a-z]{1,10})-([0-9a-z]{1,7})$/;

export function formatTag({ queueId, lane, offset, delivery }: Tag): string {
  return `${queueId.toString(36)}-${lane.toString(36)}-${offset.toString(36)}-${delivery.toString(36)}`;
}

/** Returns null for text that is not a tag. */
export function parseTag(text: string): Tag | null {
  const match = TAG_PATTERN.exec(text);
  if (!match) return null;
  return {
    queueId: parseInt(match[1]!, 36),
    lane: parseInt(match[2]!, 36),
    offset: parseInt(match[3]!, 36),
    delivery: parseInt(match[4]!, 36),
  };
}
