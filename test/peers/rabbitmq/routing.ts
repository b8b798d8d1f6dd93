/**
 * Compares routing with a real RabbitMQ on generated exchanges, bindings and messages. Exits with 1 on a difference,
 * after printing the smallest case found that still differs. Not part of `npm test`, which replays the vectors written
 * here.
 *
 *   npm run peer:rabbitmq:routing -- [--seed 1] [--rounds 100] [--vectors]
 *
 * A round is one topic case, one headers case (40 messages each) and four graphs (12 each). `--vectors` writes what
 * RabbitMQ answered in the first rounds to `test/core/exchange/vectors/`.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startRabbitmq } from '../../../scripts/peers/rabbitmq.ts';
import { ownAnswer, type RoutingCase, type RoutingVector } from '../../core/exchange/routing-case.ts';
import { CaseGenerator } from './generate.ts';
import { RoutingPeer } from './peer.ts';

const GRAPHS_PER_ROUND = 4;
const VECTORS_FILE = join(import.meta.dirname, '../../core/exchange/vectors/rabbitmq-3.10.jsonl');
/** Keep the file below 200 KB. */
const VECTOR_ROUNDS = 8;

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '100' },
    vectors: { type: 'boolean', default: false },
  },
});

const rabbitmq = await startRabbitmq();
let differences = 0;
try {
  differences = await compare(Number(options.seed), Number(options.rounds));
} finally {
  await rabbitmq.stop();
}
process.exitCode = differences === 0 ? 0 : 1;

async function compare(seed: number, rounds: number): Promise<number> {
  const peer = await RoutingPeer.connect(rabbitmq.url);
  const generate = new CaseGenerator(seed);
  const vectors: RoutingVector[] = [];
  const kinds = {
    topic: { make: () => generate.topicCase(), perRound: 1 },
    headers: { make: () => generate.headersCase(), perRound: 1 },
    graph: { make: () => generate.graphCase(), perRound: GRAPHS_PER_ROUND },
  };
  let passedInAll = 0;
  let failedInAll = 0;
  for (const [kind, { make, perRound }] of Object.entries(kinds)) {
    let passed = 0;
    let failed = 0;
    for (let number = 0; number < rounds * perRound; number++) {
      const routingCase = make();
      const answer = await peer.answer(routingCase);
      const differing = differingMessages(routingCase, answer);
      passed += answer.length - differing.length;
      failed += differing.length;
      if (differing[0] !== undefined && failedInAll + failed === differing.length) {
        await printSmallest(peer, routingCase, differing[0]);
      }
      if (number < VECTOR_ROUNDS * perRound) vectors.push({ case: routingCase, answer });
    }
    console.log(`${kind}: ${rounds * perRound} cases, ${passed} messages passed, ${failed} failed`);
    passedInAll += passed;
    failedInAll += failed;
  }
  await peer.close();
  console.log(`seed ${seed}: ${passedInAll} passed, ${failedInAll} failed`);
  if (options.vectors && failedInAll === 0) {
    await writeFile(VECTORS_FILE, vectors.map((vector) => `${JSON.stringify(vector)}\n`).join(''));
  }
  return failedInAll;
}

function differingMessages(routingCase: RoutingCase, answer: string[][]): number[] {
  const own = ownAnswer(routingCase);
  return answer.flatMap((queues, number) => (queues.join() === own[number]!.join() ? [] : [number]));
}

/** Leaves out one thing after another as long as the two still differ. */
async function printSmallest(peer: RoutingPeer, routingCase: RoutingCase, message: number): Promise<void> {
  const bindings = routingCase.bindings.filter((_, place) => !routingCase.unbound.includes(place));
  let smallest: RoutingCase = { ...routingCase, messages: [routingCase.messages[message]!] };
  const stillDiffers = async (smaller: RoutingCase): Promise<boolean> =>
    differingMessages(smaller, await peer.answer(smaller)).length > 0;
  const tries: ((from: RoutingCase) => RoutingCase)[] = [
    (from) => ({ ...from, bindings, unbound: [] }),
    ...routingCase.exchanges.map(
      ({ name }) =>
        (from: RoutingCase) =>
          withoutExchange(from, name),
    ),
    ...routingCase.exchanges.map(
      ({ name }) =>
        (from: RoutingCase) =>
          withoutAlternate(from, name),
    ),
    ...bindings.map((left) => (from: RoutingCase) => {
      if (from.unbound.length > 0) return from;
      return { ...from, bindings: from.bindings.filter((binding) => binding !== left) };
    }),
  ];
  for (const smaller of tries) if (await stillDiffers(smaller(smallest))) smallest = smaller(smallest);
  console.log('The smallest case that differs:');
  console.log(JSON.stringify(smallest, null, 2));
  console.log('RabbitMQ:', JSON.stringify(await peer.answer(smallest)));
  console.log('Posthorn:', JSON.stringify(ownAnswer(smallest)));
}

function withoutExchange(from: RoutingCase, left: string): RoutingCase {
  if (from.unbound.length > 0 || from.messages.some(({ exchange }) => exchange === left)) return from;
  return {
    ...from,
    exchanges: from.exchanges.filter(({ name }) => name !== left),
    bindings: from.bindings.filter(({ source, destination: { kind, name } }) => {
      return source !== left && !(kind === 'exchange' && name === left);
    }),
  };
}

function withoutAlternate(from: RoutingCase, left: string): RoutingCase {
  const without = from.exchanges.map((one) =>
    one.name === left ? { ...one, alternate_exchange: null } : one,
  );
  return { ...from, exchanges: without };
}
