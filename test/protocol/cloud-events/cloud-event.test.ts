/** CloudEvents, read from JSON and from headers: what they become, and what is refused. */

import { describe, expect, it } from 'vitest';
import { eventOfHeaders, eventOfJson, type CloudEvent } from '../../../protocol/cloud-events/cloud-event.ts';
import {
  identityOf,
  recordOfEvent,
  routedMessageOfEvent,
} from '../../../protocol/cloud-events/stored-event.ts';
import { isFailure, type Failure } from '../../../protocol/errors.ts';
import { parseJson } from '../../../protocol/json/json-parse.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const LEAST = { specversion: '1.0', id: '1', source: '/shop', type: 'order.created' };

function ofText(text: string): CloudEvent | Failure {
  const parsed = parseJson(encoder.encode(text), ['data']);
  if (isFailure(parsed)) throw new Error(parsed.message);
  return eventOfJson(parsed.json);
}

const ofFields = (fields: object): CloudEvent | Failure => ofText(JSON.stringify({ ...LEAST, ...fields }));

function read(event: CloudEvent | Failure): { attributes: Record<string, string>; data: string | null } {
  if (isFailure(event)) throw new Error(event.message);
  return {
    attributes: Object.fromEntries(event.attributes),
    data: event.data && decoder.decode(event.data),
  };
}

describe('an event as JSON', () => {
  it.each([
    ['no data', {}, null],
    ['null, as Debezium sends it', { data: null, subject: null }, null],
    ['an object', { data: { a: 1 } }, '{"a":1}'],
    ['text, which is JSON too', { data: 'a' }, '"a"'],
    ['text of another type', { data: 'a', datacontenttype: 'text/plain' }, 'a'],
    ['a type with a suffix', { data: 'a', datacontenttype: 'application/vnd.x+json; v=1' }, '"a"'],
    ['an object of another type', { data: { a: 1 }, datacontenttype: 'text/x' }, '{"a":1}'],
    ['bytes', { data_base64: 'AAEC' }, '\u0000\u0001\u0002'],
  ])('has data: %s', (_, fields, data) => {
    expect(read(ofFields(fields)).data).toBe(data);
  });

  it('keeps the digits of numbers', () => {
    const text = `{"specversion":"1.0","id":"1","source":"s","type":"t","data":{"n":9007199254740993}}`;
    expect(read(ofText(text)).data).toBe('{"n":9007199254740993}');
  });

  it('has extensions: text, booleans and integers, with names in small letters', () => {
    const { attributes } = read(ofFields({ Region: 'eu', retried: true, attempt: -3, gone: null }));
    expect(attributes).toEqual({ ...LEAST, region: 'eu', retried: 'true', attempt: '-3' });
  });

  it.each([
    [{ specversion: '0.3' }, 'specversion'],
    [{ specversion: undefined }, 'specversion is missing'],
    [{ id: '' }, 'id is required'],
    [{ source: null }, 'source is required'],
    [{ type: undefined }, 'type is required'],
    [{ time: 'yesterday' }, 'time'],
    [{ time: '2026-02-30T25:00:00Z' }, 'time'],
    [{ time: '2026-02-30T12:00:00Z' }, 'time'],
    [{ datacontenttype: 'text/plain', data: '\ud800' }, 'surrogate'],
    [{ subject: 'a\nb' }, 'control'],
    [{ data: 1, data_base64: 'AA==' }, 'exclude'],
    [{ data_base64: 'A' }, 'base64'],
    [{ data_base64: 5 }, 'base64'],
    [{ some_name: 'x' }, 'letters and digits'],
    [{ Data: 'x' }, 'letters and digits'],
    [{ part: 1.5 }, 'integer'],
    [{ part: 2 ** 31 }, 'integer'],
    [{ part: { a: 1 } }, 'integer'],
    [{ region: 'a', Region: 'b' }, 'twice'],
  ])('is refused: %j', (fields, words) => {
    const event = ofFields(fields);
    expect(event).toMatchObject({ code: 'invalid_event', message: expect.stringContaining(words) as string });
  });

  it.each([['[]'], ['1'], ['"x"'], ['null'], ['{}'], ['{"__proto__":{"id":"x"}}']])(
    'is an object with attributes, not %s',
    (text) => expect(ofText(text)).toMatchObject({ code: 'invalid_event' }),
  );
});

describe('an event in headers', () => {
  const HEADERS = Object.entries(LEAST).map(([name, value]): [string, string] => [`ce-${name}`, value]);

  it.each([
    ['"a \\"b\\" c"', 'a "b" c'],
    ['"caf%C3%A9"', 'café'],
    ['""', ''],
    ['"open', '"open'],
    ['a "b"', 'a "b"'],
  ])('has the header %s as %j', (header, subject) => {
    const event = read(eventOfHeaders([...HEADERS, ['ce-subject', header]], new Uint8Array()));
    expect(event.attributes).toMatchObject({ subject });
  });

  it('has its data as the body, of the type of the content', () => {
    const event = eventOfHeaders(
      [...HEADERS, ['content-type', 'text/csv'], ['ce-subject', 'caf%C3%A9 100%'], ['accept', 'x']],
      encoder.encode('a,b'),
    );
    expect(read(event)).toEqual({
      attributes: { ...LEAST, datacontenttype: 'text/csv', subject: 'café 100%' },
      data: 'a,b',
    });
    expect(read(eventOfHeaders(HEADERS, new Uint8Array())).data).toBeNull();
  });

  it.each([
    ['ce-sub-ject', 'x'],
    ['ce-data', 'x'],
    ['ce-subject', '%ff'],
    ['ce-datacontenttype', 'x'],
    ['ce-time', '1'],
  ])('is refused with %s: %s', (name, value) => {
    expect(eventOfHeaders([...HEADERS, [name, value]], new Uint8Array())).toMatchObject({
      code: 'invalid_event',
    });
  });
});

describe('a stored event', () => {
  const event = ofFields({ partitionkey: 'p', subject: 's', data: 1 }) as CloudEvent;

  it('has the key and the routing key that its attributes have', () => {
    expect(recordOfEvent(event, undefined)).toMatchObject({ key: 'p', headers: { ce_subject: 's' } });
    expect(recordOfEvent(event, 'subject')).toMatchObject({ key: 's' });
    expect(recordOfEvent(ofFields({}) as CloudEvent, undefined)).toMatchObject({ key: null, value: null });
    expect(routedMessageOfEvent(event, 'id')).toMatchObject({ routing_key: 'order.created' });
    expect(routedMessageOfEvent(event, 'id', 'subject')).toMatchObject({ routing_key: 's' });
  });

  it('has an identity that no other source and id have', () => {
    const of = (source: string, id: string): string => identityOf(ofFields({ source, id }) as CloudEvent);
    expect(of('/shop', '7')).toBe('/shop#7');
    const all = [of('a', 'b#c'), of('a#b', 'c'), of('a', 'b%23c'), of('a#b', '%23c')];
    expect(new Set(all).size).toBe(all.length);
  });

  it('needs the attribute that is named', () => {
    expect(recordOfEvent(event, 'region')).toMatchObject({ code: 'invalid_event' });
    expect(routedMessageOfEvent(event, 'id', 'region')).toMatchObject({ code: 'invalid_event' });
  });
});
