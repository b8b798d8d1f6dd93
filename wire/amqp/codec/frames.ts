/**
 * Frames: what an AMQP connection consists of after the protocol header. All numbers are big-endian.
 *
 *   frame          = uint8 type, uint16 channel, uint32 length of the payload, payload, uint8 0xce
 *   method frame   = type 1: uint16 class, uint16 method, fields (method-codec.ts)
 *   content header = type 2: uint16 class, uint16 weight (0), uint64 length of the body, properties (properties.ts)
 *   content body   = type 3: a piece of the body
 *   heartbeat      = type 8, channel 0: nothing
 */

import { amqpError, type AmqpError } from '../reply-codes.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { readProperties, writeProperties, type BasicProperties } from './properties.ts';

export const FRAME_TYPES = { method: 1, header: 2, body: 3, heartbeat: 8 } as const;

/** Type, channel, length and end: what a frame has beside its payload. */
export const FRAME_OVERHEAD = 8;
export const FRAME_HEAD = 7;
export const FRAME_END = 0xce;

/** Both sides take frames of this size before they have agreed on one. */
export const FRAME_MIN_SIZE = 4_096;

/** What a client of AMQP 0-9-1 sends first, and what a server answers to any other beginning. */
export const PROTOCOL_HEADER = new Uint8Array([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]);

export interface Frame {
  type: number;
  channel: number;
  /** A view of the bytes that were received. */
  payload: Uint8Array;
}

/** Writes a frame whose payload `write` writes. */
export function writeFrame(writer: ByteWriter, type: number, channel: number, write: () => void): void {
  writer.uint8(type);
  writer.uint16(channel);
  writer.withLength(write);
  writer.uint8(FRAME_END);
}

export function encodeFrame(type: number, channel: number, payload: Uint8Array): Uint8Array {
  const writer = new ByteWriter(payload.length + FRAME_OVERHEAD);
  writeFrame(writer, type, channel, () => writer.bytes(payload));
  return writer.result();
}

export const HEARTBEAT_FRAME = encodeFrame(FRAME_TYPES.heartbeat, 0, new Uint8Array());

export interface ContentHeader {
  classId: number;
  bodyBytes: number;
  properties: BasicProperties;
  /** The properties as they were sent, flags first. A copy. */
  rawProperties: Uint8Array;
}

/** Class, weight, length of the body. */
const HEADER_HEAD = 12;

export function decodeContentHeader(payload: Uint8Array): ContentHeader | AmqpError {
  const reader = new ByteReader(payload);
  const classId = reader.uint16();
  reader.uint16(); // the weight, which nobody uses
  const bodyBytes = reader.count64();
  const rawProperties = payload.slice(HEADER_HEAD);
  const properties = decodeProperties(rawProperties);
  if (reader.isBroken || properties === null) {
    return amqpError('syntax-error', 'the content header is malformed', { classId, methodId: 0 });
  }
  return { classId, bodyBytes, properties, rawProperties };
}

/** Reads properties as a content header has them; null for malformed ones. Tables in it are views of the bytes. */
export function decodeProperties(bytes: Uint8Array): BasicProperties | null {
  const reader = new ByteReader(bytes);
  const properties = readProperties(reader);
  return reader.isBroken || reader.left > 0 ? null : properties;
}

export function encodeProperties(properties: BasicProperties): Uint8Array {
  const writer = new ByteWriter();
  writeProperties(writer, properties);
  return writer.result();
}

/** The payload of a content header. */
export function encodeContentHeader(
  classId: number,
  bodyBytes: number,
  rawProperties: Uint8Array,
): Uint8Array {
  const writer = new ByteWriter(HEADER_HEAD + rawProperties.length);
  writeContentHeader(writer, classId, bodyBytes, rawProperties);
  return writer.result();
}

export function writeContentHeader(
  writer: ByteWriter,
  classId: number,
  bodyBytes: number,
  rawProperties: Uint8Array,
): void {
  writer.uint16(classId);
  writer.uint16(0);
  writer.count64(bodyBytes);
  writer.bytes(rawProperties);
}
