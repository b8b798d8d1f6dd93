/**
 * The endpoint of the subscriptions: it notes what comes, never accepts what is poisoned, and until all is healed answers badly
 * now and then, says nothing, or is down for a while.
 */

import type { History, Pushed } from '../../history.ts';
import type { OutsideRequest } from '../../platform/outside.ts';
import { SimResponse } from '../../platform/http.ts';
import type { World } from '../../platform/world.ts';
import { isPoison } from './push-topology.ts';

/** Of a request, if it is up. */
const ANSWERS: readonly { share: number; status: number | null; headers?: Record<string, string> }[] = [
  { share: 0.05, status: 500 },
  { share: 0.03, status: null },
  { share: 0.03, status: 429, headers: { 'retry-after': '1' } },
  { share: 0.02, status: 429 },
  { share: 0.02, status: 503, headers: { 'retry-after': '2' } },
  { share: 0.01, status: 410 },
  { share: 0.01, status: 302 },
];
const REFUSED_STATUS = 422;
const TAKES_MS = 100;

/** How often it goes down, and for how long at most, in ms. */
const DOWN_SHARE = 0.02;
const DOWN_MS = 40_000;

interface Body {
  subscription: string;
  messages: {
    id: string;
    attempt: number;
    body?: string;
    properties?: { ordering_key?: string };
    value?: string;
    key?: string | null;
    partition?: number;
    offset?: number;
  }[];
}

export class Endpoint {
  readonly #world: World;
  readonly #history: History;
  #downUntilMs = 0;

  constructor(world: World, history: History) {
    this.#world = world;
    this.#history = history;
  }

  readonly answer = async (_: string, { body, headers }: OutsideRequest): Promise<SimResponse> => {
    const { scheduler, isHealed } = this.#world;
    const { random } = scheduler;
    if (!isHealed && random() < DOWN_SHARE) this.#downUntilMs = scheduler.nowMs + random() * DOWN_MS;
    const isDown = !isHealed && this.#downUntilMs > scheduler.nowMs;
    const { subscription, messages } = JSON.parse(new TextDecoder().decode(body as Uint8Array)) as Body;
    if (new Headers(headers).get('posthorn-test') === 'true') return new SimResponse();
    const pushed = messages.map(messageOf);
    let chance = isHealed ? 1 : random();
    const odd = ANSWERS.find(({ share }) => (chance -= share) < 0);
    const status = isDown
      ? null
      : odd
        ? odd.status
        : pushed.some(({ id }) => isPoison(id))
          ? REFUSED_STATUS
          : 200;
    const at = this.#history.now();
    this.#history.add({
      kind: 'push',
      client: 'endpoint',
      subscription,
      messages: pushed,
      status,
      begin: at,
      end: at,
    });
    scheduler.note(`endpoint answers ${status} to ${subscription} ${JSON.stringify(pushed)}`);
    if (isDown) throw new Error('connection refused');
    if (status === null) return await new Promise(() => {});
    await scheduler.sleep(random() * TAKES_MS, 'endpoint');
    return new SimResponse(status === 200 ? null : 'no', { status, headers: odd?.headers ?? {} });
  };
}

function messageOf({
  attempt,
  body,
  properties,
  value,
  key,
  partition,
  offset,
}: Body['messages'][number]): Pushed['messages'][number] {
  if (partition === undefined || offset === undefined)
    return { id: body!, attempt, key: properties?.ordering_key ?? null };
  return { id: value!, attempt, key: key ?? null, place: { partition, offset } };
}
