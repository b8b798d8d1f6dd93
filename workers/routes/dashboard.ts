/** The dashboard: its three files, and the exchange of a token for the cookie of a session. */

import type { Hono } from 'hono';
import * as z from '../../protocol/zod.ts';
import { failure, isFailure } from '../../protocol/errors.ts';
import { countRefusal } from '../access/audit.ts';
import { identityBy } from '../access/authenticate.ts';
import type { AppContext, AppEnv } from '../http/context.ts';
import { problem } from '../http/problem.ts';
import { readBody } from '../http/request.ts';
import { isOpenToAll } from '../http/identity/root-secrets.ts';
import { clearSession, isOwnPage, setSession, SESSION_PATH } from '../http/identity/session.ts';

/** By path: the file, and its type. Nothing else of the folder is served. */
const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/dashboard': ['index.html', 'text/html; charset=utf-8'],
  '/dashboard/': ['index.html', 'text/html; charset=utf-8'],
  '/dashboard/dashboard.js': ['dashboard.js', 'text/javascript; charset=utf-8'],
  '/dashboard/dashboard.css': ['dashboard.css', 'text/css; charset=utf-8'],
};

/** Messages hold what strangers have written. Should it ever get into the page as markup, nothing of it runs. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const sessionSchema = z.strictObject({ token: z.string().min(1).max(8_192) });

export function dashboardRoutes(app: Hono<AppEnv>): void {
  for (const [path, [file, type]] of Object.entries(FILES)) app.get(path, (c) => sendFile(c, file, type));
  app.get(SESSION_PATH, (c) => c.json({ needs_token: !isOpenToAll(c.env) }));
  app.post(SESSION_PATH, logIn);
  app.delete(SESSION_PATH, (c) => {
    clearSession(c);
    return c.body(null, 204);
  });
}

async function sendFile(c: AppContext, file: string, type: string): Promise<Response> {
  const found = await c.env.DASHBOARD?.fetch(`https://dashboard.invalid/${file}`);
  if (!found?.ok) {
    await found?.body?.cancel();
    return problem(
      c,
      failure('route_not_found', 'this broker has no dashboard: its Worker has no binding DASHBOARD'),
    );
  }
  const page = file.endsWith('.html') ? { 'content-security-policy': PAGE_POLICY } : {};
  return new Response(found.body, { headers: { 'content-type': type, ...page } });
}

/** Only the page of the broker logs in: a request without the headers of a browser gains nothing by a cookie. */
async function logIn(c: AppContext): Promise<Response> {
  if (!isOwnPage(c))
    return problem(c, failure('foreign_page', 'only the dashboard of this broker logs in here'));
  const body = await readBody(c, sessionSchema);
  if (isFailure(body)) return problem(c, body);
  const { token } = body.fields;
  const identity = await identityBy(c, token, Date.now());
  if (isFailure(identity)) {
    if (identity.code === 'unauthenticated')
      countRefusal(c, { identity: null, operation: '*', code: identity.code });
    return problem(c, identity);
  }
  setSession(c, token);
  return c.body(null, 204);
}
