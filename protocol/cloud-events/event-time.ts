/** Event time: the `time` of a CloudEvent, a date and a time of day by RFC 3339. `Date.parse` takes more, and reads some of it as other days. */

const TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

/** Returns the ms since 1970, negative before; null for what RFC 3339 does not allow. A leap second is the second after it. */
export function msOfTime(text: string): number | null {
  const [, year, month, day, hour, minute, second, fraction = '', zone] = TIME.exec(text) ?? [];
  if (year === undefined) return null;
  const dayMs = Date.parse(`${year}-${month}-${day}T00:00:00Z`);
  const isDay = !Number.isNaN(dayMs) && new Date(dayMs).toISOString().startsWith(`${year}-${month}-${day}`);
  if (!isDay || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return null;
  const offset = /^([+-])(\d\d):(\d\d)$/.exec(zone!);
  if (offset !== null && (Number(offset[2]) > 23 || Number(offset[3]) > 59)) return null;
  const minutes = Number(hour) * 60 + Number(minute) - offsetMinutes(offset);
  return dayMs + minutes * 60_000 + Number(second) * 1_000 + Number(fraction.slice(1, 4).padEnd(3, '0'));
}

function offsetMinutes(offset: RegExpExecArray | null): number {
  if (offset === null) return 0;
  const minutes = Number(offset[2]) * 60 + Number(offset[3]);
  return offset[1] === '-' ? -minutes : minutes;
}
