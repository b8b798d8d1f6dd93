/** Requests that are written in unusual ways, byte by byte: none reaches what the credential does not allow. */

import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TokenMade } from '../../../protocol/schemas/tokens.ts';
import { inTurns, LockedBroker, ROOT } from './support.ts';

let locked: LockedBroker;
let blue: TokenMade;

beforeAll(async () => {
  locked = await LockedBroker.start();
  blue = (await locked.team('blue')).admin;
  await locked.namespace('green');
  for (const kind of ['queues', 'topics', 'exchanges'])
    expect((await locked.call('PUT', `/v1/green/${kind}/mails`, {})).status).toBe(201);
});
afterAll(() => locked.broker.stop());

/** Sends the bytes as they are; returns the status, or 0 if the connection was closed without a reply. */
async function raw(method: string, target: string, lines: readonly string[]): Promise<number> {
  const { hostname, port, host } = new URL(locked.broker.url);
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
  socket.on('error', () => {});
  const head = [`${method} ${target} HTTP/1.1`, `host: ${host}`, 'connection: close', ...lines];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  // Some replies leave the connection open.
  while (!socket.closed && !text.includes('\r\n'))
    await Promise.race([once(socket, 'data'), once(socket, 'close')]);
  socket.destroy();
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'get', 'PURGE'];

async function everything(): Promise<unknown> {
  const lists = ['queues', 'topics', 'exchanges', 'policies', 'alerts', 'schedules', 'groups'];
  const found = await Promise.all(
    ['green', 'blue'].flatMap((space) => lists.map((kind) => locked.call('GET', `/v1/${space}/${kind}`))),
  );
  return found.map(({ body }) => body);
}

/** Statuses of requests that had an effect or a reply of worth. */
async function passed(cases: readonly [string, string, readonly string[]][]): Promise<string[]> {
  const wrong: string[] = [];
  await inTurns(cases, async ([method, target, lines]) => {
    const status = await raw(method, target, lines);
    if (status !== 0 && status < 400) wrong.push(`${method} ${target} ${lines.join(', ')}: ${status}`);
  });
  return wrong;
}

it('none without a good credential passes, however it is written', { timeout: 40_000 }, async () => {
  const before = await everything();
  const good = `authorization: Bearer ${ROOT}`;
  const headers: string[][] = [
    [],
    [`authorization: Bearer wrong`, good],
    [good, `authorization: Bearer wrong`],
    [good, good],
    [`authorization:\tBearer\t${ROOT}`],
    [`authorization: Bearer ${ROOT},`],
    [`authorization: Bearer "${ROOT}"`],
    [`authorization: Bearer=${ROOT}`],
    [`authorization: ${ROOT}`],
    [`proxy-authorization: Bearer ${ROOT}`],
    [`x-authorization: Bearer ${ROOT}`],
    [`cookie: authorization=Bearer ${ROOT}; access_token=${ROOT}`],
    [`cf-access-jwt-assertion: ${ROOT}`],
    ['x-original-url: /healthz'],
    ['x-rewrite-url: /healthz'],
    ['x-forwarded-for: 127.0.0.1', 'x-forwarded-host: localhost'],
    ['x-http-method-override: GET'],
    ['accept: text/event-stream'],
    ['upgrade: websocket', 'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==', 'sec-websocket-version: 13'],
  ];
  const targets = [
    '/v1/green/queues/mails',
    '/v1/%67reen/queues/mails',
    '/v1//green/queues/mails',
    '//v1/green/queues/mails',
    '/healthz/../v1/green/queues/mails',
    '/healthz%2f..%2fv1/green/queues/mails',
    '/healthz?deep=true',
    '/healthz?d%65ep=true',
    '/healthz?deep=true&deep=false',
    '/v1/green/queues/mails/messages?access_token=' + ROOT,
    '/healthz/?deep=true',
    '/openapi.json',
    '/v1/green/queues/mails?access_token=' + ROOT,
    '/admin/v1/namespaces',
  ];
  const cases = targets.flatMap((target) =>
    headers.map((lines): [string, string, string[]] => ['GET', target, lines]),
  );
  for (const method of METHODS) cases.push([method, targets[0]!, ['content-length: 0']]);
  // A preflight of a browser reads and changes nothing.
  expect((await passed(cases)).filter((text) => !text.startsWith('OPTIONS'))).toEqual([]);
  expect(await everything()).toEqual(before);
});

/** Of queues of the namespace itself: a name may have a slash and dots. */
const OWN_NAMES = [
  '/v1/blue/queues/..%2f..%2fgreen%2fqueues%2fmails',
  '/v1/blue/queues/%2e%2e%2f%2e%2e%2fgreen%2fqueues%2fmails',
];

it('none of one namespace reaches another, however the path is written', { timeout: 40_000 }, async () => {
  const before = await everything();
  const good = `authorization: Bearer ${blue.token}`;
  const targets = [
    '/v1/green/queues/mails',
    '/v1/%67reen/queues/mails',
    '/v1/%2567reen/queues/mails',
    '/v1/green%2fqueues/mails',
    '/v1/blue%2f..%2fgreen/queues/mails',
    '/v1/blue/../green/queues/mails',
    '/v1/blue/%2e%2e/green/queues/mails',
    ...OWN_NAMES,
    '/v1/blue;/../green/queues/mails',
    '/v1/blue\\..\\green/queues/mails',
    '/v1/green./queues/mails',
    '/v1/green%00/queues/mails',
    '/v1/green%20/queues/mails',
    '/v1/GREEN/queues/mails',
    '/v1/gr%C3%A9en/queues/mails',
    '/v1//green/queues/mails',
    '//green/v1/green/queues/mails',
    '/v1/green/queues/mails?namespace=blue',
    '/v1/green/queues/mails/',
    '/v1/green/topics/mails/partitions/0/records?offset=0',
    '/v1/*/queues/mails',
    '/v1/blue,green/queues/mails',
    '/admin/v1/namespaces/green',
    '/admin/v1/namespaces/%67reen',
    '/admin/v1/namespaces/blue%2f..%2fgreen',
    '/admin/v1/namespaces/green?confirm=green',
    '/admin/v1/tokens?namespace=green',
    '/admin/v1/tokens?namespace=gree%6e',
    '/admin/v1/tokens?namespace=blue&namespace=green',
  ];
  const tricks: string[][] = [
    [],
    ['x-http-method-override: DELETE'],
    ['x-original-url: /v1/blue/queues/mails'],
    ['posthorn-namespace: green'],
  ];
  const cases = targets.flatMap((target) => [
    ...METHODS.map((method): [string, string, string[]] => [method, target, [good, 'content-length: 0']]),
    ...tricks.map((lines): [string, string, string[]] => ['GET', target, [good, ...lines]]),
  ]);
  const answered = (await passed(cases)).filter((text) => !text.startsWith('OPTIONS'));
  expect(answered.filter((text) => !OWN_NAMES.some((path) => text.includes(` ${path} `)))).toEqual([]);
  expect(await everything()).toEqual(before);
});
