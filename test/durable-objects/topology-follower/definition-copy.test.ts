import { beforeEach, describe, expect, it } from 'vitest';
import type {
  DefinitionsAnswer,
  DefinitionsQuestion,
} from '../../../durable-objects/rpc/topology-follower.ts';
import { DefinitionCopy } from '../../../durable-objects/topology-follower/definition-copy.ts';

let existing: Map<string, { id: number }>;
let version: number;
let asked: DefinitionsQuestion[];
let copy: DefinitionCopy;

const parent = async (question: DefinitionsQuestion): Promise<DefinitionsAnswer> => {
  asked.push({ ...question });
  await new Promise((resolve) => setImmediate(resolve));
  const found = question.queues.filter((name) => existing.has(name));
  return {
    queues: found.map((name) => ({
      queue: { name, ...existing.get(name) } as never,
      topologyVersion: version,
    })),
    topics: [],
    topologyVersion: version,
  };
};

const ask = async (name: string, more: Partial<DefinitionsQuestion> = {}): Promise<unknown> => {
  const question = { queues: [name], topics: [], atLeast: 0, isFresh: false, ...more };
  const { queues } = await copy.definitions(question);
  return queues.map(({ queue }) => (queue as { id: number }).id);
};

beforeEach(() => {
  existing = new Map([
    ['a', { id: 1 }],
    ['b', { id: 2 }],
  ]);
  version = 5;
  asked = [];
  copy = new DefinitionCopy(parent);
});

describe('a copy of definitions', () => {
  it('asks once for what many ask at the same time, and not again', async () => {
    const answers = await Promise.all([ask('a'), ask('b'), ask('a'), ask('missing')]);
    expect(answers).toEqual([[1], [2], [1], []]);
    expect(asked).toHaveLength(1);
    expect(await ask('a')).toEqual([1]);
    expect(asked).toHaveLength(1);
  });

  it('never remembers that something does not exist', async () => {
    expect(await ask('c')).toEqual([]);
    existing.set('c', { id: 3 });
    expect(await ask('c')).toEqual([3]);
  });

  it('asks again for a version that it has not, and for a fresh definition', async () => {
    await ask('a');
    existing.set('a', { id: 9 });
    version = 6;
    expect(await ask('a')).toEqual([1]);
    expect(await ask('a', { atLeast: 6 })).toEqual([9]);
    existing.delete('a');
    expect(await ask('a', { atLeast: 6 })).toEqual([9]);
    expect(await ask('a', { isFresh: true })).toEqual([]);
    expect(await ask('a')).toEqual([]);
  });

  it('answers a fresh question by nothing that was asked before it', async () => {
    const before = ask('a');
    await new Promise((resolve) => setImmediate(resolve));
    existing.set('a', { id: 9 });
    expect(await ask('a', { isFresh: true })).toEqual([9]);
    await before;
    expect(asked.map(({ isFresh }) => isFresh)).toEqual([false, true]);
  });

  it('asks for a thousand names at a time, and holds ten thousand', async () => {
    const names = Array.from({ length: 12_000 }, (_, index) => `q${index}`);
    existing = new Map(names.map((name, id) => [name, { id }]));
    const { queues } = await copy.definitions({ queues: names, topics: [], atLeast: 0, isFresh: false });
    expect(queues).toHaveLength(12_000);
    expect(asked.map(({ queues: part }) => part.length)).toEqual(new Array(12).fill(1_000));
    await ask('q1');
    expect(await ask('q0')).toEqual([0]);
  });

  it('asks anew after a failure', async () => {
    const fails = new DefinitionCopy(() => Promise.reject(new Error('gone')));
    const question = { queues: ['a'], topics: [], atLeast: 0, isFresh: false };
    await expect(fails.definitions(question)).rejects.toThrow('gone');
    await expect(fails.definitions(question)).rejects.toThrow('gone');
  });
});
