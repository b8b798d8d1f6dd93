/** Expiry of group offsets, by the partition's alarm. It asks the group whether it still has members. */

import { isFailure } from '../../../protocol/errors.ts';
import { callGroup } from '../../call-group.ts';
import type { Alarm } from '../../runtime/alarm.ts';
import type { ObjectContext } from '../../runtime/context.ts';
import type { Env } from '../../env.ts';
import type { GroupOffsets } from './group-offsets.ts';

const TASK = 'group-offsets';

const RETRY_MS = 600_000;

/** What exists while the partition is defined. */
export interface OpenGroups {
  groups: GroupOffsets;
  definition: { topic: { namespace: string } };
}

export class GroupExpiry {
  readonly #alarm: Alarm;

  constructor(
    { alarm, env, waitUntil }: Pick<ObjectContext, 'alarm' | 'env' | 'waitUntil'>,
    open: () => OpenGroups | null,
  ) {
    this.#alarm = alarm;
    alarm.register(TASK, (nowMs) => {
      const opened = open();
      if (!opened) return null;
      waitUntil(this.#expire(env, opened));
      return nowMs + RETRY_MS; // should it fail, or this object be gone before it is done
    });
  }

  /**
   * Almost always scheduled already: a commit must not cost a second row. Never throws: the offset is stored, so that it needs
   * an alarm though its time cannot be read now.
   */
  schedule(groups: GroupOffsets): void {
    if (this.#alarm.isScheduled(TASK)) return;
    try {
      this.#alarm.schedule(TASK, groups.nextExpiryMs());
    } catch (error) {
      console.error(
        'the expiry of group offsets could not be looked up; it is looked up by the alarm',
        error,
      );
      this.#alarm.schedule(TASK, 0);
    }
  }

  cancel(): void {
    this.#alarm.schedule(TASK, null);
  }

  async #expire(env: Env, { groups, definition }: OpenGroups): Promise<void> {
    const dueMs = await groups.expire(async (group) => {
      const answer = await callGroup(env, definition.topic.namespace, group, 'tick');
      return !isFailure(answer) && answer.isEmpty;
    });
    this.#alarm.schedule(TASK, dueMs);
  }
}
