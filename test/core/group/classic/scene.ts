/** Scene: a classic group with a clock, and what has been answered. */

import { emptyClassicGroup, type ClassicGroup } from '../../../../core/group/classic/classic-group.ts';
import {
  expireClassic,
  heartbeatClassic,
  joinClassic,
  leaveClassic,
  syncClassic,
} from '../../../../core/group/classic/transitions.ts';
import type { Answer, ClassicJoin, Step } from '../../../../core/group/classic/step.ts';

export const SESSION_MS = 10_000;
export const REBALANCE_MS = 60_000;
export const INITIAL_MS = 20;

export class Scene {
  readonly group: ClassicGroup = emptyClassicGroup();
  nowMs = 1_000;
  epoch = 0;
  answers: Answer[] = [];
  changes = 0;

  step<Result>(run: (step: Step) => Result): Result {
    const step: Step = { nowMs: this.nowMs, nextEpoch: () => ++this.epoch, answers: [], isChanged: false };
    const result = run(step);
    this.answers.push(...step.answers);
    if (step.isChanged) this.changes++;
    return result;
  }

  join(
    memberId: string,
    more: Partial<ClassicJoin> = {},
    newId = `new-${memberId}`,
  ): ReturnType<typeof joinClassic> {
    const request: ClassicJoin = {
      memberId,
      instanceId: null,
      clientId: 'client',
      clientHost: '/127.0.0.1',
      sessionTimeoutMs: SESSION_MS,
      rebalanceTimeoutMs: REBALANCE_MS,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: `of ${memberId}` }],
      needsId: false,
      ...more,
    };
    return this.step((step) => joinClassic(this.group, step, request, newId));
  }

  sync(
    memberId: string,
    assignments: Record<string, string> = {},
    more = {},
  ): ReturnType<typeof syncClassic> {
    const claim = { memberId, instanceId: null, generation: this.group.generation };
    const request = { ...claim, protocolType: null, protocol: null, assignments, ...more };
    return this.step((step) => syncClassic(this.group, step, request));
  }

  beat(memberId: string, generation = this.group.generation): ReturnType<typeof heartbeatClassic> {
    return this.step((step) =>
      heartbeatClassic(this.group, step, { memberId, instanceId: null, generation }),
    );
  }

  leave(memberId: string, instanceId: string | null = null): ReturnType<typeof leaveClassic> {
    return this.step((step) => leaveClassic(this.group, step, { memberId, instanceId }));
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.step((step) => expireClassic(this.group, step));
  }

  take(): Answer[] {
    return this.answers.splice(0);
  }

  get members(): string[] {
    return Object.keys(this.group.members);
  }

  /** With these members, the first as the leader. */
  static stable(...ids: string[]): Scene {
    const scene = new Scene();
    for (const id of ids) scene.join('', {}, id);
    scene.pass(INITIAL_MS);
    for (const id of ids.slice(1)) scene.sync(id);
    scene.sync(ids[0]!, Object.fromEntries(ids.map((id) => [id, `to ${id}`])));
    scene.take();
    return scene;
  }
}
