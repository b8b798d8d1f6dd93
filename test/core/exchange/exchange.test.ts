import { describe, expect, it } from 'vitest';
import { isReservedExchangeName, PREDECLARED_EXCHANGES } from '../../../core/exchange/exchange.ts';

describe('an exchange', () => {
  it.each([
    ['', true],
    ['amq.topic', true],
    ['amq.', true],
    ['amq', false],
    ['orders.amq.', false],
  ])('named "%s" belongs to the broker: %s', (name, isReserved) =>
    expect(isReservedExchangeName(name)).toBe(isReserved),
  );

  it('that exists from the start has a name of the broker', () => {
    expect(PREDECLARED_EXCHANGES.every(({ name }) => isReservedExchangeName(name))).toBe(true);
  });
});
