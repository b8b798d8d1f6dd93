/**
 * Registry of the exchange types: those of AMQP 0-9-1 (section 3.1.3) and RabbitMQ's consistent hash, a file each in
 * `types/`.
 */

import { failure, type Failure } from '../../protocol/errors.ts';
import type { BindingDeclaration } from './binding.ts';
import { DEFAULT_EXCHANGE, type BindingIndex, type Exchange, type ExchangeType } from './exchange.ts';
import { checkWeight, ConsistentHashIndex } from './types/consistent-hash.ts';
import { DirectIndex } from './types/direct.ts';
import { FanoutIndex } from './types/fanout.ts';
import { checkHeaderArguments, HeadersIndex } from './types/headers.ts';
import { TopicIndex } from './types/topic.ts';

export function newIndex({ type, hash_header }: Exchange): BindingIndex {
  switch (type) {
    case 'direct':
      return new DirectIndex();
    case 'fanout':
      return new FanoutIndex();
    case 'topic':
      return new TopicIndex();
    case 'headers':
      return new HeadersIndex();
    case 'consistent-hash':
      return new ConsistentHashIndex(hash_header);
  }
}

/** What is wrong with a binding for an exchange of this type, or null. Whether both ends exist is not looked at. */
export function checkBinding(type: ExchangeType, binding: BindingDeclaration): Failure | null {
  const { source, destination } = binding;
  if (
    source === DEFAULT_EXCHANGE ||
    (destination.kind === 'exchange' && destination.name === DEFAULT_EXCHANGE)
  ) {
    return failure(
      'invalid_field',
      'the default exchange takes no bindings: every queue has one under its own name',
    );
  }
  if (type === 'headers') return checkHeaderArguments(binding.arguments);
  if (type === 'consistent-hash') return checkWeight(binding.routing_key);
  return null;
}
