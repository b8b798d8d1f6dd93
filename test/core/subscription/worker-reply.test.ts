import { expect, it } from 'vitest';
import { readWorkerReply } from '../../../core/subscription/worker-reply.ts';
import { TIME_SPAN_MS_MAX } from '../../../protocol/limits.ts';

const accepted = { retried: [], thrown: null };

it.each([undefined, null, 'done', 5, {}, { ok: true }, [1], { error: { message: 'of something else' } }])(
  'all messages are accepted if a Worker returns %j',
  (value) => {
    expect(readWorkerReply(value, 3)).toEqual(accepted);
  },
);

it('names the messages that are tried again, each once and in order', () => {
  const retry = [{ index: 2, delay_ms: 5.4 }, { index: 0 }, { index: 2, delay_ms: 1e300 }];
  expect(readWorkerReply({ retry }, 3)).toEqual({
    retried: [
      { index: 0, delayMs: null },
      { index: 2, delayMs: TIME_SPAN_MS_MAX },
    ],
    thrown: null,
  });
  expect(readWorkerReply({ retry: [] }, 3)).toEqual(accepted);
});

it('keeps what was thrown, if it is text', () => {
  const thrownOf = (error: unknown) => (readWorkerReply({ retry: [], error }, 1) as typeof accepted).thrown;
  expect(thrownOf({ message: 'no', stack: 'at x' })).toEqual({ message: 'no', stack: 'at x' });
  expect(thrownOf({ message: 5 })).toEqual({ message: '', stack: '' });
  expect(thrownOf('no')).toBeNull();
});

it.each<[unknown, string]>([
  ['all', 'at most 2 messages'],
  [[{ index: 0 }, { index: 1 }, { index: 1 }], 'at most 2 messages'],
  [[{ index: 2 }], 'from 0 to 1'],
  [[{ index: -1 }], 'from 0 to 1'],
  [[{ index: 0.5 }], 'from 0 to 1'],
  [[null], 'from 0 to 1'],
  [[{ index: 0, delay_ms: -1 }], '`delay_ms`'],
  [[{ index: 0, delay_ms: NaN }], '`delay_ms`'],
  [[{ index: 0, delay_ms: '5' }], '`delay_ms`'],
])('says what is wrong with %j', (retry, words) => {
  expect(readWorkerReply({ retry }, 2)).toContain(words);
});
