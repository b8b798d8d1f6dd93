/** Node as a platform: its own modules, which the SDK asks for and never imports, and what an application has arranged there. */

interface NodeProcess {
  release?: { name?: string };
  versions?: Record<string, string | undefined>;
  env: Record<string, string | undefined>;
  getBuiltinModule?: (name: string) => unknown;
}

/** Where undici keeps the dispatcher that an application may have replaced, by one for a proxy or for tests. */
const DISPATCHER = Symbol.for('undici.globalDispatcher.1');

const scope = globalThis as unknown as {
  process?: NodeProcess;
  fetch?: unknown;
  Deno?: unknown;
  WebSocketPair?: unknown;
} & Record<symbol, { constructor: { name: string } } | undefined>;

/** Deno, Bun and Workers know the modules of Node, but have a better `fetch`. */
export const isNode: boolean = (() => {
  const { release, versions, getBuiltinModule } = scope.process ?? ({} as Partial<NodeProcess>);
  const isOther = 'Deno' in scope || 'WebSocketPair' in scope || versions?.['bun'] !== undefined;
  return release?.name === 'node' && getBuiltinModule !== undefined && !isOther;
})();

const originalFetch = scope.fetch;
/** Node reads it when it starts; to ask for it takes longer than all else here. */
const usesProxies = isNode && scope.process!.env['NODE_USE_ENV_PROXY'] !== undefined;

/** One of Node's own modules. */
export function builtin<Module>(name: string): Module {
  return scope.process!.getBuiltinModule!(name) as Module;
}

/** Whether `fetch` does what the application has arranged: a proxy, a stub, an interceptor. */
export function isFetchArranged(): boolean {
  const dispatcher = scope[DISPATCHER]?.constructor.name;
  const isReplaced = dispatcher !== undefined && dispatcher !== 'Agent';
  return isReplaced || scope.fetch !== originalFetch || usesProxies;
}
