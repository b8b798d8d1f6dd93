/** Signature parts: what the headers of a webhook say of its signature, by each scheme, and the text that is signed around the body. */

import type { HookDeclaration, HookSignature } from '../../protocol/schemas/hooks.ts';

/** Signatures of one request: senders that rotate their secret sign with each. */
const SIGNATURES_MAX = 10;

/** A header with more is none that a sender has made. */
const HEADER_LENGTH_MAX = 4_096;

export type HookConfig = Pick<HookDeclaration, 'scheme' | 'signature' | 'tolerance_s'>;

export interface SignatureParts {
  /** Any of them may be the right one. */
  readonly signatures: readonly Uint8Array<ArrayBuffer>[];
  readonly hash: HookSignature['hash'];
  /** Signed are these texts with the body between. */
  readonly before: string;
  readonly after: string;
}

/** Reads a header by its name. */
export type HeaderOf = (name: string) => string | undefined;

export const GITHUB: HookSignature = {
  header: 'x-hub-signature-256',
  prefix: 'sha256=',
  hash: 'sha256',
  encoding: 'hex',
  signed: '{body}',
  id_header: 'x-github-delivery',
  type_header: 'x-github-event',
};

/** Returns the parts, or what is wrong with the headers, in words. */
export function readSignature(
  config: HookConfig,
  headerOf: HeaderOf,
  nowMs: number,
): SignatureParts | string {
  switch (config.scheme) {
    case 'github':
      return readHmac(GITHUB, config, headerOf, nowMs);
    case 'hmac':
      return readHmac(config.signature!, config, headerOf, nowMs);
    case 'stripe':
      return readStripe(config, headerOf, nowMs);
    case 'standard':
      return readStandard(config, headerOf, nowMs);
  }
}

function readHmac(
  {
    header,
    prefix,
    hash,
    encoding,
    signed,
    timestamp_header: timeHeader,
    id_header: idHeader,
  }: HookSignature,
  config: HookConfig,
  headerOf: HeaderOf,
  nowMs: number,
): SignatureParts | string {
  const text = given(header, headerOf);
  if (text === null) return lacking(header);
  if (!text.startsWith(prefix)) return `header ${header} does not begin with "${prefix}"`;
  const signature = bytesOf(text.slice(prefix.length), encoding);
  if (signature === null) return `header ${header} has no signature in ${encoding}`;
  const values: Record<string, string> = {};
  for (const [part, name] of [
    ['timestamp', timeHeader],
    ['id', idHeader],
  ] as const) {
    const isSigned = signed.includes(`{${part}}`);
    if (name === undefined || (part === 'id' && !isSigned)) continue;
    const value = given(name, headerOf);
    if (value === null) return lacking(name);
    const late = part === 'timestamp' ? timeProblem(value, config, nowMs) : null;
    if (late !== null) return late;
    values[part] = value;
  }
  const filled = (part: string): string =>
    part.replaceAll(/\{(timestamp|id)\}/g, (_, name: string) => values[name] ?? '');
  const [before = '', after = ''] = signed.split('{body}');
  return { signatures: [signature], hash, before: filled(before), after: filled(after) };
}

/** `t=<seconds>,v1=<hex>`, with more of `v1` while a secret is rotated. */
function readStripe(config: HookConfig, headerOf: HeaderOf, nowMs: number): SignatureParts | string {
  const header = 'stripe-signature';
  const text = given(header, headerOf);
  if (text === null) return lacking(header);
  const pairs = text.split(',').map((pair) => pair.trim().split('='));
  const time = pairs.find(([name]) => name === 't')?.[1] ?? '';
  const late = timeProblem(time, config, nowMs);
  if (late !== null) return late;
  const texts = pairs.filter(([name]) => name === 'v1').map(([, value = '']) => value);
  return parts(header, texts, 'hex', `${time}.`);
}

/** `v1,<base64>`, with more after spaces, or in more headers, which come as one with commas between. */
function readStandard(config: HookConfig, headerOf: HeaderOf, nowMs: number): SignatureParts | string {
  const header = 'webhook-signature';
  const text = given(header, headerOf);
  if (text === null) return lacking(header);
  const id = given('webhook-id', headerOf);
  if (id === null) return lacking('webhook-id');
  const time = given('webhook-timestamp', headerOf) ?? '';
  const late = timeProblem(time, config, nowMs);
  if (late !== null) return late;
  const texts = text.split(/,? /).filter((one) => one.startsWith('v1,'));
  return parts(
    header,
    texts.map((one) => one.slice(3)),
    'base64',
    `${id}.${time}.`,
  );
}

function parts(
  header: string,
  texts: readonly string[],
  encoding: HookSignature['encoding'],
  before: string,
): SignatureParts | string {
  const signatures = texts
    .slice(0, SIGNATURES_MAX)
    .map((one) => bytesOf(one, encoding))
    .filter((one) => one !== null);
  if (signatures.length === 0) return `header ${header} has no signature v1`;
  return { signatures, hash: 'sha256', before, after: '' };
}

function timeProblem(text: string, { tolerance_s: toleranceS }: HookConfig, nowMs: number): string | null {
  if (!/^\d{1,12}$/.test(text)) return 'the time of sending is missing, or no number of seconds';
  const apartS = Math.abs(Number(text) - nowMs / 1_000);
  if (apartS <= toleranceS) return null;
  return `the time of sending is more than ${toleranceS} s from now`;
}

function given(name: string, headerOf: HeaderOf): string | null {
  const text = headerOf(name);
  return text === undefined || text === '' || text.length > HEADER_LENGTH_MAX ? null : text;
}

function lacking(name: string): string {
  return `header ${name} is missing`;
}

function bytesOf(text: string, encoding: HookSignature['encoding']): Uint8Array<ArrayBuffer> | null {
  if (encoding === 'hex') {
    if (!/^(?:[0-9a-f]{2}){1,64}$/i.test(text)) return null;
    return Uint8Array.from(text.match(/../g)!, (pair) => parseInt(pair, 16));
  }
  if (!/^[A-Za-z0-9+/]{2,88}={0,2}$/.test(text)) return null;
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}
