/** Generated credentials: headers and parameters that are nearly a token, or nothing like one. None is good. */

import type { Random } from '../../crash/random.ts';

export interface Generated {
  kind: string;
  authorization: string;
}

const LETTERS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
/** Letters that look like others: Cyrillic and full-width ones, and the ſ and K that fold to s and k. */
const LOOK_ALIKES: Readonly<Record<string, string>> = {
  p: 'р',
  h: 'һ',
  a: 'а',
  e: 'е',
  o: 'о',
  c: 'с',
  s: 'ſ',
  k: 'K',
  '0': '０',
  '1': '１',
  _: '＿',
};
const SPACES = [' ', '  ', '\t', '\u00a0', '\u2003', '\0', '\r\n', ','];

type Change = (text: string, random: Random) => string;

const at = (text: string, random: Random): number => Math.floor(random() * text.length);
const oneOf = <Item>(items: ArrayLike<Item>, random: Random): Item =>
  items[Math.floor(random() * items.length)]!;
const put = (text: string, index: number, letter: string): string =>
  text.slice(0, index) + letter + text.slice(index + 1);

/** Changes of a good token. */
const CHANGES: Readonly<Record<string, Change>> = {
  'cut short': (text, random) => text.slice(0, at(text, random)),
  'without its beginning': (text, random) => text.slice(1 + at(text.slice(1), random)),
  'a bit flipped': (text, random) => {
    const index = at(text, random);
    return put(text, index, String.fromCharCode(text.charCodeAt(index) ^ (1 << Math.floor(random() * 7))));
  },
  'a letter changed': (text, random) => {
    const index = at(text, random);
    const letter = oneOf(LETTERS, random);
    return put(text, index, letter === text[index] ? '-' : letter);
  },
  'two letters swapped': (text, random) => {
    const index = Math.floor(random() * (text.length - 1));
    const [one, other] = [text[index]!, text[index + 1]!];
    return one === other ? text.slice(1) : put(put(text, index, other), index + 1, one);
  },
  'another case': (text, random) => (random() < 0.5 ? text.toUpperCase() : text.toLowerCase()),
  'a look-alike': (text, random) => {
    const places = Array.from(text, (letter, index) => (letter in LOOK_ALIKES ? index : -1)).filter(
      (index) => index >= 0,
    );
    const index = oneOf(places, random);
    return put(text, index, LOOK_ALIKES[text[index]!]!);
  },
  'another checksum': (text, random) => {
    const checksum = Array.from({ length: 6 }, () => oneOf(LETTERS, random)).join('');
    return text.endsWith(checksum) ? text.slice(1) : text.slice(0, -6) + checksum;
  },
  'something behind it': (text, random) => text + oneOf(LETTERS, random),
  'something before it': (text, random) => oneOf(LETTERS, random) + text,
  'a space in it': (text, random) => {
    const index = 1 + at(text.slice(1), random);
    return text.slice(0, index) + oneOf(SPACES, random) + text.slice(index);
  },
  twice: (text) => text + text,
  'two headers': (text) => `${text}, Bearer ${text}`,
  quoted: (text) => `"${text}"`,
  'percent-encoded': (text) => text.replaceAll('_', '%5F'),
  'in base64': (text) => btoa(text),
  'random letters': (text, random) => Array.from(text, () => oneOf(LETTERS, random)).join(''),
  'a part of a JWT': (text) => `eyJ${btoa(text)}.e30.`,
  empty: () => '',
};

/** Ways to send a text that is no credential. */
const SENDS: readonly ((text: string) => string)[] = [
  (text) => `Bearer ${text}`,
  (text) => `bearer  ${text}`,
  (text) => `Basic ${base64Of(`anybody:${text}`)}`,
];

/** Ways to send a good token that nobody takes. */
const WRONG_SENDS: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => `Digest ${text}`,
  (text) => `Bearer: ${text}`,
  (text) => `Bearer=${text}`,
  (text) => `Bearer\t${text}`,
  (text) => `Bearer\u00a0${text}`,
  (text) => `Bearer Bearer ${text}`,
  (text) => `Bearer ${text} ${text}`,
  (text) => `Basic ${text}`,
  (text) => `Basic ${base64Of(`${text}:anybody`)}`,
  (text) => `Basic ${base64Of(`a:b:${text}`)}`,
  (text) => `B\u0435arer ${text}`,
];

/** @param good tokens that are good as they are */
export function generate(good: readonly string[], random: Random): Generated {
  const text = oneOf(good, random);
  if (random() < 0.1) return { kind: 'another way', authorization: oneOf(WRONG_SENDS, random)(text) };
  const [kind, change] = oneOf(Object.entries(CHANGES), random);
  return { kind, authorization: oneOf(SENDS, random)(change(text, random)) };
}

/** Texts up to a megabyte. Made once: a million of them would measure the making. */
export function hugeCredentials(good: string): Generated[] {
  const made: Generated[] = [];
  for (const length of [8_192, 8_193, 16_384, 1_048_576])
    for (const [kind, text] of [
      ['letters', 'a'.repeat(length)],
      ['a token, repeated', good.repeat(Math.ceil(length / good.length))],
      ['a token, then spaces', good + ' '.repeat(length)],
      ['a token, then spaces and a letter', `${good}${' '.repeat(length)}x`],
      ['dots', '.'.repeat(length)],
      ['nearly a JWT', `eyJ${'a'.repeat(length)}.`.repeat(2)],
    ] as const)
      for (const send of kind === 'a token, then spaces' ? [SENDS[2]!] : SENDS)
        made.push({ kind: `${kind}, ${length}`, authorization: send(text) });
  return made;
}

function base64Of(text: string): string {
  return Buffer.from(text).toString('base64');
}
