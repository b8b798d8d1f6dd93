/** The pure core and its tests: each file has its test at the mirrored path, and the test names every outcome. */

import { describe, expect, it } from 'vitest';
import { nodesOf, parse, readSources } from './sources.ts';

/** Files without a test of their own. */
const WITHOUT_TEST = new Map([
  ['core/alerts/alert-rule.ts', 'a type'],
  ['core/access/namespace.ts', 'a type, and the namespace that is there from the start'],
  ['core/log/segment.ts', 'types, and the log that is empty'],
  ['core/group/classic/step.ts', 'types'],
  ['core/metrics/subscription-report.ts', 'a type'],
]);

/** Tests that mirror no file. */
const WITHOUT_FILE = new Map([
  [
    'test/core/exchange/rabbitmq-vectors.test.ts',
    'cases of a real RabbitMQ, for all exchange types together',
  ],
  ['test/core/group/simulation/simulation.test.ts', 'a simulation of groups and partitions together'],
  ['test/core/subscription/outage.test.ts', 'a breaker and a partition together, through an hour'],
  ['test/core/queue/conservation.test.ts', 'the check of conservation that tests of queues share'],
]);

const sources = readSources();
const coreFiles = [...sources.keys()].filter((path) => path.startsWith('core/'));
const testOf = (path: string): string => `test/${path.replace(/\.ts$/, '.test.ts')}`;

interface Node {
  type: string;
  [key: string]: unknown;
}

/** The texts that an expression can be. */
function textsOf(node: Node | null | undefined): string[] {
  if (!node) return [];
  switch (node.type) {
    case 'Literal':
      return typeof node['value'] === 'string' ? [node['value']] : [];
    case 'ConditionalExpression':
      return [...textsOf(node['consequent'] as Node), ...textsOf(node['alternate'] as Node)];
    case 'LogicalExpression':
      return [...textsOf(node['left'] as Node), ...textsOf(node['right'] as Node)];
    default:
      return [];
  }
}

/** What a file can answer: texts that it returns, codes of failures, reasons of deaths, and outcomes in objects. */
function outcomesOf(text: string): Set<string> {
  const texts: string[] = [];
  for (const node of nodesOf(parse('core.ts', text).program) as Iterable<Node>) {
    if (node.type === 'ReturnStatement') texts.push(...textsOf(node['argument'] as Node));
    if (
      node.type === 'Property' &&
      ['outcome', 'refused', 'reason'].includes((node['key'] as Node)['name'] as string)
    )
      texts.push(...textsOf(node['value'] as Node));
    const callee = node.type === 'CallExpression' ? ((node['callee'] as Node)['name'] as string) : '';
    if (['failure', 'deadLetter', 'countDeath'].includes(callee))
      for (const argument of node['arguments'] as Node[]) texts.push(...textsOf(argument));
  }
  return new Set(texts.filter((each) => /^[a-z]+(?:_[a-z]+)*$/.test(each)));
}

describe('the pure core', () => {
  it('has a test at the mirrored path of each file', () => {
    const missing = coreFiles.filter((path) => !sources.has(testOf(path)) && !WITHOUT_TEST.has(path));
    expect(missing).toEqual([]);
    const needless = [...WITHOUT_TEST.keys()].filter(
      (path) => !sources.has(path) || sources.has(testOf(path)),
    );
    expect(needless, 'exceptions that are none').toEqual([]);
  });

  it('has no test that mirrors no file', () => {
    const tests = [...sources.keys()].filter((path) => /^test\/core\/.*\.test\.ts$/.test(path));
    const mirrored = new Set(coreFiles.map(testOf));
    expect(tests.filter((path) => !mirrored.has(path) && !WITHOUT_FILE.has(path))).toEqual([]);
    expect(
      [...WITHOUT_FILE.keys()].filter((path) => !sources.has(path)),
      'exceptions that are none',
    ).toEqual([]);
  });

  it('has every outcome, code and reason named by the test of the file that has it', () => {
    expect([...outcomesOf(`const f = (x) => { return x ? 'one' : failure('no_way', 'a text') }`)]).toEqual([
      'one',
      'no_way',
    ]);
    const unnamed = coreFiles.flatMap((path) => {
      const test = sources.get(testOf(path));
      if (test === undefined) return [];
      const missing = [...outcomesOf(sources.get(path)!)].filter(
        (word) => !new RegExp(`\\b${word}\\b`).test(test),
      );
      return missing.map((word) => `${path}: ${word}`);
    });
    expect(unnamed).toEqual([]);
  });
});
