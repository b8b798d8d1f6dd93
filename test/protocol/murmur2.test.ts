import { describe, expect, it } from 'vitest';
import { murmur2, partitionForKey } from '../../protocol/murmur2.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('murmur2', () => {
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])("gives for %s what Kafka's UtilsTest expects", (text, hash) => {
    expect(murmur2(utf8(text))).toBe(hash);
  });

  it('reads a view, not the buffer below it', () => {
    expect(murmur2(utf8('--foobar--').subarray(2, 8))).toBe(-790332482);
  });
});

describe('partitionForKey', () => {
  it('masks the sign', () => {
    expect(partitionForKey(utf8('21'), 10)).toBe((-973932308 & 0x7fffffff) % 10);
    for (let i = 0; i < 1000; i++) {
      const partition = partitionForKey(utf8(`key-${i}`), 7);
      expect(partition).toBeGreaterThanOrEqual(0);
      expect(partition).toBeLessThan(7);
    }
  });

  it.each([0, -1, 1.5, Number.NaN])('throws for %d partitions', (partitions) => {
    expect(() => partitionForKey(utf8('k'), partitions)).toThrow(RangeError);
  });
});
