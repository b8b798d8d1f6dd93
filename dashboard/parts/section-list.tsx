/** Section list: all things of a kind, searched by name, where one of them can be chosen; its address says which. */

import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { Trouble } from './small-parts.tsx';
import { SearchField } from './search-field.tsx';
import { VirtualRows } from './virtual-rows.tsx';
import { hrefOf, type Section } from '../route.ts';
import type { Live } from '../data/live.ts';

/** Below it nobody needs a search. */
const SEARCHED_MIN = 8;

interface Props<Item> {
  readonly section: Section;
  readonly namespace: string;
  /** The chosen one. */
  readonly name: string | undefined;
  readonly label: string;
  readonly list: Live<readonly Item[]>;
  readonly nameOf: (item: Item) => string;
  readonly columns: readonly string[];
  /** The cells behind the name. */
  readonly cells: (item: Item) => readonly ComponentChildren[];
  /** What to say, and what to do, where there are none. */
  readonly empty: string;
}

export function SectionList<Item>(props: Props<Item>) {
  const { section, namespace, name, label, list, nameOf, columns, cells, empty } = props;
  const [search, setSearch] = useState('');
  const wanted = search.trim().toLowerCase();
  const found = useMemo(
    () => list.value?.filter((item) => nameOf(item).toLowerCase().includes(wanted)) ?? [],
    [list.value, wanted],
  );
  return (
    <>
      <Trouble error={list.error} />
      {list.value === undefined && list.error === null && <p class="empty">Loading …</p>}
      {(list.value?.length ?? 0) >= SEARCHED_MIN && <SearchField value={search} onChange={setSearch} />}
      {list.value && (
        <VirtualRows
          label={label}
          columns={columns}
          items={found}
          keyOf={nameOf}
          empty={list.value.length === 0 ? empty : 'None has such a name.'}
          cells={(item) => [
            <a
              href={hrefOf({ page: section, namespace, name: nameOf(item) })}
              aria-current={nameOf(item) === name ? 'true' : undefined}
            >
              {nameOf(item)}
            </a>,
            ...cells(item),
          ]}
        />
      )}
    </>
  );
}
