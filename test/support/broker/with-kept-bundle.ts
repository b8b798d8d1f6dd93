/**
 * Preload of a broker process of the tests, `node --import <this> scripts/serve.ts`: the broker takes the bundle that the test run
 * has kept, instead of building it at each start.
 */

import { registerHooks } from 'node:module';

registerHooks({
  resolve(specifier, context, next) {
    const isOfBroker =
      specifier === './bundle.ts' && context.parentURL?.endsWith('/scripts/broker/broker.ts');
    return next(isOfBroker ? new URL('kept-bundle.ts', import.meta.url).href : specifier, context);
  },
});
