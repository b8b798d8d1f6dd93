import { expect, it } from 'vitest';
import { consumerName, isOfStream, streamConsumerId } from '../../../../core/queue/deliver/consumer-id.ts';

const UUID = '0b0c7f6e-5a47-4d6b-9d5b-0d8f4a1c2e3f';

it.each([
  [streamConsumerId('worker', UUID), 'worker', 'a stream'],
  [streamConsumerId('', UUID), '', 'a stream without a name'],
  [streamConsumerId(`a~${UUID}`, UUID), `a~${UUID}`, 'a stream whose name looks like an id'],
  ['worker', 'worker', 'a consumer that polls'],
  ['a~b', 'a~b', 'a name with a tilde'],
])('the consumer %s calls itself "%s": %s', (id, name) => expect(consumerName(id)).toBe(name));

it('only a stream, or who has a keeper, has an id whose holdings end with a stream', () =>
  expect([streamConsumerId('', UUID), 'poller~kept', 'worker', 'a~b', ''].map(isOfStream)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]));
