/** Calls of the management API, as guest unless another login is given. */

import type { ManagementServer } from '../../../gateway/management/management-server.ts';

export interface CallOptions {
  body?: object | undefined;
  login?: string;
  port?: number;
}

export const basic = (login: string): string => `Basic ${Buffer.from(login).toString('base64')}`;

/** @param path below `/api/` */
export async function callManagement<Body>(
  server: ManagementServer,
  method: string,
  path: string,
  { body, login = 'guest:guest', port = server.port }: CallOptions = {},
): Promise<{ status: number; body: Body }> {
  const reply = await fetch(`http://127.0.0.1:${port}/api/${path}`, {
    method,
    headers: { authorization: basic(login), connection: 'close' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await reply.text();
  return { status: reply.status, body: (text === '' ? null : JSON.parse(text)) as Body };
}
