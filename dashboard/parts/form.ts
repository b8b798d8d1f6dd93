/** Forms: what somebody has typed into a field. */

/** @param event of a form, such as its `submit` */
export function textOf(event: Event, field: string, isTrimmed = true): string {
  const value = new FormData(event.currentTarget as HTMLFormElement).get(field);
  if (typeof value !== 'string') return '';
  return isTrimmed ? value.trim() : value;
}

/** Headers as lines `name: value`. @throws if a line is none */
export function readHeaders(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, value] = /^\s*([^:]+?)\s*:\s*(.*)$/.exec(line) ?? [];
      if (name === undefined) throw new Error(`"${line}" is no header: write name: value`);
      return [name, value!];
    }),
  );
}
