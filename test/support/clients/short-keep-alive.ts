/** Short keep-alive: connections of `fetch` end before the broker closes them. To be imported by whoever tests a broker. */

/**
 * workerd closes a connection that was idle for 5 s. `fetch` keeps one for 4 s, which on a busy machine can be too long: it
 * sends a request as the connection closes, and the test sees ECONNRESET.
 */
const KEEP_ALIVE_MS = 1_000;
/** Where Node and the undici package look for the client of `fetch`. */
const DISPATCHER = Symbol.for('undici.globalDispatcher.1');
type Dispatchers = Record<symbol, { constructor: new (options: object) => object }>;

await fetch('data:,'); // Node makes its client with the first call
const dispatchers = globalThis as unknown as Dispatchers;
const { constructor: Agent } = dispatchers[DISPATCHER]!;
dispatchers[DISPATCHER] = new Agent({ keepAliveTimeout: KEEP_ALIVE_MS }) as Dispatchers[symbol];

export {};
