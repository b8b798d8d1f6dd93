/** Changes of alert rules, which reach the queues that they match by a rule pass. */

import { declareAlert } from '../../../core/topology/rules/alerts.ts';
import { checkWebhookUrl } from '../../../core/webhook/address.ts';
import { ALERTS_MAX, type AlertDeclaration } from '../../../protocol/schemas/alerts.ts';
import { failure, type Failure } from '../../../protocol/errors.ts';
import type { Env } from '../../env.ts';
import { mayCallAnywhere } from '../../webhook/send-webhook.ts';
import { newWebhookSecret } from '../../webhook/sign.ts';
import type { AlertAnswer } from '../../rpc/topology.ts';
import type { TopologyStore } from '../topology-store.ts';

/** Creates or replaces a rule. */
export function putAlertIn(
  store: TopologyStore,
  env: Env,
  name: string,
  declaration: AlertDeclaration,
): (AlertAnswer & { isNew: boolean; secret: string | null }) | Failure {
  const refused = checkWebhookUrl(declaration.webhook.url, mayCallAnywhere(env));
  if (refused) return refused;
  const existing = store.alerts.get(name);
  const others = store.alerts.all().filter((other) => other.name !== name);
  if (others.length >= ALERTS_MAX) {
    return failure(
      'too_many_alerts',
      `a namespace has at most ${ALERTS_MAX} alerts; one pattern can stand for many queues`,
    );
  }
  const newSecret = newWebhookSecret();
  const { definition, madeSecret } = declareAlert(
    existing,
    name,
    declaration,
    store.version() + 1,
    newSecret,
  );
  if (definition !== existing) store.changeAlert(name, definition);
  const secret = madeSecret ? newSecret : null;
  return { alert: definition, isNew: existing === null, secret, topologyVersion: store.version() };
}

export function deleteAlertIn(store: TopologyStore, name: string): AlertAnswer | Failure {
  const alert = store.alerts.get(name);
  if (!alert) return noSuchAlert(name);
  store.changeAlert(name, null);
  return { alert, topologyVersion: store.version() };
}

function noSuchAlert(name: string): Failure {
  return failure('alert_not_found', `there is no alert "${name}"; PUT creates it`);
}
