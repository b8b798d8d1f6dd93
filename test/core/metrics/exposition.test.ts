/** The text that Prometheus scrapes. */

import { describe, expect, it } from 'vitest';
import { exposition, formatFor, type Family } from '../../../core/metrics/exposition.ts';
import { parseExposition } from '../../support/exposition-parser.ts';

const families: Family[] = [
  { name: 'some_total', type: 'counter', help: 'With a \\ and a\nline', samples: [{ labels: {}, value: 3 }] },
  { name: 'none', type: 'gauge', help: 'Nothing', samples: [] },
  {
    name: 'level',
    type: 'gauge',
    help: 'A "level"',
    samples: [{ labels: { of: 'a"b\\c\nd', and: '{},= ' }, value: 0.000001 }],
  },
];

describe('the exposition', () => {
  it('is that of Prometheus', () => {
    expect(exposition(families, 'prometheus')).toBe(`# HELP some_total With a \\\\ and a\\nline
# TYPE some_total counter
some_total 3
# HELP level A "level"
# TYPE level gauge
level{of="a\\"b\\\\c\\nd",and="{},= "} 0.000001
`);
  });

  it('is OpenMetrics', () => {
    expect(exposition(families, 'openmetrics')).toBe(`# HELP some With a \\\\ and a\\nline
# TYPE some counter
some_total 3
# HELP level A \\"level\\"
# TYPE level gauge
level{of="a\\"b\\\\c\\nd",and="{},= "} 0.000001
# EOF
`);
  });

  it('is read back, whatever the labels are', () => {
    for (const format of ['prometheus', 'openmetrics'] as const)
      expect(parseExposition(exposition(families, format), format)).toEqual([
        { name: 'some_total', labels: {}, value: 3 },
        { name: 'level', labels: { of: 'a"b\\c\nd', and: '{},= ' }, value: 0.000001 },
      ]);
  });
});

describe('the format', () => {
  it.each([
    ['', 'prometheus'],
    ['*/*', 'prometheus'],
    ['text/plain', 'prometheus'],
    ['application/openmetrics-text; version=1.0.0', 'openmetrics'],
    ['application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1', 'openmetrics'],
    ['text/plain;version=0.0.4;q=0.9,application/openmetrics-text;q=0.5', 'prometheus'],
    ['application/openmetrics-text;q=0', 'prometheus'],
  ])('for "%s" is %s', (accept, format) => expect(formatFor(accept)).toBe(format));
});
