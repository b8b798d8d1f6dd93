/** The log of a partition on `node:sqlite`, with a clock of its own. */

import { ProducedLog } from '../../../../durable-objects/partition/log/produced-log.ts';
import { SegmentLog } from '../../../../durable-objects/storage/segment-log.ts';
import { NodeSql } from '../../../support/broker/node-sql.ts';

export class ProducedStore {
  readonly sql = new NodeSql();
  log!: SegmentLog;
  produced!: ProducedLog;
  nowMs = 1_000;

  constructor() {
    SegmentLog.createTables(this.sql);
    this.open();
  }

  /** As after an eviction: memory is lost. */
  open(): void {
    this.log = new SegmentLog(this.sql);
    this.produced = new ProducedLog(this.sql, this.log, this.nowMs);
  }
}
