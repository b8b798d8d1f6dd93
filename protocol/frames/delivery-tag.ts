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

/** Digits that each number may have. */
const DIGITS_MAX = [11, 2, 10, 7];

const DASH = 0x2d;

export function formatTag({ queueId, lane, offset, delivery }: Tag): string {
  return `${queueId.toString(36)}-${lane.toString(36)}-${offset.toString(36)}-${delivery.toString(36)}`;
}

/** Returns null for text that is not a tag. A settlement may have thousands, so it goes through each once. */
export function parseTag(text: string): Tag | null {
  const numbers = [0, 0, 0, 0];
  let part = 0;
  let digits = 0;
  let number = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === DASH) {
      if (digits === 0 || part === 3) return null;
      numbers[part++] = number;
      digits = 0;
      number = 0;
      continue;
    }
    const digit = digitOf(code);
    if (digit < 0 || ++digits > DIGITS_MAX[part]!) return null;
    number = number * 36 + digit;
  }
  if (digits === 0 || part !== 3) return null;
  return { queueId: numbers[0]!, lane: numbers[1]!, offset: numbers[2]!, delivery: number };
}

/** Of base 36; -1 for other characters. */
function digitOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  return code >= 0x61 && code <= 0x7a ? code - 0x57 : -1;
}
