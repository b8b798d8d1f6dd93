/** Routes: what the part of the address after `#` says. `#/<namespace>/<page>/<name>`, each part percent-encoded. */

import { signal } from '@preact/signals';

/** Pages of one thing, by its name. */
const NAMED = { queue: 'queues', 'dead-letters': 'dead-letters', topic: 'topics' } as const;

/** Pages of all things of a kind, where a name chooses one of them. */
export const SECTIONS = {
  routing: 'Routing',
  groups: 'Groups',
  subscriptions: 'Subscriptions',
  hooks: 'Hooks',
  schedules: 'Schedules',
  transactions: 'Transactions',
  alerts: 'Alerts',
  policies: 'Policies',
  access: 'Access',
  cost: 'Cost',
} as const;
export type Section = keyof typeof SECTIONS;

export type Route =
  | { readonly page: 'home'; readonly namespace: string }
  | { readonly page: keyof typeof NAMED; readonly namespace: string; readonly name: string }
  | { readonly page: Section; readonly namespace: string; readonly name?: string | undefined };

export const route = signal(routeOf(location.hash));

addEventListener('hashchange', () => (route.value = routeOf(location.hash)));

export function hrefOf(to: Route): string {
  const namespace = encodeURIComponent(to.namespace);
  if (to.page === 'home') return `#/${namespace}`;
  const path = to.page in SECTIONS ? to.page : NAMED[to.page as keyof typeof NAMED];
  return to.name === undefined
    ? `#/${namespace}/${path}`
    : `#/${namespace}/${path}/${encodeURIComponent(to.name)}`;
}

export function routeOf(hash: string): Route {
  const [given = '', path = '', name = ''] = hash.replace(/^#\/?/, '').split('/').map(decode);
  const namespace = given === '' ? 'default' : given;
  if (Object.hasOwn(SECTIONS, path))
    return { page: path as Section, namespace, name: name === '' ? undefined : name };
  const page = (Object.keys(NAMED) as (keyof typeof NAMED)[]).find((each) => NAMED[each] === path);
  return page === undefined || name === '' ? { page: 'home', namespace } : { page, namespace, name };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
