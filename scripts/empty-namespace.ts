/** Emptying of a namespace: everything that is declared in it is deleted. */

import { PosthornError, type Posthorn } from '../sdk/index.ts';

export async function emptyNamespace(posthorn: Posthorn): Promise<void> {
  const {
    topics,
    queues,
    exchanges,
    policies,
    alerts,
    schedules,
    subscriptions,
    hooks,
    groups,
    shareGroups,
  } = posthorn;
  // What makes messages goes first, so that nothing comes after its destination is gone.
  await deleteAll(await subscriptions.list(), ({ subscription }) => subscriptions.delete(subscription));
  await deleteAll(await hooks.list(), ({ hook }) => hooks.delete(hook));
  await deleteAll(await schedules.list(), ({ schedule }) => schedules.delete(schedule));
  await deleteAll(await alerts.list(), ({ alert }) => alerts.delete(alert));
  await deleteAll(await policies.list(), ({ policy }) => policies.delete(policy));
  const own = (await exchanges.list()).filter(({ predeclared }) => !predeclared);
  await deleteAll(own, ({ exchange }) => exchanges.delete(exchange));
  for (const group of await groups.list()) {
    const { members } = await groups.describe(group);
    await deleteAll(members, ({ memberId }) => groups.removeMember(group, memberId));
    await gone(groups.delete(group));
  }
  await deleteAll(await shareGroups.list(), ({ shareGroup }) => shareGroups.delete(shareGroup));
  await deleteAll(await queues.list(), ({ queue }) => queues.delete(queue));
  await deleteAll(await topics.list(), ({ topic }) => topics.delete(topic));
}

async function deleteAll<Item>(
  items: readonly Item[],
  remove: (item: Item) => Promise<unknown>,
): Promise<void> {
  await Promise.all(items.map((item) => gone(remove(item))));
}

/** What another deletion has taken along is as good as deleted. */
async function gone(deletion: Promise<unknown>): Promise<void> {
  try {
    await deletion;
  } catch (error) {
    if (!(error instanceof PosthornError && error.status === 404)) throw error;
  }
}
