/** Faults planted in the AMQP gateway, and in what it relies on. */

import type { Patch } from '../platform/bundle.ts';
import type { Mutant } from './mutants.ts';

const AMQP = ['amqp', 'kill-gateway'];
const DELIVERIES = 'gateway/amqp/deliveries.ts';

const change = (file: string, find: string, replace: string): Patch[] => [{ file, find, replace }];

export const AMQP_MUTANTS: readonly Mutant[] = [
  {
    name: 'confirmed-before-it-is-durable',
    checker: 'amqp-lost',
    only: AMQP,
    hasOutputGate: false,
    patches: change('durable-objects/runtime/group-commit.ts', 'await this.#options.sync();', ''),
  },
  {
    name: 'confirmed-whatever-the-broker-said',
    checker: 'amqp-lost',
    only: AMQP,
    patches: change(
      'wire/amqp/channel/channel.ts',
      "this.#confirms!.settle(number, !isRefused && outcome !== 'rejected');",
      'this.#confirms!.settle(number, true);',
    ),
  },
  {
    name: 'requeued-and-acknowledged',
    checker: 'amqp-lost',
    only: AMQP,
    patches: change(DELIVERIES, ': message.release();', ': message.ack();'),
  },
  {
    name: 'last-of-several-not-acknowledged',
    checker: 'amqp-settled',
    only: AMQP,
    // Where something fails, what was acknowledged may come back.
    faults: ['delay', 'alarm'],
    patches: change(
      'wire/amqp/channel/consumer/unsettled.ts',
      'if (each > tag) break;',
      'if (each >= tag) break;',
    ),
  },
  {
    name: 'redelivered-and-not-marked',
    checker: 'amqp-redelivered',
    only: AMQP,
    // Where nothing is late.
    faults: ['crash', 'evict', 'machine', 'gate'],
    patches: change(DELIVERIES, 'redelivered: message.redelivered,', 'redelivered: false,'),
  },
  {
    name: 'overtaken-by-the-next-batch',
    checker: 'amqp-order',
    only: AMQP,
    patches: change(
      'sdk/publisher/destination-accumulator.ts',
      '    this.#isBusy = true;\n    this.#wave?.end();',
      '    this.#wave?.end();',
    ),
  },
  {
    name: 'keeper-not-watched',
    checker: 'unserved',
    only: AMQP,
    patches: change(
      'durable-objects/queue/deliver/hand-out.ts',
      'if (isOfStream(consumerId)) this.#isFed = true;',
      'if (request.prefetch !== undefined) this.#isFed = true;',
    ),
  },
];
