/** Frame reader: requests from bytes that the network has cut anywhere, in no more memory than the bytes that have come. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatenate } from '../../../../protocol/bytes.ts';
import { FrameReader } from '../../../../wire/kafka/connection/frame-reader.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function memoryUsed(): number {
  collect();
  return process.memoryUsage().arrayBuffers;
}

const framed = (bytes: Uint8Array): Uint8Array =>
  concatenate([Uint8Array.of(0, 0, bytes.length >> 8, bytes.length), bytes]);

describe('requests', () => {
  it('are the same however their bytes are cut', () => {
    const requests = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 });
    fc.assert(
      fc.property(requests, fc.array(fc.nat(300)), (given, cuts) => {
        const bytes = concatenate(given.map(framed));
        const reader = new FrameReader(1_000);
        const ends = [...cuts.filter((cut) => cut < bytes.length), bytes.length].toSorted((a, b) => a - b);
        let start = 0;
        const read = ends.flatMap((end) => {
          const some = reader.push(bytes.slice(start, end));
          start = end;
          return some;
        });
        expect(read.map((each) => [...each])).toEqual(given.map((each) => [...each]));
        expect([reader.problem, reader.heldBytes]).toEqual([null, 0]);
      }),
    );
  });

  it('that come byte by byte take the memory of their bytes', () => {
    const reader = new FrameReader(4 * 1024 * 1024);
    const size = 1024 * 1024;
    reader.push(Uint8Array.of(size >> 24, size >> 16, size >> 8, size));
    // As a socket gives them: each piece is a view of a buffer that is much larger.
    const before = memoryUsed();
    for (let n = 0; n < 20_000; n++) reader.push(new Uint8Array(new ArrayBuffer(4_096), 0, 1));
    expect(reader.heldBytes).toBe(20_004);
    expect(memoryUsed() - before).toBeLessThan(40 * size);
  });

  it('that is too long waits, and is read when it is allowed, however it is cut', () => {
    const requests = [[7], Array.from({ length: 1_500 }, (_, at) => at % 256), [8]];
    const bytes = concatenate(requests.map((each) => framed(Uint8Array.from(each))));
    for (const cut of [1, 5, 6, 8, 9, 10, 1_000, 1_508, 1_509, 1_510, bytes.length]) {
      const reader = new FrameReader(1_000);
      const read = [...reader.push(bytes.slice(0, cut)), ...reader.push(bytes.slice(cut))];
      expect([read.length, reader.isTooLong, reader.allow(1_200)]).toEqual([1, true, []]);
      expect(reader.problem).toBe('a request of 1500 bytes; 1200 are the most');
      read.push(...reader.allow(1_500));
      expect(read.map((each) => [...each])).toEqual(requests);
      expect([reader.problem, reader.heldBytes]).toEqual([null, 0]);
    }
  });

  it('whose length is negative end it at once, and for good', () => {
    for (const cut of [0, 1, 3, 4]) {
      const reader = new FrameReader(1_000);
      const bytes = Uint8Array.from([...framed(Uint8Array.of(7)), 0xff, 0, 0, 0, 1, 2]);
      const read = [...reader.push(bytes.slice(0, 5 + cut)), ...reader.push(bytes.slice(5 + cut))];
      expect(read.map((each) => [...each])).toEqual([[7]]);
      expect([reader.problem, reader.isTooLong]).toEqual([
        expect.stringContaining('1000 are the most'),
        false,
      ]);
      expect([reader.push(framed(Uint8Array.of(8))), reader.allow(2_000), reader.heldBytes]).toEqual([
        [],
        [],
        0,
      ]);
    }
  });
});
