import { HonoBase } from 'hono/hono-base';
import { describe, expect, test } from 'vitest';
import { RememberedRoutes } from '../../../workers/http/remembered-routes.ts';

const app = new HonoBase({ router: new RememberedRoutes() });
app.get('/queues/:queue', (c) => c.text(c.req.param('queue')));
app.put('/queues/:queue', (c) => c.text(`put ${c.req.param('queue')}`));
app.notFound((c) => c.text(`no ${c.req.path}`, 404));

const answer = async (path: string, method = 'GET'): Promise<string> =>
  await (await app.request(path, { method })).text();

describe('remembered routes', () => {
  test('answer a path the second time as the first', async () => {
    for (let time = 0; time < 3; time++) {
      expect(await answer('/queues/a')).toBe('a');
      expect(await answer('/queues/b')).toBe('b');
      expect(await answer('/queues/a', 'PUT')).toBe('put a');
      expect(await answer('/topics/a')).toBe('no /topics/a');
    }
  });

  test('keep an encoded slash apart from one that parts the path', async () => {
    for (let time = 0; time < 2; time++) {
      expect(await answer('/queues/a%20b')).toBe('a b');
      expect(await answer('/queues/a%2Fb')).toBe('a/b');
      expect(await answer('/queues/a/b')).toBe('no /queues/a/b');
    }
  });

  test('find a path after very many others, and long ones too', async () => {
    for (let number = 0; number < 1_500; number++)
      expect(await answer(`/queues/${number}`)).toBe(String(number));
    const long = 'x'.repeat(1_000);
    expect(await answer(`/queues/${long}`)).toBe(long);
    expect(await answer('/queues/a')).toBe('a');
  });
});
