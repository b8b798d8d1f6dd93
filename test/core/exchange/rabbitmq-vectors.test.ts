/** What a real RabbitMQ 3.10 did with generated cases; `test/peers/rabbitmq/routing.ts --vectors` writes them. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ownAnswer, type RoutingVector } from './routing-case.ts';

const lines = readFileSync(join(import.meta.dirname, 'vectors/rabbitmq-3.10.jsonl'), 'utf8')
  .trim()
  .split('\n');
const vectors = lines.map((line) => JSON.parse(line) as RoutingVector);

describe('RabbitMQ agrees', () => {
  test.each(vectors.map((vector, number) => ({ number, ...vector })))(
    'case $number, of $answer.length messages',
    ({ case: routingCase, answer }) => {
      expect(ownAnswer(routingCase)).toEqual(answer);
    },
  );

  test('on cases that say something: most messages reach somebody, and many nobody', () => {
    const answers = vectors.flatMap(({ answer }) => answer);
    const routed = answers.filter((queues) => queues.length > 0);
    expect(answers.length).toBeGreaterThan(500);
    expect(routed.length / answers.length).toBeGreaterThan(0.4);
    expect(routed.length / answers.length).toBeLessThan(0.95);
  });
});
