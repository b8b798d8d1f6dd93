/** Live values: loaded when a page opens and again and again while somebody looks at it. */

import { useCallback, useEffect, useState } from 'preact/hooks';
import { wordsOf } from './api.ts';

export interface Live<Value> {
  readonly value: Value | undefined;
  readonly error: string | null;
  readonly reload: () => void;
}

/**
 * A page that nobody sees asks for nothing, so a window in the background keeps no object awake.
 * @param everyMs 0: only once, and when `reload` is called
 * @param key what the value depends on; another key begins anew
 */
export function useLive<Value>(
  load: (signal: AbortSignal) => Promise<Value>,
  everyMs: number,
  key: string,
): Live<Value> {
  const [state, setState] = useState<{ key: string; value?: Value; error: string | null }>({
    key,
    error: null,
  });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async (): Promise<void> => {
      if (document.hidden && everyMs > 0) return;
      let nextMs = everyMs;
      try {
        const value = await load(abort.signal);
        if (!abort.signal.aborted) setState({ key, value, error: null });
      } catch (error) {
        if (abort.signal.aborted) return;
        setState((before) => ({ ...(before.key === key ? before : { key }), error: wordsOf(error) }));
        nextMs = Math.max(everyMs, RETRY_MS);
      }
      if (nextMs > 0 && !abort.signal.aborted) timer = setTimeout(() => void run(), nextMs);
    };
    const onShown = (): void => {
      if (document.hidden || everyMs === 0) return;
      clearTimeout(timer);
      void run();
    };
    document.addEventListener('visibilitychange', onShown);
    void run();
    return () => {
      document.removeEventListener('visibilitychange', onShown);
      clearTimeout(timer);
      abort.abort();
    };
  }, [key, turn, everyMs]);
  const reload = useCallback(() => setTurn((before) => before + 1), []);
  const isCurrent = state.key === key;
  return { value: isCurrent ? state.value : undefined, error: isCurrent ? state.error : null, reload };
}

const RETRY_MS = 2_000;

/** Pages of a list, one after another, up to a bound. */
export async function loadPages<Page extends { next?: string | undefined }, Item>(
  load: (after: string | undefined) => Promise<Page>,
  itemsOf: (page: Page) => readonly Item[],
  itemsMax: number,
): Promise<Item[]> {
  const items: Item[] = [];
  let after: string | undefined;
  do {
    const page = await load(after);
    items.push(...itemsOf(page));
    after = page.next;
  } while (after !== undefined && items.length < itemsMax);
  return items;
}

/** Maps with a few calls at a time. What fails is left out. */
export async function mapSome<Item, Value>(
  items: readonly Item[],
  call: (item: Item) => Promise<Value>,
): Promise<Value[]> {
  const values: Value[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const item = items[next++]!;
      await call(item).then(
        (value) => values.push(value),
        () => {},
      );
    }
  };
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, work));
  return values;
}

/** A browser opens six connections to one host. */
const CALLS_AT_ONCE = 5;
