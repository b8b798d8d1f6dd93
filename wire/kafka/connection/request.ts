/** Request: one call of a client, read from its frame; and the bytes of its answer. */

import { ByteReader } from '../codec/byte-reader.ts';
import { ByteWriter } from '../codec/byte-writer.ts';
import { readMessage, writeMessage, type Struct } from '../codec/codec.ts';
import { APIS, isWithin, MESSAGES } from '../codec/message-table.ts';
import { API_VERSIONS, SERVED } from '../served-apis.ts';

export interface Request {
  /** The name of the API in Kafka's definitions, such as `Produce`. */
  api: string;
  key: number;
  version: number;
  correlationId: number;
  clientId: string | null;
  body: Struct;
  /** A version that this server does not have: the answer is Kafka's error with the versions that it has. */
  isUnsupported: boolean;
  bytes: number;
}

const HEADER = MESSAGES.get('RequestHeader')!;

/** Reads a request. Returns a text that says why the connection has to be closed, if the request is malformed or unknown. */
export function readRequest(frame: Uint8Array): Request | string {
  const start = new ByteReader(frame);
  const key = start.int16();
  const version = start.int16();
  if (start.problem !== null) return start.problem;
  const api = APIS.get(key);
  const versions = SERVED.get(key);
  if (api === undefined || versions === undefined) return `there is no API with the key ${key}`;
  const isUnsupported = !isWithin(versions, version);
  if (isUnsupported && key !== API_VERSIONS) {
    return `version ${version} of ${api.name}; ${versions[0]} to ${versions[1]} are served`;
  }
  const reader = new ByteReader(frame);
  // A request of unknown form: only its first fields are certain.
  const headerVersion = !isUnsupported && isWithin(api.request.flexible, version) ? 2 : 1;
  const header = readMessage(reader, HEADER, headerVersion);
  const body = isUnsupported ? {} : readMessage(reader, api.request, version);
  if (reader.problem !== null) return `${api.name} version ${version}: ${reader.problem}`;
  return {
    api: api.name,
    key,
    version,
    correlationId: header['correlationId'] as number,
    clientId: header['clientId'] as string | null,
    body,
    isUnsupported,
    bytes: frame.length,
  };
}

/** Writes the answer, with its length. */
export function writeAnswer(request: Request, body: object): Uint8Array[] {
  const { key, correlationId, isUnsupported } = request;
  const version = isUnsupported ? 0 : request.version;
  const { response } = APIS.get(key)!;
  const writer = new ByteWriter();
  writer.int32(correlationId);
  // Its header never has tagged fields: the client may not know yet which versions the server has.
  if (key !== API_VERSIONS && isWithin(response.flexible, version)) writer.varint(0);
  writeMessage(writer, response, version, body);
  const length = new ByteWriter(4);
  length.int32(writer.length);
  return [...length.take(), ...writer.take()];
}
