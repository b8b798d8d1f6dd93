import { describe, expect, it } from 'vitest';
import { Scheduler } from './scheduler.ts';
import { Disk } from './storage.ts';

const valuesOf = (disk: Disk): unknown[] =>
  disk.execute('SELECT value FROM notes ORDER BY value', []).rows.map(({ value }) => value);

describe('the disk of an object', () => {
  it('keeps what was made durable over a crash, and nothing else', () => {
    const disk = new Disk();
    disk.execute('CREATE TABLE notes (value TEXT)', []);
    disk.execute("INSERT INTO notes VALUES ('a')", []);
    disk.alarmMs = 1;
    disk.makeDurable();
    disk.execute("INSERT INTO notes VALUES ('b')", []);
    disk.alarmMs = 2;
    expect(valuesOf(disk)).toEqual(['a', 'b']);
    disk.crash();
    expect(valuesOf(disk)).toEqual(['a']);
    expect(disk.alarmMs).toBe(1);
    disk.close();
  });

  it('undoes a transaction that fails, also at its end, and no more', () => {
    const disk = new Disk();
    disk.execute('CREATE TABLE notes (value TEXT)', []);
    disk.execute("INSERT INTO notes VALUES ('a')", []);
    const write = (): void => void disk.execute("INSERT INTO notes VALUES ('b')", []);
    const failing = (): never => {
      throw new Error('failed');
    };
    expect(() => disk.transaction(write, failing)).toThrow('failed');
    expect(valuesOf(disk)).toEqual(['a']);
    disk.deleteAll();
    disk.crash();
    expect(() => valuesOf(disk)).toThrow('no such table');
    disk.close();
  });
});

describe('the scheduler', () => {
  it('runs events in the order of their time, and promises in between', async () => {
    const scheduler = new Scheduler(1);
    const order: string[] = [];
    scheduler.after(20, 'late', () => order.push('late'));
    scheduler.after(10, 'early', () => {
      order.push('early');
      void Promise.resolve().then(() => order.push('promise'));
    });
    await scheduler.runUntil(scheduler.sleep(30));
    expect(order).toEqual(['early', 'promise', 'late']);
    expect(scheduler.elapsedMs).toBe(30);
  });

  it('says so when nothing is left to happen', async () => {
    await expect(new Scheduler(1).runUntil(new Promise(() => {}))).rejects.toThrow('stands still');
  });
});
