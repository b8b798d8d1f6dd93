/** Content assembly: bodies in frames of any size, in no more memory than they have. */

import { describe, expect, it } from 'vitest';
import { ContentAssembly } from '../../../../wire/amqp/channel/content.ts';
import { encodeContentHeader, encodeProperties, FRAME_TYPES } from '../../../../wire/amqp/codec/frames.ts';
import { METHODS } from '../../../../wire/amqp/codec/methods.ts';
import { isAmqpError } from '../../../../wire/amqp/reply-codes.ts';

class Counted {
  gathered = 0;
  readonly content = new ContentAssembly(1_000, (bytes) => {
    if (this.gathered + bytes > 100) return false;
    this.gathered += bytes;
    return true;
  });

  begin(bodyBytes: number): void {
    this.content.begin({} as never);
    const payload = encodeContentHeader(METHODS['basic.publish'].classId, bodyBytes, encodeProperties({}));
    expect(this.content.take({ type: FRAME_TYPES.header, channel: 1, payload })).toBeNull();
  }

  body(...bytes: number[]): ReturnType<ContentAssembly['take']> {
    return this.content.take({ type: FRAME_TYPES.body, channel: 1, payload: Uint8Array.from(bytes) });
  }
}

const bodyOf = (content: ReturnType<ContentAssembly['take']>): number[] | string | null => {
  if (content === null) return null;
  return isAmqpError(content) ? content.replyText : [...content.body];
};

describe('a body', () => {
  it('comes in frames of any size, empty ones among them', () => {
    const counted = new Counted();
    for (let time = 0; time < 2; time++) {
      counted.begin(5);
      for (const bytes of [[], [1], [], [2, 3], [4]]) expect(counted.body(...bytes)).toBeNull();
      expect(counted.gathered).toBe(4);
      expect(bodyOf(counted.body(5))).toEqual([1, 2, 3, 4, 5]);
      expect(counted.gathered).toBe(0);
    }
  });

  it('of one frame is that frame', () => {
    const counted = new Counted();
    counted.begin(2);
    const payload = Uint8Array.of(1, 2);
    const content = counted.content.take({ type: FRAME_TYPES.body, channel: 1, payload });
    expect(content).toMatchObject({ body: payload });
    expect((content as { body: Uint8Array }).body).toBe(payload);
  });

  it('counts the bytes that have come, not those that its header promises, until it is dropped', () => {
    const counted = new Counted();
    counted.begin(1_000);
    counted.body(...new Array<number>(60).fill(1));
    expect(counted.gathered).toBe(60);
    expect(bodyOf(counted.body(...new Array<number>(60).fill(1)))).toContain('not complete');
    counted.content.drop();
    expect([counted.gathered, counted.content.isWaiting]).toEqual([0, false]);
  });

  it('is not longer than its header says', () => {
    const counted = new Counted();
    counted.begin(3);
    counted.body(1, 2);
    expect(bodyOf(counted.body(3, 4))).toContain('longer');
  });
});
