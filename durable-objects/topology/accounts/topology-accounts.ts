/** Topology accounts: what a namespace may have and cost, and what it has and has cost. */

import type { CountLimits, Counts } from '../../../core/access/quotas/quotas.ts';
import { refuseStored, storedStep, type StoringObject } from '../../../core/cost/stored-bytes.ts';
import type { Failure } from '../../../protocol/errors.ts';
import type { CostReply, CostStatus } from '../../rpc/topology.ts';
import { TopologyLife } from '../topology-life.ts';

export abstract class TopologyAccounts extends TopologyLife {
  limitCounts(limits: CountLimits): Failure | null {
    return this.unlessClosed(() => {
      this.store.quotas.limit(limits);
      if (limits.stored_bytes == null) this.store.stored.end();
      else this.store.stored.begin();
      this.survey.begin();
      return null;
    });
  }

  counts(): Counts {
    return this.store.quotas.counts();
  }

  costStatus(): CostStatus {
    return this.cost.status(Date.now());
  }

  limitCost(rowsPerHour: number | null): CostStatus {
    if (this.closure.isClosed) return this.costStatus();
    const status = this.cost.limit(rowsPerHour, Date.now());
    this.ceiling.note(status, true);
    return status;
  }

  reportRows(rows: number): CostReply {
    const reply = this.cost.report(this.closure.isClosed ? 0 : rows, Date.now());
    if (!this.closure.isClosed) this.ceiling.note(this.costStatus());
    return reply;
  }

  changeObjectBytes(bytes: number, gone?: string): Failure | null {
    const limit = this.store.quotas.limitOf('stored_bytes');
    if (limit === null || this.closure.isClosed) return null;
    const available = Math.max(0, limit - this.store.stored.total!);
    if (bytes > available) {
      this.survey.takeTurn(Date.now());
      return refuseStored(limit, available);
    }
    this.survey.changeObjects(bytes, gone);
    return null;
  }

  reportStored(object: StoringObject, bytes: number): number | null {
    const limit = this.store.quotas.limitOf('stored_bytes');
    if (limit === null || this.closure.isClosed || !this.survey.isCounted(object)) return null;
    this.survey.report(object, bytes);
    const available = limit - this.store.stored.total!;
    if (available <= storedStep(limit)) this.survey.takeTurn(Date.now());
    return available;
  }
}
