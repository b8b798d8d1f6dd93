/** Printer: what a command says. Results go to standard output, everything else to standard error. */

import type { Output } from './output.ts';
import { fieldsOfObject, scalarColumns, tableOf } from './table.ts';
import { harmless, type Style } from './style.ts';
import { joinLines } from './value-text.ts';

const decoder = new TextDecoder();

const textOf = (line: string | Uint8Array): string =>
  typeof line === 'string' ? line : decoder.decode(line);

export interface PrinterOptions {
  readonly isJson: boolean;
  readonly isQuiet: boolean;
  readonly style: Style;
}

export class Printer {
  readonly out: Output;
  readonly err: Output;
  readonly isJson: boolean;
  readonly isQuiet: boolean;
  readonly style: Style;

  constructor(out: Output, err: Output, { isJson, isQuiet, style }: PrinterOptions) {
    this.out = out;
    this.err = err;
    this.isJson = isJson;
    this.isQuiet = isQuiet;
    this.style = style;
  }

  /** One JSON document, or for people: `text` if it is given, else the members of the object. */
  async result(value: object, text?: string | readonly string[]): Promise<void> {
    if (this.isJson) await this.out.line(JSON.stringify(value));
    else await this.lines(text ?? fieldsOfObject(value, this.out.columns, this.style));
  }

  /** A list: one JSON document, or a table. */
  async list(
    reply: object,
    rows: readonly Readonly<Record<string, unknown>>[],
    columns: readonly string[] | undefined,
    ifNone: string,
  ): Promise<void> {
    if (this.isJson) await this.out.line(JSON.stringify(reply));
    else if (rows.length === 0) await this.hint(ifNone);
    else await this.lines(tableOf(rows, columns ?? scalarColumns(rows), this.out.columns, this.style));
  }

  /** What others have stored: on a terminal it cannot steer it, elsewhere it is as it was. False: the reader has left. */
  async stored(lines: readonly (string | Uint8Array)[]): Promise<boolean> {
    const { isTerminal } = this.out;
    return await this.out.write(joinLines(isTerminal ? lines.map((line) => harmless(textOf(line))) : lines));
  }

  async lines(lines: string | readonly string[]): Promise<void> {
    const text = typeof lines === 'string' ? lines : lines.join('\n');
    if (text !== '') await this.out.line(text);
  }

  /** What helps people and is no result. */
  async hint(text: string): Promise<void> {
    if (!this.isQuiet) await this.err.line(this.style.dim(text));
  }

  /** What people have to know, also with `--quiet`. */
  async warn(text: string): Promise<void> {
    await this.err.line(`posthorn: ${text}`);
  }
}
