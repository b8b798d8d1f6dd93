import { describe, expect, it } from 'vitest';
import { missingTraceHeaders, traceContextOf, traceIdOf } from '../../protocol/headers/trace-context.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = `00-${TRACE}-00f067aa0ba902b7-01`;

describe('a traceparent', () => {
  it.each([
    ['the version that is current', PARENT],
    ['flags that nobody knows yet', `00-${TRACE}-00f067aa0ba902b7-ff`],
    ['a version to come', `cc-${TRACE}-00f067aa0ba902b7-01`],
    ['a version to come that says more', `cc-${TRACE}-00f067aa0ba902b7-01-what-the-future-brings`],
  ])('is taken with %s', (_, text) => {
    expect(traceContextOf(text, null)).toEqual({ traceparent: text, tracestate: null });
    expect(traceIdOf(text)).toBe(TRACE);
  });

  it.each([
    ['nothing', ''],
    ['words', 'hello'],
    ['a version that is forbidden', `ff-${TRACE}-00f067aa0ba902b7-01`],
    ['a trace of zeros', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
    ['a parent of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['upper case', PARENT.toUpperCase()],
    ['a trace that is too short', `00-${TRACE.slice(1)}-00f067aa0ba902b7-01`],
    ['more than version 00 has', `${PARENT}-more`],
    ['a version to come that goes on without a dash', `cc-${TRACE}-00f067aa0ba902b7-01.more`],
    ['two of them', `${PARENT}, ${PARENT}`],
    ['a flag that is no number', `00-${TRACE}-00f067aa0ba902b7-0x`],
    ['no end', `cc-${TRACE}-00f067aa0ba902b7-01-${'x'.repeat(10_000)}`],
  ])('is ignored with %s, and the tracestate with it', (_, text) => {
    expect(traceContextOf(text, 'a=1')).toBeNull();
    expect(traceIdOf(text)).toBeUndefined();
  });
});

describe('a tracestate', () => {
  const stateOf = (text: string): string | null => traceContextOf(PARENT, text)!.tracestate;

  it.each([
    ['rojo=00f067aa0ba902b7,congo=t61rcWkgMzE', 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE'],
    ['a=1 , b=2,\tc=3,,', 'a=1,b=2,c=3'],
    ['fw529a3039@dt=FfD_xyz-09', 'fw529a3039@dt=FfD_xyz-09'],
    ['a=has spaces inside', 'a=has spaces inside'],
  ])('is taken: %s', (text, taken) => {
    expect(stateOf(text)).toBe(taken);
  });

  it.each(['a', 'A=1', 'a=1,a=2', '=1', 'a=1=2', 'a=\u00fc', 'a b=1', ','])(
    'is ignored, and the traceparent is not: %s',
    (text) => {
      expect(stateOf(text)).toBeNull();
    },
  );

  it('has 32 members at most', () => {
    const members = (count: number): string =>
      Array.from({ length: count }, (_, index) => `k${index}=v`).join(',');
    expect(stateOf(members(32))).toBe(members(32));
    expect(stateOf(members(33))).toBeNull();
  });

  it('loses whole members where it is too long: long ones first, then the last', () => {
    const long = `long=${'x'.repeat(200)}`;
    const short = Array.from({ length: 5 }, (_, index) => `k${index}=${'v'.repeat(90)}`);
    expect(stateOf([long, ...short].join(','))).toBe(short.join(','));
    const more = [...short, `k5=${'v'.repeat(90)}`];
    expect(stateOf(more.join(','))).toBe(short.join(','));
  });
});

describe('the headers of a context', () => {
  const context = { traceparent: PARENT, tracestate: 'a=1' };
  const namesOf = (own: string[]): string[] =>
    missingTraceHeaders(
      own.map((key) => ({ key, value: null })),
      context,
    ).map(({ key }) => key);

  it('are those that the message does not have itself', () => {
    expect(namesOf([])).toEqual(['traceparent', 'tracestate']);
    expect(namesOf(['x', 'Traceparent'])).toEqual([]);
    expect(namesOf(['TraceState'])).toEqual(['traceparent']);
  });
});
