import { afterEach, describe, expect, it, vi } from 'vitest';
import manifest from '../../../package.json' with { type: 'json' };
import { Posthorn, type PosthornOptions } from '../../../sdk/index.ts';

/** The headers that a client with these sends. */
async function sent(headers?: PosthornOptions['headers']): Promise<Record<string, string>> {
  const { promise, resolve } = Promise.withResolvers<Record<string, string>>();
  const posthorn = new Posthorn({
    url: 'http://127.0.0.1:8787',
    ...(headers && { headers }),
    fetch: (_, init) => {
      resolve(init.headers as Record<string, string>);
      return Promise.resolve(Response.json({ topics: [] }));
    },
  });
  await posthorn.topics.list();
  return await promise;
}

describe('a request of the SDK', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('tells the version', async () => {
    expect(await sent()).toMatchObject({ 'user-agent': `posthorn-sdk/${manifest.version}` });
  });

  it('leaves a user agent of the application', async () => {
    const headers = await sent(() => ({ 'User-Agent': 'billing/2' }));
    expect(headers).toEqual({ 'User-Agent': 'billing/2' });
  });

  it('has none in a browser, where it would cost a preflight', async () => {
    vi.stubGlobal('navigator', { userAgent: 'Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/145.0' });
    expect(await sent()).not.toHaveProperty('user-agent');
  });
});
