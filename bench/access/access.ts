/**
 * Benchmark of access: what it costs to learn who makes a call, for each kind of credential, in a warm isolate of the
 * real runtime. A call without any check is beside it, so that what the measuring itself costs can be seen.
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { startBroker } from '../../scripts/broker/broker.ts';
import { bundleWorker } from '../../scripts/broker/bundle.ts';
import { Client, median } from '../runtime/client.ts';

const ROOT = 'bench-root-token-of-thirty-two-characters';
const AUDIENCE = 'posthorn';
const CHECKS = 2_000;

export interface AccessResult {
  checks: number;
  /** By credential: medians of the rounds. */
  credentials: Record<string, { microseconds: number; refused: number; objectCalls: number }>;
}

interface Reply {
  refused: number;
  object_calls: number;
}

/** @param tokens that the deployment has beside the one that is checked */
export async function benchAccess(
  rounds: number,
  tokens: number,
  progress: (text: string) => void,
): Promise<AccessResult> {
  const issuer = await startIssuer();
  const dataPath = await mkdtemp(join(tmpdir(), 'posthorn-bench-'));
  const broker = await startBroker({
    dataPath,
    script: await bundleWorker('bench/access/access-worker.ts'),
    vars: {
      POSTHORN_ROOT_TOKEN: ROOT,
      POSTHORN_JWT: JSON.stringify([{ issuer: issuer.url, audience: AUDIENCE }]),
    },
  });
  const client = new Client(broker.url);
  try {
    const asRoot = { authorization: `Bearer ${ROOT}`, 'content-type': 'application/json' };
    const make = async (name: string): Promise<{ id: string; token: string }> => {
      const body = JSON.stringify({ name, namespace: 'default', roles: ['consumer'] });
      const made = await client.send('POST', '/admin/v1/tokens', body, asRoot);
      return JSON.parse(made.body.toString()) as { id: string; token: string };
    };
    for (let made = 0; made < tokens; made++) {
      if (made % 1_000 === 0) progress(`access: ${made} of ${tokens} tokens`);
      await make(`other-${made}`);
    }
    const { token } = await make('bench');
    const revoked = await make('revoked');
    await client.send('DELETE', `/admin/v1/tokens/${revoked.id}`, undefined, asRoot);
    const jwt = await issuer.sign('role:default/consumer');
    const ways: Record<string, string> = {
      'root token': `Bearer ${ROOT}`,
      'token, Bearer': `Bearer ${token}`,
      'token, Basic': `Basic ${btoa(`user:${token}`)}`,
      'revoked token': `Bearer ${revoked.token}`,
      'token cut short': `Bearer ${token.slice(0, -1)}`,
      'unknown text': `Bearer ${'x'.repeat(64)}`,
      JWT: `Bearer ${jwt}`,
      'JWT of nobody': `Bearer ${jwt.slice(0, -8)}AAAAAAAA`,
    };
    const check = async (authorization: string, times: number): Promise<Reply> => {
      const path = `/bench/access?times=${times}`;
      return JSON.parse(
        (await client.send('GET', path, undefined, { authorization })).body.toString(),
      ) as Reply;
    };
    const credentials: AccessResult['credentials'] = {};
    for (const [name, authorization] of Object.entries(ways)) {
      progress(`access: ${name}`);
      await check(authorization, 1_000); // until it is warm
      const found: { microseconds: number; reply: Reply }[] = [];
      for (let round = 0; round < rounds; round++) {
        const emptyMs = await timeMs(() => check(authorization, 0));
        let reply: Reply | undefined;
        const ms = await timeMs(async () => (reply = await check(authorization, CHECKS)));
        found.push({ microseconds: ((ms - emptyMs) * 1_000) / CHECKS, reply: reply! });
      }
      credentials[name] = {
        microseconds: Number(median(found.map(({ microseconds }) => microseconds)).toFixed(1)),
        refused: found[0]!.reply.refused,
        objectCalls: Math.max(...found.map(({ reply }) => reply.object_calls)),
      };
    }
    return { checks: CHECKS, credentials };
  } finally {
    client.close();
    await broker.stop();
    issuer.stop();
    await rm(dataPath, { recursive: true, force: true });
  }
}

export function printAccess({ checks, credentials }: AccessResult): void {
  console.log(`\nWho makes a call, ${checks.toLocaleString('en')} checks in a warm isolate`);
  console.table(credentials);
}

async function startIssuer(): Promise<{
  url: string;
  sign: (scope: string) => Promise<string>;
  stop: () => void;
}> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'bench', alg: 'ES256', use: 'sig' }];
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sign = (scope: string): Promise<string> =>
    new SignJWT({ scope })
      .setProtectedHeader({ alg: 'ES256', kid: 'bench' })
      .setIssuer(url)
      .setAudience(AUDIENCE)
      .setSubject('bench')
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(privateKey);
  return { url, sign, stop: () => server.close() };
}

async function timeMs(action: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await action();
  return performance.now() - startMs;
}
