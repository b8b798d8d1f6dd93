/** Virtual rows: a table of any length, of which only the rows in view are in the document. */

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

const ROW_PX = 40;
const MARGIN_ROWS = 8;

interface Props<Item> {
  readonly label: string;
  readonly columns: readonly string[];
  readonly items: readonly Item[];
  readonly keyOf: (item: Item) => string;
  /** The cells of a row, one for each column. */
  readonly cells: (item: Item) => readonly ComponentChildren[];
  readonly empty: string;
  /** Told which items are in view. */
  readonly onShown?: (items: readonly Item[]) => void;
}

export function VirtualRows<Item>({ label, columns, items, keyOf, cells, empty, onShown }: Props<Item>) {
  const scroller = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const height = scroller.current?.clientHeight ?? 600;
  const start = Math.max(0, Math.min(Math.floor(top / ROW_PX), items.length) - MARGIN_ROWS);
  const end = Math.min(items.length, Math.ceil((top + height) / ROW_PX) + MARGIN_ROWS);
  const shown = items.slice(start, end);
  const shownKey = `${start} ${end} ${items.length} ${shown.length === 0 ? '' : keyOf(shown[0]!)}`;
  useEffect(() => onShown?.(shown), [shownKey]);
  const style = { gridTemplateColumns: `minmax(10rem, 3fr) repeat(${columns.length - 1}, minmax(0, 1fr))` };
  if (items.length === 0) return <p class="empty">{empty}</p>;
  return (
    <div class="rows" role="table" aria-label={label} aria-rowcount={items.length + 1}>
      <div class="row head" role="row" aria-rowindex={1} style={style}>
        {columns.map((column) => (
          <span role="columnheader">{column}</span>
        ))}
      </div>
      <div
        class="scroller"
        ref={scroller}
        tabIndex={0}
        role="rowgroup"
        aria-label={label}
        onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      >
        <div class="space" role="presentation" style={{ height: `${items.length * ROW_PX}px` }}>
          {shown.map((item, index) => (
            <div
              class="row"
              role="row"
              key={keyOf(item)}
              aria-rowindex={start + index + 2}
              style={{ ...style, top: `${(start + index) * ROW_PX}px` }}
            >
              {cells(item).map((cell) => (
                <span role="cell">{cell}</span>
              ))}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}
