/** What an answer has to be: never a 500; a refusal as the table of errors says, a success as the contract of the call says. */

import { decodeDeliveryFrame } from '../../protocol/frames/delivery-frame.ts';
import { errorTable, type ErrorCode, type ProblemDocument } from '../../protocol/errors.ts';
import { decodeAcquiredFrame } from '../../protocol/frames/acquired-frame.ts';
import { decodeGroupFrame } from '../../protocol/frames/group-frame.ts';
import {
  DELIVERIES_TYPE,
  ACQUIRED_RECORDS_TYPE,
  GROUP_RECORDS_TYPE,
  JSON_LINES_TYPE,
  JSON_TYPE,
  PROBLEM_TYPE,
  RECORD_BATCH_TYPE,
  SETTLEMENTS_TYPE,
} from '../../protocol/headers/media-types.ts';
import { operations, type Operation } from '../../protocol/operations/index.ts';
import type { PublishedMessage } from '../../protocol/schemas/exchanges.ts';
import { partlyStoredSchema } from '../../protocol/schemas/records.ts';
import { isBatchFailure, splitBatches } from '../../protocol/record-batch/index.ts';
import { decodeOutcomeFrame } from '../../protocol/frames/settlement-frame.ts';

export interface Answer {
  status: number;
  /** The code of a refusal. */
  code?: string;
  /** A refusal that says that a part of its request is stored, or may be. */
  isPart?: boolean;
  /** The body of a success, if it is JSON. */
  json?: unknown;
  /** The same, or lines of JSON, as it was written. */
  text?: string;
  /** One sentence for each thing that is wrong with it. */
  wrong: string[];
}

/** @param operation whose call was made; empty if the path and the method are of none */
export async function readAnswer(response: Response, operation: string): Promise<Answer> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const { status } = response;
  if (!response.ok) return { status, ...refusalOf(response, bytes) };
  // What a client has stored, of the type that it has named.
  if (operation === operations.getObject.id) return { status, wrong: [] };
  const [type = ''] = (response.headers.get('content-type') ?? '').split(';');
  if (type === JSON_LINES_TYPE) return { status, text: textOf(bytes), wrong: [] };
  if (type !== JSON_TYPE) return { status, wrong: checkBytes(type, bytes) };
  const known = operations[operation as keyof typeof operations] as Operation | undefined;
  const schema = known?.replies[status]?.json;
  const text = textOf(bytes);
  if (!schema) return { status, wrong: [`was answered ${status}, which the contract does not know`] };
  const json = JSON.parse(text) as unknown;
  const parsed = schema.safeParse(json);
  return {
    status,
    json,
    text,
    wrong: parsed.success ? [] : [`was answered ${text.slice(0, 500)}: ${parsed.error.message}`],
  };
}

function refusalOf(response: Response, bytes: Uint8Array): Pick<Answer, 'code' | 'isPart' | 'wrong'> {
  const text = textOf(bytes);
  const said = `was answered ${response.status} ${text.slice(0, 500)}`;
  if (response.headers.get('content-type') !== PROBLEM_TYPE)
    return { wrong: [`${said}, which is no problem document`] };
  const json: unknown = JSON.parse(text);
  return { ...problemOf(json, said, response.status), isPart: isPart(json as PartlyPublished) };
}

interface PartlyPublished {
  readonly code: string;
  readonly messages?: readonly PublishedMessage[];
}

/**
 * Through an exchange a failure that no repetition can fix determines the code, whatever other destinations have done: `messages` tells
 * of each. One that did not answer may have stored its messages.
 */
function isPart({ code, messages = [] }: PartlyPublished): boolean {
  const isUnknown = (of: string): boolean => (errorTable[of as ErrorCode]?.status ?? 500) >= 500;
  return (
    code === 'partly_stored' ||
    messages.some(
      ({ destinations, failed = [] }) =>
        destinations.length > 0 || failed.some((each) => isUnknown(each.code)),
    )
  );
}

/** @param status of HTTP; left out on a stream */
export function problemOf(json: unknown, said: string, status?: number): { code: string; wrong: string[] } {
  const problem = json as ProblemDocument;
  const { code } = problem;
  const known = errorTable[code as ErrorCode];
  if (!known) return { code, wrong: [`${said}, whose code is not in the table`] };
  // Every object can be reached: one that does not answer has thrown.
  const isLost = known.status === 503 && code.endsWith('unavailable');
  if (code === 'internal_error' || isLost) return { code, wrong: [said] };
  const isAsSaid =
    known.status === (status ?? problem.status) &&
    known.retryable === problem.retryable &&
    problem.detail.length > 0;
  if (!isAsSaid) return { code, wrong: [`${said}, which is not what the table says`] };
  if (code === 'partly_stored') return { code, wrong: checkParts(json, said) };
  // A refusal has stored nothing, so it has nothing to tell of.
  return { code, wrong: 'stored' in problem ? [`${said}, which tells of records that it has stored`] : [] };
}

/** It says what is stored and what is not, each at least once. */
function checkParts(json: unknown, said: string): string[] {
  const parsed = partlyStoredSchema.safeParse(json);
  if (!parsed.success) return [`${said}: ${parsed.error.message}`];
  const { stored, failed } = parsed.data;
  return stored.length > 0 && failed.length > 0 ? [] : [`${said}, which is not partly stored`];
}

function checkBytes(type: string, bytes: Uint8Array): string[] {
  try {
    if (type === DELIVERIES_TYPE && bytes.length > 0) decodeDeliveryFrame(bytes);
    if (type === SETTLEMENTS_TYPE) decodeOutcomeFrame(bytes);
    if (type === GROUP_RECORDS_TYPE) decodeGroupFrame(bytes);
    if (type === ACQUIRED_RECORDS_TYPE) decodeAcquiredFrame(bytes);
  } catch (error) {
    return [`was answered with ${type} that cannot be read: ${(error as Error).message}`];
  }
  if (type !== RECORD_BATCH_TYPE) return [];
  const batches = splitBatches(bytes);
  return isBatchFailure(batches) ? [`was answered with record batches: ${batches.message}`] : [];
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
