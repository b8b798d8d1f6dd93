/** What a published message has to be, and how it goes to the broker: its further routing keys. */

import { expect, it } from 'vitest';
import { checkPublish, publishOf } from '../../../../wire/amqp/channel/publish.ts';
import type { Content } from '../../../../wire/amqp/channel/content.ts';
import { textField, type FieldTable, type FieldValue } from '../../../../wire/amqp/codec/field-table.ts';
import { decodeProperties, encodeProperties } from '../../../../wire/amqp/codec/frames.ts';

const listOf = (...keys: string[]): FieldValue => ({ type: 'A', value: keys.map(textField) });

function contentWith(headers: FieldTable): Content {
  const properties = { headers };
  return {
    method: { reserved1: 0, exchange: 'x', routingKey: 'own', mandatory: false, immediate: false },
    header: { classId: 60, bodyBytes: 0, properties, rawProperties: encodeProperties(properties) },
    body: new Uint8Array(),
  };
}

it('is published by its further routing keys, and without the blind ones among its headers', () => {
  const cc = listOf('a', 'b');
  const content = contentWith([
    ['CC', cc],
    ['BCC', listOf('c')],
    ['other', textField('x')],
  ]);
  expect(checkPublish(content, 'guest')).toBeNull();
  const { furtherKeys, properties, rawProperties } = publishOf(content);
  expect(furtherKeys).toEqual(['a', 'b', 'c']);
  expect(properties.headers).toEqual([
    ['CC', cc],
    ['other', textField('x')],
  ]);
  expect(decodeProperties(rawProperties)!.headers!.map(([name]) => name)).toEqual(['CC', 'other']);
});

it('goes as it was sent if it has none', () => {
  const content = contentWith([['other', textField('x')]]);
  expect(publishOf(content).rawProperties).toBe(content.header.rawProperties);
});

it('has no keys of entries that are no text', () => {
  const list: FieldValue = { type: 'A', value: [{ type: 'V' }, textField('a')] };
  expect(publishOf(contentWith([['CC', list]])).furtherKeys).toEqual(['a']);
});

it.each([
  { name: 'no list', field: textField('a') },
  { name: 'a key of 256 bytes', field: listOf('k'.repeat(256)) },
  { name: 'more than 100 keys', field: listOf(...Array<string>(101).fill('k')) },
])('is refused with $name', ({ field }) => {
  for (const header of ['CC', 'BCC'])
    expect(checkPublish(contentWith([[header, field]]), 'guest')).toMatchObject({ reply: expect.anything() });
});
