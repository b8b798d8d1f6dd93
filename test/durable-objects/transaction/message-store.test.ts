import { describe, expect, it } from 'vitest';
import { MessageStore } from '../../../durable-objects/transaction/message-store.ts';
import type { HeldPublish } from '../../../durable-objects/rpc/transaction.ts';
import { bytesOf } from '../../support/batches.ts';
import { NodeSql } from '../../support/broker/node-sql.ts';

const IDENTITY = { id: 7, epoch: 3 };
const publish: HeldPublish = { sequence: 0, count: 2, shares: [], bytes: bytesOf('messages') };

/** As the coordinator does. */
function add(sql: NodeSql, store: MessageStore): void {
  store.create();
  sql.transaction(() => store.add(IDENTITY, 0, publish));
}

describe('the messages that a transaction holds', () => {
  it.each([1, 2, 3])('are held by the next attempt where statement %i of the first fails', (statement) => {
    const sql = new NodeSql();
    const store = new MessageStore(sql);
    sql.failAfter = statement;
    expect(() => add(sql, store)).toThrow('storage failed');
    sql.failAfter = Infinity;
    expect(store.held(IDENTITY)).toEqual({ messages: 0, bytes: 0 });
    add(sql, store);
    expect(store.publishes(IDENTITY)).toEqual([publish]);
    expect(new MessageStore(sql).publishes(IDENTITY)).toEqual([publish]);
  });
});
