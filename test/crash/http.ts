/** Requests to a broker that may die at any moment. */

/** An answer that is not complete is none; so is a refusal that says to come again. */
export async function post<Reply>(
  url: string,
  type: string,
  body: string | Uint8Array,
): Promise<Reply | null> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': type },
      body: body as BodyInit,
      signal: AbortSignal.timeout(10_000),
    });
    text = await response.text();
  } catch {
    return null;
  }
  if (response.ok) return JSON.parse(text) as Reply;
  if (response.status === 429 || response.status >= 500) return null;
  throw new Error(`${response.status} ${text}`);
}

export function postJson<Reply>(url: string, body: unknown): Promise<Reply | null> {
  return post(url, 'application/json', JSON.stringify(body));
}

/** A declaration, which has to succeed. */
export async function put(url: string, body: unknown): Promise<void> {
  const response = await fetch(url, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
}

export const RETRY_MS = 20;

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Any request. Null if nobody knows what became of it, or if it says to come again. */
export async function ask<Body>(
  method: string,
  url: string,
  body?: unknown,
): Promise<{ status: number; body: Body } | null> {
  try {
    const response = await fetch(url, {
      method,
      signal: AbortSignal.timeout(10_000),
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
    const reply = JSON.parse(await response.text()) as Body;
    return response.status === 429 || response.status >= 500
      ? null
      : { status: response.status, body: reply };
  } catch {
    return null;
  }
}
