/** Metrics of all namespaces that the caller may read them of, as text for Prometheus. No queue and no partition is asked. */

import type { Hono } from 'hono';
import { noSuchNamespace, type Namespace } from '../../core/access/namespace.ts';
import { refuseNeed, refuseSome, type Identity } from '../../core/access/identity.ts';
import { exposition, EXPOSITION_TYPES, formatFor } from '../../core/metrics/exposition.ts';
import { familiesOf } from '../../core/metrics/families.ts';
import type { MetricsSnapshot } from '../../core/metrics/snapshot.ts';
import { directoryStub, overviewStub } from '../../durable-objects/stubs.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { isName, NAME_RULE } from '../../protocol/names/name-rule.ts';
import { VERSION } from '../../protocol/version.ts';
import { countRefusal } from '../access/audit.ts';
import { JSON_REPLY_WEIGHT, grantReply, resizeReply } from '../bounds/reply-bytes.ts';
import { inBatches } from '../calls/map-concurrent.ts';
import type { AppContext, AppEnv } from '../http/context.ts';
import { problem } from '../http/problem.ts';
import { parseQuery } from '../../protocol/fields/parse-query.ts';

/** Namespaces in one reply. The others are asked for by name. */
export const METRICS_NAMESPACES_MAX = 100;

/** A reply of a large namespace: 3,000 objects with about 15 series each. */
const REPLY_BYTES = 4 * 1024 * 1024;

export function metricsRoutes(app: Hono<AppEnv>): void {
  app.get('/metrics', async (c) => {
    const identity = c.get('identity');
    const namespaces = await namespacesOf(c, identity);
    if (isFailure(namespaces)) {
      if (namespaces.code === 'forbidden')
        countRefusal(c, { identity, operation: 'getMetrics', code: namespaces.code });
      return problem(c, namespaces);
    }
    const room = await grantReply(c.req.raw, REPLY_BYTES, JSON_REPLY_WEIGHT);
    if (isFailure(room)) return problem(c, room);
    const snapshots = await inBatches(
      namespaces,
      async (name) =>
        [name, JSON.parse(await overviewStub(c.env, name).metrics()) as MetricsSnapshot] as const,
    );
    const format = formatFor(c.req.header('accept') ?? '');
    const text = exposition(familiesOf(snapshots, VERSION), format);
    resizeReply(c.req.raw, text.length);
    return c.body(text, 200, { 'content-type': EXPOSITION_TYPES[format], vary: 'accept' });
  });
}

/** The namespaces to tell of, or why the caller may not see them. */
async function namespacesOf(c: AppContext, identity: Identity): Promise<string[] | Failure> {
  const query = parseQuery(new URL(c.req.url).search.slice(1));
  if (isFailure(query)) return query;
  const wanted = query.get('namespace') ?? identity.namespace;
  if (wanted === null) {
    const refused = refuseSome(identity, 'metrics');
    if (refused) return refused;
    const { items } = await directoryStub(c.env).namespaces('', METRICS_NAMESPACES_MAX);
    return namesOf(items).filter((name) => refusal(identity, name) === null);
  }
  if (!isName(wanted)) return failure('invalid_name', `query namespace: is no name: ${NAME_RULE}`);
  const refused = refusal(identity, wanted);
  if (refused) return refused;
  const { namespace } = await directoryStub(c.env).namespace(wanted);
  if (namespace === null) return noSuchNamespace(wanted);
  return namesOf([namespace]);
}

function refusal(identity: Identity, name: string): Failure | null {
  return refuseNeed(identity, name, { kind: 'namespace', name, action: 'metrics' });
}

/** One that is being deleted has nothing to tell of. */
function namesOf(namespaces: readonly Namespace[]): string[] {
  return namespaces.flatMap(({ name, deletion }) => (deletion ? [] : [name]));
}
