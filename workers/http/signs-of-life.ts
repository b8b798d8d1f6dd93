/**
 * Signs of life: bytes in a reply while it waits. A client that closes its connection normally (FIN) says only that it
 * sends nothing more, so the runtime continues the request. Only a write reveals that the client has gone: its machine
 * answers with a reset. So a waiting reply begins with bytes without meaning, one each second: white space before JSON,
 * `PADDING_BYTE` before a frame.
 *
 * The first such byte carries the status 200. So none is sent before the request was checked and its first read found
 * nothing. After a later failure the reply ends as if nothing had come. The next request meets the failure before it
 * waits.
 */

import { JSON_TYPE } from '../../protocol/headers/media-types.ts';
import { PADDED, PADDING_BYTE } from '../../protocol/frames/padding.ts';
import { keepReplyOpen, releaseReply } from '../bounds/reply-bytes.ts';
import type { AppContext } from './context.ts';

/** Between two signs. Every message that comes in between may still be handed to a client that has gone. */
const SIGN_MS = 1_000;

/** What a client is handed at once of a reply that has waited. */
const PIECE_BYTES = 256 * 1024;

/** How long a request waits whose reply can show no signs: it is over before its client can be gone for long. */
export const UNSEEN_WAIT_MS_MAX = 2_500;

/** The form of a reply. */
export interface ReplyForm {
  contentType: string;
  /** The byte that is a sign of life; null if the form has none. */
  sign: number | null;
}

export const JSON_FORM: ReplyForm = { contentType: JSON_TYPE, sign: 0x20 };

/** The form of a frame of this type. Its reader says in `accept` that it knows padding: `<type>;padded=1`. */
export function frameForm(c: AppContext, type: string): ReplyForm {
  const accept = (c.req.header('accept') ?? '').replaceAll(' ', '');
  return { contentType: type, sign: accept.includes(type + PADDED) ? PADDING_BYTE : null };
}

/** How long a request may wait for a reply of the form. */
export function waitOf({ sign }: ReplyForm, waitMs: number): number {
  return sign === null ? Math.min(waitMs, UNSEEN_WAIT_MS_MAX) : waitMs;
}

/** The client that waits for the reply. */
export interface WaitingClient {
  /** Fires when it is known to have gone. */
  signal: AbortSignal;
  /** Call this when the request is valid and there is nothing for it yet. */
  waitBegins(): void;
}

/**
 * The reply that `answer` makes; one that shows signs of life from a second on after its wait has begun.
 * @param nothing the reply that says that nothing came, asked for if `answer` fails after that
 */
export async function replyWithSigns(
  c: AppContext,
  { contentType, sign }: ReplyForm,
  answer: (client: WaitingClient) => Promise<Response>,
  nothing: () => Promise<Response>,
): Promise<Response> {
  const { signal } = c.req.raw;
  if (sign === null) return await answer({ signal, waitBegins: () => {} });
  const gone = new AbortController();
  const leave = (): void => gone.abort();
  signal.addEventListener('abort', leave);
  const due = Promise.withResolvers<'due'>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const answering = answer({
    signal: gone.signal,
    waitBegins: () => (timer ??= setTimeout(() => due.resolve('due'), SIGN_MS)),
  }).finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', leave);
  });
  const first = await Promise.race([answering, due.promise]);
  if (first !== 'due') return first;
  keepReplyOpen(c.req.raw);
  const bytes = bodyOf(c, answering, nothing);
  let wake = (): void => {};
  const taken = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  const body = new ReadableStream<Uint8Array>({
    start: (controller) =>
      c.executionCtx.waitUntil(
        fill(controller, sign, bytes, gone.signal, taken).finally(() => releaseReply(c.req.raw)),
      ),
    pull: () => wake(),
    // If the very first bytes find nobody the runtime says so here, and not by the signal of the request.
    cancel: () => {
      leave();
      wake();
    },
  });
  return new Response(body, { headers: { 'content-type': contentType } });
}

async function fill(
  controller: ReadableStreamDefaultController<Uint8Array>,
  sign: number,
  body: Promise<Uint8Array>,
  signal: AbortSignal,
  taken: () => Promise<void>,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const show = (): void => {
    if (signal.aborted) return;
    controller.enqueue(Uint8Array.of(sign));
    timer = setTimeout(show, SIGN_MS);
  };
  show();
  const bytes = await body;
  clearTimeout(timer);
  for (let at = 0; at < bytes.length && !signal.aborted; at += PIECE_BYTES) {
    controller.enqueue(bytes.subarray(at, at + PIECE_BYTES));
    while ((controller.desiredSize ?? 1) <= 0 && !signal.aborted) await taken();
  }
  if (!signal.aborted) controller.close();
}

async function bodyOf(
  c: AppContext,
  answering: Promise<Response>,
  nothing: () => Promise<Response>,
): Promise<Uint8Array> {
  const answered = await answering.catch((error: unknown) => {
    console.error(`${c.req.method} ${c.req.path} failed while it waited`, error);
    return null;
  });
  const response = answered?.ok ? answered : await nothing();
  return new Uint8Array(await response.arrayBuffer());
}
